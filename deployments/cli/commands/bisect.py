"""`interlock bisect`: which version or commit of an upstream broke a suite, as a flow run watched in the terminal."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from deployments.cli import run_flow
from deployments.cli.displays.bisect import BisectDisplay
from deployments.cli.options import FamilyOption, Jobs, JsonOption, Python
from interlock.contracts.bisect.models import Bisection, BisectRequest, Find
from interlock.contracts.bisect.search import watcher
from interlock.contracts.bisect.target import tested_edges
from interlock.contracts.candidates import parse_ref
from interlock.matrix.request import DEFAULT_JOBS
from interlock.model.family_file import load
from interlock.reports.bisection import print_bisection

REF_HELP = "A released version, branch, tag or SHA of the upstream"

Of = Annotated[str, typer.Option("--of", metavar="PACKAGE", help="The upstream, as the family file names it.")]
Downstream = Annotated[str, typer.Option("--downstream", metavar="PACKAGE", help="The package whose suite it broke.")]
Good = Annotated[str, typer.Option("--good", metavar="REF", help=f"{REF_HELP} that works.")]
Bad = Annotated[str, typer.Option("--bad", metavar="REF", help=f"{REF_HELP} that does not; a later one.")]
Looked = Annotated[
    Find, typer.Option("--find", help="Where it breaks, or from where on it works; then the bad one is the earlier.")
]
Suite = Annotated[str | None, typer.Option("--suite", help="Only this suite. Default: all of the downstream's.")]
DownstreamVersion = Annotated[
    str | None, typer.Option("--downstream-version", metavar="X", help="Default: the newest release.")
]


def bisect(
    *,
    of: Of,
    downstream: Downstream,
    good: Good,
    bad: Bad,
    find: Looked = Find.FIRST_BAD,
    suite: Suite = None,
    downstream_version: DownstreamVersion = None,
    python: Python = None,
    jobs: Jobs = None,
    as_json: JsonOption = False,
    family: FamilyOption = None,
) -> None:
    """Find the first version, or commit, of an upstream that breaks a downstream's suite.

    With --find first-good: the first that works, for a lower bound that is too low.
    Between two versions, it is looked for among their releases; otherwise among the commits of the branch.
    Exit code 0 when it was found, 1 when it may be one of several, since some could not be tried.
    """
    request = BisectRequest(
        upstream=of,
        downstream=downstream,
        good=parse_ref(good).text,
        bad=parse_ref(bad).text,
        find=find,
        suite=suite,
        downstream_version=downstream_version,
        python=tuple(python or ()),
        jobs=jobs or DEFAULT_JOBS,
        family=str(family.resolve()) if family else None,
    )
    raise typer.Exit(_run_and_print(request, as_json=as_json))


def _run_and_print(request: BisectRequest, *, as_json: bool) -> int:
    # A mistake that shows without a server is reported at once.
    tested_edges(request, load(request.family_path))
    found: Bisection
    display = BisectDisplay()
    found, ui = asyncio.run(run_flow.run_flow("bisect_contracts", request, display, (watcher, display.show)))
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        console = Console(highlight=False)
        print_bisection(found, console)
        run_flow.print_address(ui, console)
    return found.exit_code
