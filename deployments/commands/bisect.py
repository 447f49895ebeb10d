"""`interlock bisect`: which version or commit of an upstream broke a suite, as a flow run that is watched here."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.commands.family import FamilyOption
from deployments.commands.matrix import Jobs, Python
from deployments.commands.release import JsonOption

if TYPE_CHECKING:
    from interlock.admission.bisection import Bisection, BisectRequest

REF_HELP = "A released version, branch, tag or SHA of the upstream"

Of = Annotated[str, typer.Option("--of", metavar="PACKAGE", help="The upstream, as the family file names it.")]
Downstream = Annotated[str, typer.Option("--downstream", metavar="PACKAGE", help="The package whose suite it broke.")]
Good = Annotated[str, typer.Option("--good", metavar="REF", help=f"{REF_HELP} that works.")]
Bad = Annotated[str, typer.Option("--bad", metavar="REF", help=f"{REF_HELP} that does not; a later one.")]
Suite = Annotated[str | None, typer.Option("--suite", help="Only this suite. Default: all of the downstream's.")]
DownstreamVersion = Annotated[
    str | None, typer.Option("--downstream-version", metavar="X", help="Default: the newest release.")
]


def bisect(  # noqa: PLR0913  one for each option
    *,
    of: Of,
    downstream: Downstream,
    good: Good,
    bad: Bad,
    suite: Suite = None,
    downstream_version: DownstreamVersion = None,
    python: Python = None,
    jobs: Jobs = None,
    as_json: JsonOption = False,
    family: FamilyOption = None,
) -> None:
    """Find the first version, or commit, of an upstream that breaks a downstream's suite.

    Both ends being versions, it is looked for among the releases between them; else among the commits of the branch.
    Exit code 0 when it was found, 1 when it may be one of several, since some could not be tried.
    """
    from interlock.admission.bisection import BisectRequest  # noqa: PLC0415  --help stays fast
    from interlock.candidates import parse_ref  # noqa: PLC0415
    from interlock.matrix.request import DEFAULT_JOBS  # noqa: PLC0415

    request = BisectRequest(
        upstream=of,
        downstream=downstream,
        good=parse_ref(good).text,
        bad=parse_ref(bad).text,
        suite=suite,
        downstream_version=downstream_version,
        python=tuple(python or ()),
        jobs=jobs or DEFAULT_JOBS,
        family=str(family.resolve()) if family else None,
    )
    raise typer.Exit(_run_and_print(request, as_json=as_json))


def _run_and_print(request: "BisectRequest", *, as_json: bool) -> int:
    from rich.console import Console  # noqa: PLC0415

    from interlock.admission.target import tested_edges  # noqa: PLC0415
    from interlock.family_file import load  # noqa: PLC0415
    from interlock.reports.bisection import print_bisection  # noqa: PLC0415

    # A mistake that can be seen without a server is told at once.
    tested_edges(request, load(request.family_path))
    found, ui = asyncio.run(_run(request))
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        console = Console(highlight=False)
        print_bisection(found, console)
        if ui:
            console.print(f"the run, in Prefect's UI: {ui}", soft_wrap=True)
    return found.exit_code


async def _run(request: "BisectRequest") -> "tuple[Bisection, str | None]":
    """Run the flow on the configured Prefect server, or else on this machine's own."""
    from deployments import on_prefect  # noqa: PLC0415
    from deployments.bisect_display import BisectDisplay  # noqa: PLC0415
    from interlock.admission.search import watcher  # noqa: PLC0415

    with BisectDisplay() as display:
        async with on_prefect.server(display) as ui:
            from flows.bisect_contracts import bisect_contracts  # noqa: PLC0415  after its settings are known

            watcher.set(display.show)
            return await on_prefect.result(lambda: bisect_contracts(request, return_state=True), ui)
