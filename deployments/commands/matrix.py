"""`interlock matrix`: the compatibility matrix, as a flow run that is watched in this terminal."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.commands.family import FamilyOption

if TYPE_CHECKING:
    from interlock.matrix.report import MatrixReport
    from interlock.matrix.request import MatrixRequest

DEFAULT_VERSIONS = "latest:10"
SPEC_HELP = 'A specifier (">=1.4,<2"), a list ("1.4.8, 1.4.9"), all, or latest:N.'


class Where(StrEnum):
    """Where cells run."""

    HERE = "here"
    DASK = "dask"


Upstream = Annotated[str | None, typer.Option(help="Only the edges from this package. Default: all.")]
Downstream = Annotated[list[str] | None, typer.Option(help="Only the edges to this package; may be repeated.")]
UpstreamVersions = Annotated[str, typer.Option(metavar="SPEC", help=f"Versions of the upstream. {SPEC_HELP}")]
DownstreamVersions = Annotated[str, typer.Option(metavar="SPEC", help=f"Versions of the downstreams. {SPEC_HELP}")]
Python = Annotated[list[str] | None, typer.Option(metavar="3.x", help="Default: those of the family file.")]
Jobs = Annotated[int | None, typer.Option(min=1, max=64, help="Cells side by side. Default: twice the cores.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Run all again, and show where a verdict wavers.")]
On = Annotated[Where, typer.Option(help="Where cells run: on this machine, or on a Dask cluster.")]
Scheduler = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Of the cluster, as tcp://host:8786. Default: one of this machine."),
]
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
    on: On = Where.HERE,
    scheduler: Scheduler = None,
    json_file: JsonFile = None,
    html: HtmlFile = None,
) -> None:
    """Test versions of an upstream with versions of its downstreams, and show which work together.

    Exit code 0 when everything that is declared to work does, 1 when something does not; others: docs/exit-codes.md.
    """
    from interlock.matrix.request import DEFAULT_JOBS, MatrixRequest, Runner  # noqa: PLC0415  --help stays fast

    request = MatrixRequest(
        family=str(family.resolve()) if family else None,
        upstream=upstream,
        downstream=tuple(downstream or ()),
        upstream_versions=upstream_versions,
        downstream_versions=downstream_versions,
        python=tuple(python or ()),
        jobs=jobs or DEFAULT_JOBS,
        fresh=fresh,
        runner=Runner(on),
        scheduler=scheduler,
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
    """Run the flow; the report, and the address of the run in the UI of this machine's server."""
    from deployments import on_prefect  # noqa: PLC0415
    from deployments.matrix_display import MatrixDisplay  # noqa: PLC0415
    from interlock.matrix.settle import watcher  # noqa: PLC0415

    with MatrixDisplay() as display:
        async with on_prefect.server(display, lambda ready: display.preview(request, until=ready)) as ui:
            from flows.run_matrix import run_matrix  # noqa: PLC0415  two seconds, and only after its settings are known

            watcher.set(display.show)
            display.doing("planning")
            return await on_prefect.result(lambda: run_matrix(request, return_state=True), ui)
