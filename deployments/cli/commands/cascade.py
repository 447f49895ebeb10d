"""`interlock cascade`: release a package and everything that its release makes necessary, and hold or end it."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from deployments.cli import run_flow
from deployments.cli.displays.cascade import CascadeDisplay
from deployments.cli.options import (
    BumpOption,
    DespiteOption,
    EmptyOption,
    FamilyOption,
    JsonOption,
    RefOption,
    RequestIdOption,
    VersionOption,
)
from deployments.cli.request_id import of_this_ci
from interlock.adapters.connections import open_connections
from interlock.adapters.ledger import open_ledger
from interlock.cascades import scheduler
from interlock.cascades.context import open_cascade
from interlock.cascades.dry_run import CascadePreview, preview
from interlock.cascades.request import CascadeRequest
from interlock.common.clock import now
from interlock.errors import UsageError
from interlock.model import family_file
from interlock.model.cascade import Cascade, Outcome, aborted, held, resumed, settled, unheld
from interlock.model.family import Family
from interlock.releases import step_timer
from interlock.reports import manifest, manifest_json, print_cascade, print_cascade_preview, print_cascades

NOT_DONE = 1


class _RootFirst(TyperGroup):
    """`interlock cascade PACKAGE` is `interlock cascade start PACKAGE`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401  of a click that typer keeps to itself
        starts = bool(args) and args[0] not in self.commands
        return super().resolve_command(ctx, ["start", *args] if starts else args)


app = typer.Typer(
    cls=_RootFirst,
    no_args_is_help=True,
    help="Release a package and everything that its release makes necessary: interlock cascade PACKAGE.",
)

Id = Annotated[str, typer.Argument(help="The cascade, as interlock cascades names it.")]
Package = Annotated[str, typer.Argument(help="The package, as the family file names it.")]
WhyOption = Annotated[str, typer.Option("--why", help="The reason, which is shown.")]
CascadeOption = Annotated[
    str | None, typer.Option("--of", metavar="ID", help="Of this cascade. Default: the last one.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Plan, check and build, and write nothing anywhere.")]


