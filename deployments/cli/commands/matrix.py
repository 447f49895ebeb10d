"""`interlock matrix`: the compatibility matrix, as a flow run watched in the terminal."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deployments.cli import run_flow
from deployments.cli.displays.matrix import MatrixDisplay
from deployments.cli.options import FamilyOption, Jobs, Python
from interlock.matrix.executor import watcher
from interlock.matrix.preview import check
from interlock.matrix.report import MatrixReport
from interlock.matrix.request import DEFAULT_JOBS, MatrixRequest, Runner
from interlock.reports import print_report

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
Fresh = Annotated[bool, typer.Option("--fresh", help="Run all again, and show where a verdict wavers.")]
On = Annotated[Where, typer.Option(help="Where cells run: on this machine, or on a Dask cluster.")]
Scheduler = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Of the cluster, as tcp://host:8786. Default: one of this machine."),
]
JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the report as JSON.")]
HtmlFile = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Where to write the HTML report.")]


def matrix(
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


def _run_and_print(request: MatrixRequest) -> int:
    check(request)
    console = Console()
    report, ui = asyncio.run(_run(request))
    print_report(report, console, page=request.page(report))
    run_flow.print_address(ui, console)
    return report.exit_code


async def _run(request: MatrixRequest) -> tuple[MatrixReport, str | None]:
    """Run the flow; returns the report, and the address of the run in the UI of this machine's server."""
    display = MatrixDisplay()
    return await run_flow.run_flow(
        "run_matrix",
        request,
        display,
        (watcher, display.show),
        meanwhile=lambda ready: display.preview(request, until=ready),
        doing="planning",
    )
