"""`interlock contracts`: what a ref of an upstream does to its downstreams, as a flow run that is watched here."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.commands.family import FamilyOption
from deployments.commands.matrix import Jobs, Python
from deployments.commands.release import JsonOption

if TYPE_CHECKING:
    from interlock.verification import ContractsReport, ContractsRequest

REF_HELP = "A branch, tag, SHA, pull request (#12), released version, or folder (./core)."

RefArgument = Annotated[str, typer.Argument(metavar="REF", help=REF_HELP)]
Of = Annotated[str, typer.Option("--of", metavar="PACKAGE", help="The upstream, as the family file names it.")]
Downstream = Annotated[list[str] | None, typer.Option(help="Only this downstream; may be repeated. Default: all.")]
Pull = Annotated[int | None, typer.Option("--pr", metavar="N", min=1, help="Tell this pull request.")]
Against = Annotated[
    str | None,
    typer.Option(metavar="BASELINE", help="Compare with this REF. Default: the merge base, or the last release."),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Run every cell again, whatever the ledger knows.")]
Released = Annotated[
    bool, typer.Option("--released-only", help="Test the downstreams' newest releases, not their default branches.")
]
NoTell = Annotated[bool, typer.Option("--no-tell", help="Tell GitHub nothing.")]


def contracts(  # noqa: PLR0913  one for each option
    ref: RefArgument,
    *,
    of: Of,
    downstream: Downstream = None,
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
    from interlock.candidates import parse_ref  # noqa: PLC0415  --help stays fast
    from interlock.matrix.request import DEFAULT_JOBS  # noqa: PLC0415
    from interlock.verification import ContractsRequest  # noqa: PLC0415

    request = ContractsRequest(
        upstream=of,
        ref=parse_ref(ref).text,
        downstream=tuple(downstream or ()),
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


def _run_and_print(request: "ContractsRequest", *, as_json: bool) -> int:
    from rich.console import Console  # noqa: PLC0415

    from interlock import family_file  # noqa: PLC0415
    from interlock.reports import contracts_json, print_contracts  # noqa: PLC0415
    from interlock.verification.cells import downstreams  # noqa: PLC0415

    # A mistake that can be seen without a server is told at once.
    downstreams(request, family_file.load(request.family_path))
    report, ui = asyncio.run(_run(request))
    if as_json:
        typer.echo(contracts_json(report), nl=False)
    else:
        console = Console(highlight=False)
        print_contracts(report, console)
        if ui:
            console.print(f"the run, in Prefect's UI: {ui}", soft_wrap=True)
    return report.exit_code


async def _run(request: "ContractsRequest") -> "tuple[ContractsReport, str | None]":
    """Run the flow on the configured Prefect server, or else on this machine's own."""
    from deployments import on_prefect  # noqa: PLC0415
    from deployments.matrix_display import MatrixDisplay  # noqa: PLC0415
    from interlock.matrix.settle import watcher  # noqa: PLC0415
    from interlock.verification.stand import doing  # noqa: PLC0415

    with MatrixDisplay() as display:
        async with on_prefect.server(display) as ui:
            from flows.verify_contracts import verify_contracts  # noqa: PLC0415  after its settings are known

            watcher.set(display.show)
            doing.set(display.doing)
            return await on_prefect.result(lambda: verify_contracts(request, return_state=True), ui)
