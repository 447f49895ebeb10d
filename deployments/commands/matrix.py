"""`interlock matrix`: the compatibility matrix, as a flow run that is watched in this terminal."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.commands.family import FamilyOption
from interlock.errors import ServerError

if TYPE_CHECKING:
    from uuid import UUID

    from deployments.matrix_display import MatrixDisplay
    from interlock.matrix.report import MatrixReport
    from interlock.matrix.request import MatrixRequest

DEFAULT_VERSIONS = "latest:10"
SPEC_HELP = 'A specifier (">=1.4,<2"), a list ("1.4.8, 1.4.9"), all, or latest:N.'

Upstream = Annotated[str | None, typer.Option(help="Only the edges from this package. Default: all.")]
Downstream = Annotated[list[str] | None, typer.Option(help="Only the edges to this package; may be repeated.")]
UpstreamVersions = Annotated[str, typer.Option(metavar="SPEC", help=f"Versions of the upstream. {SPEC_HELP}")]
DownstreamVersions = Annotated[str, typer.Option(metavar="SPEC", help=f"Versions of the downstreams. {SPEC_HELP}")]
Python = Annotated[list[str] | None, typer.Option(metavar="3.x", help="Default: those of the family file.")]
Jobs = Annotated[int | None, typer.Option(min=1, max=64, help="Cells side by side. Default: twice the cores.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Run all again, and show where a verdict wavers.")]
JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the report as JSON.")]
HtmlFile = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Where to write the HTML report.")]


def matrix(  # noqa: PLR0913  one for each option
    *,
    family: FamilyOption = None,
    upstream: Upstream = None,
    downstream: Downstream = None,
    upstream_versions: UpstreamVersions = DEFAULT_VERSIONS,
    downstream_versions: DownstreamVersions = DEFAULT_VERSIONS,
    python: Python = None,
    jobs: Jobs = None,
    fresh: Fresh = False,
    json_file: JsonFile = None,
    html: HtmlFile = None,
) -> None:
    """Test versions of an upstream with versions of its downstreams, and show which work together.

    Exit code 0 when everything that is declared to work does, 1 when something does not; others: docs/exit-codes.md.
    """
    from interlock.matrix.request import DEFAULT_JOBS, MatrixRequest  # noqa: PLC0415  --help stays fast

    request = MatrixRequest(
        family=str(family.resolve()) if family else None,
        upstream=upstream,
        downstream=tuple(downstream or ()),
        upstream_versions=upstream_versions,
        downstream_versions=downstream_versions,
        python=tuple(python or ()),
        jobs=jobs or DEFAULT_JOBS,
        fresh=fresh,
        json_file=str(json_file.resolve()) if json_file else None,
        html=str(html.resolve()) if html else None,
    )
    raise typer.Exit(_run_and_print(request))


def _run_and_print(request: "MatrixRequest") -> int:
    from rich.console import Console  # noqa: PLC0415

    from interlock.matrix.preview import check  # noqa: PLC0415
    from interlock.reports import print_report  # noqa: PLC0415

    check(request)
    console = Console()
    report, ui = asyncio.run(_run(request))
    print_report(report, console, page=request.page(report))
    if ui:
        console.print(f"the run, in Prefect's UI: {ui}", highlight=False, soft_wrap=True)
    return report.exit_code


async def _run(request: "MatrixRequest") -> "tuple[MatrixReport, str | None]":
    """Run the flow on the configured Prefect server, or else on this machine's own, which is started if need be.

    Returns:
        The report, and the address of the run in the UI of this machine's server.
    """
    from deployments import embedded_server  # noqa: PLC0415

    # The command shows progress and errors in its own words; the UI has every line and traceback.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    from deployments.matrix_display import MatrixDisplay  # noqa: PLC0415

    with MatrixDisplay() as display:
        if (api := embedded_server.configured_api()) is not None:
            await embedded_server.check_answers(api)
            return (await _flow(request, display))[0], None
        with embedded_server.start() as server:
            ready = asyncio.create_task(server.ready())
            try:
                await display.preview(request, until=ready)
                running = await ready
            finally:
                ready.cancel()
            os.environ.update(embedded_server.environment(running))
            display.say(f"Prefect UI: {running.ui}")
            report, run = await _flow(request, display)
            return report, f"{running.ui}/runs/flow-run/{run}"


async def _flow(request: "MatrixRequest", display: "MatrixDisplay") -> "tuple[MatrixReport, UUID | None]":
    display.doing("loading Prefect")
    import httpx  # noqa: PLC0415  the client that Prefect speaks through

    from flows.run_matrix import run_matrix  # noqa: PLC0415  two seconds, and only after its settings are known
    from interlock.matrix.progress import watcher  # noqa: PLC0415

    watcher.set(display.show)
    display.doing("planning")
    try:
        state = await run_matrix(request, return_state=True)
        return await state.aresult(), state.state_details.flow_run_id
    except httpx.TransportError as error:
        raise ServerError(
            f"The Prefect server went away: {type(error).__name__}",
            hint="What was found is kept, and the same command goes on from there.",
        ) from None
