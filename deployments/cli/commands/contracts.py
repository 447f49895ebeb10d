"""`interlock contracts`: what a ref of an upstream does to its downstreams, as a flow run watched in the terminal."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from deployments.cli import run_flow
from deployments.cli.displays.matrix import MatrixDisplay
from deployments.cli.options import DownstreamVersions, FamilyOption, Jobs, JsonOption, Python
from interlock.contracts.candidates import parse_ref
from interlock.contracts.verify import ContractsReport, ContractsRequest
from interlock.contracts.verify.cells import downstreams
from interlock.contracts.verify.context import doing
from interlock.matrix.executor import watcher
from interlock.matrix.request import DEFAULT_JOBS
from interlock.model import family_file
from interlock.reports import contracts_json, print_contracts

REF_HELP = "A branch, tag, SHA, pull request (#12), released version, or folder (./core)."

RefArgument = Annotated[str, typer.Argument(metavar="REF", help=REF_HELP)]
Of = Annotated[str, typer.Option("--of", metavar="PACKAGE", help="The upstream, as the family file names it.")]
Downstream = Annotated[list[str] | None, typer.Option(help="Only this downstream; may be repeated. Default: all.")]
Pull = Annotated[int | None, typer.Option("--pr", metavar="N", min=1, help="Comment on this pull request.")]
Against = Annotated[
    str | None,
    typer.Option(metavar="BASELINE", help="Compare with this REF. Default: the merge base, or the last release."),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Run every cell again, whatever the ledger knows.")]
Released = Annotated[
    bool, typer.Option("--released-only", help="Test the downstreams' newest releases, not their default branches.")
]
NoTell = Annotated[bool, typer.Option("--no-tell", help="Publish nothing on GitHub.")]


def contracts(
    ref: RefArgument,
    *,
    of: Of,
    downstream: Downstream = None,
    downstream_versions: DownstreamVersions = None,
    pr: Pull = None,
    against: Against = None,
    python: Python = None,
    jobs: Jobs = None,
    fresh: Fresh = False,
    released_only: Released = False,
    no_tell: NoTell = False,
    as_json: JsonOption = False,
    family: FamilyOption = None,
) -> None:
    """Run the downstreams' suites with a ref of their upstream, and beside it with a baseline: what regresses?

    Exit code 0 when nothing does, 1 when something does, 2 when that is not known; others: docs/exit-codes.md.
    """
    request = ContractsRequest(
        upstream=of,
        ref=parse_ref(ref).text,
        downstream=tuple(downstream or ()),
        downstream_versions=downstream_versions,
        pull=pr,
        baseline=parse_ref(against).text if against else None,
        python=tuple(python or ()),
        jobs=jobs or DEFAULT_JOBS,
        fresh=fresh,
        released_only=released_only,
        tell=not no_tell,
        family=str(family.resolve()) if family else None,
    )
    raise typer.Exit(_run_and_print(request, as_json=as_json))


def _run_and_print(request: ContractsRequest, *, as_json: bool) -> int:
    # A mistake that shows without a server is reported at once.
    downstreams(request, family_file.load(request.family_path))
    report, ui = asyncio.run(_run(request))
    if as_json:
        typer.echo(contracts_json(report), nl=False)
    else:
        console = Console(highlight=False)
        print_contracts(report, console)
        run_flow.print_address(ui, console)
    return report.exit_code


async def _run(request: ContractsRequest) -> tuple[ContractsReport, str | None]:
    """Run the flow on the configured Prefect server, or on this machine's own."""
    display = MatrixDisplay()
    return await run_flow.run_flow(
        "verify_contracts", request, display, (watcher, display.show), (doing, display.doing)
    )
