"""`interlock release` and `interlock releases`: release a package, and see what was released."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.commands.family import FamilyOption

if TYPE_CHECKING:
    from interlock.family import Family
    from interlock.lifecycle import Release
    from interlock.releases.plan import ReleaseRequest

BUMP_HELP = "patch, minor, major, alpha, beta, rc, post, dev, final; or two of them, as minor,rc."

Package = Annotated[str, typer.Argument(help="The package, as the family file names it.")]
BumpOption = Annotated[str, typer.Option("--bump", metavar="PART", help=BUMP_HELP)]
VersionOption = Annotated[str | None, typer.Option("--version", metavar="X", help="This version instead of a bump.")]
RefOption = Annotated[str | None, typer.Option("--ref", metavar="BRANCH", help="Another branch to release from.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check and plan and build, and write nothing anywhere.")]
DespiteOption = Annotated[
    str | None,
    typer.Option("--despite", metavar="WHY", help="Release it though its contracts say no; the reason is kept."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="For a program.")]


def release(  # noqa: PLR0913  one for each option
    package: Package,
    *,
    bump: BumpOption = "patch",
    version: VersionOption = None,
    ref: RefOption = None,
    despite: DespiteOption = None,
    dry_run: DryRun = False,
    family: FamilyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Release a package: bump, tag, build, publish, GitHub Release, dispatches, receipts.

    Run it again after any interruption: it finishes the same release. Exit codes: docs/exit-codes.md.
    """
    code = run_release(
        package,
        bump=bump,
        version=version,
        ref=ref,
        despite=despite,
        dry_run=dry_run,
        family=family,
        as_json=as_json,
    )
    raise typer.Exit(code)


def releases(
    package: Annotated[str | None, typer.Argument(help="Only of this package.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show past and unfinished releases, as the ledger knows them."""
    from rich.console import Console  # noqa: PLC0415  --help stays fast

    from interlock.ledger import open_ledger  # noqa: PLC0415
    from interlock.reports import print_releases  # noqa: PLC0415

    with open_ledger() as ledger:
        found = ledger.releases(package)
    if as_json:
        typer.echo("[" + ",\n".join(release.model_dump_json(indent=2) for release in found) + "]")
    elif found:
        print_releases(found, Console())
    else:
        typer.echo(f"no release{f' of {package}' if package else ''} is in the ledger")


def run_release(  # noqa: PLR0913  one for each option
    package: str,
    *,
    bump: str = "patch",
    version: str | None = None,
    ref: str | None = None,
    despite: str | None = None,
    dry_run: bool = False,
    family: Path | None = None,
    as_json: bool = False,
    patience: dict[str, float] | None = None,
) -> int:
    """Release a package, watched in this terminal; the exit code."""
    from interlock import family_file  # noqa: PLC0415  --help stays fast
    from interlock.releases.plan import Patience, ReleaseRequest  # noqa: PLC0415

    request = ReleaseRequest(
        package=package,
        bump=bump,
        version=version,
        ref=ref,
        despite=despite,
        family=str(family.resolve()) if family else None,
        patience=Patience(**(patience or {})),
    )
    # A mistake that can be seen without a server is told at once.
    (loaded := family_file.load(family)).package(package)
    if dry_run:
        return _preview(request, loaded, as_json=as_json)
    return _release(request, as_json=as_json)


def _preview(request: "ReleaseRequest", family: "Family", *, as_json: bool) -> int:
    from rich.console import Console  # noqa: PLC0415

    from blocks.find import find_access  # noqa: PLC0415
    from interlock.connections import open_connections  # noqa: PLC0415
    from interlock.releases.desk import open_release  # noqa: PLC0415
    from interlock.releases.preflight import Preview  # noqa: PLC0415
    from interlock.releases.workflow import preview  # noqa: PLC0415
    from interlock.reports import print_preview  # noqa: PLC0415

    async def look() -> Preview:
        access = await find_access(family)
        async with open_connections(family, access) as connections, open_release(request, connections) as context:
            return await preview(context)

    found = asyncio.run(look())
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        print_preview(found, Console())
    return 0 if found.plan else 1


def _release(request: "ReleaseRequest", *, as_json: bool) -> int:
    from interlock.errors import DispatchError  # noqa: PLC0415

    try:
        released, ui = asyncio.run(_run(request))
    except DispatchError:
        # It is out, and somebody has not followed: what was done is worth as much as why it ended so.
        if (recorded := _recorded(request)) is not None:
            _print(recorded, None, as_json=as_json)
        raise
    _print(released, ui, as_json=as_json)
    return 0


def _recorded(request: "ReleaseRequest") -> "Release | None":
    """The release that was just made or gone on with, as the ledger has it."""
    from interlock.ledger import open_ledger  # noqa: PLC0415

    wanted = request.wanted if request.version else None
    with open_ledger() as ledger:
        found = ledger.releases(request.package)
    return next((release for release in found if wanted in {None, release.version}), None)


def _print(released: "Release", ui: str | None, *, as_json: bool) -> None:
    from rich.console import Console  # noqa: PLC0415

    from interlock.reports import print_release  # noqa: PLC0415

    if as_json:
        typer.echo(released.model_dump_json(indent=2))
        return
    console = Console(highlight=False)
    print_release(released, console)
    if ui:
        console.print(f"the run, in Prefect's UI: {ui}", soft_wrap=True)


async def _run(request: "ReleaseRequest") -> "tuple[Release, str | None]":
    """Run the flow on the configured Prefect server, or else on this machine's own."""
    from deployments import on_prefect  # noqa: PLC0415
    from deployments.release_display import ReleaseDisplay  # noqa: PLC0415
    from interlock.releases.progress import watcher  # noqa: PLC0415

    with ReleaseDisplay() as display:
        watcher.set(display.show)
        async with on_prefect.server(display) as ui:
            from flows.release_package import release_package  # noqa: PLC0415  after its settings are known

            display.doing("starting the flow")
            return await on_prefect.result(lambda: release_package(request, return_state=True), ui)