@app.command()
def start(
    package: Package,
    *,
    bump: BumpOption = None,
    version: VersionOption = None,
    ref: RefOption = None,
    despite: DespiteOption = None,
    request_id: RequestIdOption = None,
    empty: EmptyOption = False,
    dry_run: DryRun = False,
    family: FamilyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a cascade, or resume the one that was started. What was done before is not done again.

    Exit code 0 when all is done; 1 when something is held, has failed, or waits for a merge.
    """
    code = run_cascade(
        package,
        bump=bump,
        version=version,
        ref=ref,
        despite=despite,
        request_id=request_id,
        empty=empty,
        dry_run=dry_run,
        family=family,
        as_json=as_json,
    )
    raise typer.Exit(code)


def follow(
    package: Package,
    version: Annotated[str, typer.Argument(help="The version, which is or will be released elsewhere.")],
    *,
    dry_run: DryRun = False,
    family: FamilyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Wait until the index has a version of a package, and let everything follow that it makes necessary."""
    raise typer.Exit(
        run_cascade(package, version=version, is_followed=True, dry_run=dry_run, family=family, as_json=as_json)
    )


@app.command()
def resume(cascade: Id, *, family: FamilyOption = None) -> None:
    """Resume a cascade, also an aborted one: what failed is tried again; holds stay."""
    found = _decide(cascade, resumed, aborted=False)
    raise typer.Exit(run_cascade(found.root, version=str(found.version), family=family))


@app.command()
def hold(package: Package, why: WhyOption, *, of: CascadeOption = None) -> None:
    """Hold a package of a cascade, also of one that runs now; its descendants are held with it."""
    _decide(of, lambda cascade, at: held(cascade, package, why, at), hold=(package, why))
    typer.echo(f"{package} is held: {why}")


@app.command()
def unhold(package: Package, *, of: CascadeOption = None) -> None:
    """Release a package from its hold, whatever the reason."""
    found = _decide(of, lambda cascade, at: unheld(cascade, package, at), hold=(package, None))
    typer.echo(f"{package} goes on with: interlock cascade resume {found.id}")


@app.command()
def abort(cascade: Id) -> None:
    """End a cascade: what was released stays released, and nothing new starts."""

    def decision(found: Cascade, at: datetime) -> Cascade:
        if found.outcome is Outcome.DONE:
            raise UsageError(f"{found.id} is done: there is nothing left to abort")
        return aborted(found, at)

    found = _decide(cascade, decision, aborted=True)
    typer.echo(f"{found.id} is aborted; to go on after all: interlock cascade resume {found.id}")


def cascades(
    cascade: Annotated[str | None, typer.Argument(help="Show this one.")] = None, *, as_json: JsonOption = False
) -> None:
    """Show the cascades, or one with all of its packages; with --json its manifest. docs/cascades.md says more."""
    console = Console(highlight=False)
    with open_ledger(to_read=True) as ledger:
        if cascade is None:
            all_of_them = [settled(each, now()) for each in ledger.cascades()]
            texts = [each.model_dump_json(indent=2) for each in all_of_them]
            typer.echo("[" + ",\n".join(texts) + "]") if as_json else print_cascades(all_of_them, console)
            return
        found = settled(_known(ledger.cascade(cascade), cascade), now())
        releases = [release for release in ledger.releases() if release.cascade == found.id]
    if as_json:
        typer.echo(manifest_json(manifest(found, releases)), nl=False)
    else:
        print_cascade(found, console)


def _known(found: Cascade | None, cascade: str | None) -> Cascade:
    if found is None:
        what = f'there is no cascade "{cascade}"' if cascade else "there is no cascade yet"
        raise UsageError(what, hint="see: interlock cascades")
    return found


def _decide(
    cascade: str | None,
    decision: Callable[[Cascade, datetime], Cascade],
    *,
    aborted: bool | None = None,
    hold: tuple[str, str | None] | None = None,
) -> Cascade:
    """Record a person's decision where a cascade that runs in another process sees it.

    Its consequences are written by that process, whose state may be newer than what was read here.
    """
    with open_ledger() as ledger:
        last = next(iter(ledger.cascades()), None)
        found = _known(ledger.cascade(cascade) if cascade else last, cascade)
        decided = decision(found, now())
        if hold is not None:
            ledger.hold(found.id, *hold)
        if aborted is not None:
            ledger.abort_cascade(found.id, aborted)
        before = found.progress
        stuck = {name for name, each in before.items() if each.state.blocks or each.breaks}
        freed = [each for name, each in decided.progress.items() if name in stuck and each != before[name]]
        ledger.record_progress(found.id, *freed)
        if not decided.is_over:
            ledger.end_cascade(found.id, None)
    return decided


def run_cascade(
    package: str,
    *,
    bump: str | None = None,
    version: str | None = None,
    ref: str | None = None,
    is_followed: bool = False,
    despite: str | None = None,
    request_id: str | None = None,
    empty: bool = False,
    dry_run: bool = False,
    family: Path | None = None,
    as_json: bool = False,
    pages: bool = True,
) -> int:
    """Run a cascade, watched in this terminal; returns the exit code."""
    # A mistake that shows without a server is reported at once.
    (loaded := family_file.load(family)).package(package)
    request = CascadeRequest(
        root=package,
        bump=bump,
        version=version,
        ref=ref,
        follow=is_followed,
        despite=despite,
        request_id=request_id or of_this_ci(version or bump or "next", ref),
        empty=empty,
        family=str(family.resolve()) if family else None,
        dry_run=dry_run,
    )
    console = Console(highlight=False)
    if dry_run:
        found = asyncio.run(_previewed(request, loaded))
        typer.echo(found.model_dump_json(indent=2)) if as_json else print_cascade_preview(found, console)
        return found.exit_code
    cascade, ui = asyncio.run(_run(request))
    if as_json:
        typer.echo(cascade.model_dump_json(indent=2))
    else:
        print_cascade(cascade, console, pages=pages)
        run_flow.print_address(ui, console)
    return 0 if cascade.outcome is Outcome.DONE else NOT_DONE


async def _previewed(request: CascadeRequest, family: Family) -> CascadePreview:
    access = await run_flow.load("blocks.find").find_access(family)
    async with open_connections(family, access) as connections:
        return await preview(await open_cascade(request, connections))


async def _run(request: CascadeRequest) -> tuple[Cascade, str | None]:
    """Run the flow on the configured Prefect server, or on this machine's own."""
    display = CascadeDisplay()
    on_steps = (step_timer.watcher, display.step), (step_timer.waiting, display.wait)
    watchers = (scheduler.watcher, display.show), *on_steps
    return await run_flow.run_flow("cascade_release", request, display, *watchers, doing="planning")
