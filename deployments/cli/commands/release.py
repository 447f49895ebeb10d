"""`interlock release` and `interlock releases`: release a package, and see what was released."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deployments.cli import run_flow
from deployments.cli.displays.release import ReleaseDisplay
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
from interlock.errors import DispatchError
from interlock.model import family_file
from interlock.model.family import Family
from interlock.model.release import Release
from interlock.releases.context import open_release
from interlock.releases.plan import ReleaseRequest, Timeouts
from interlock.releases.preflight import Preview
from interlock.releases.step_timer import waiting, watcher
from interlock.releases.workflow import preview
from interlock.reports import print_preview, print_release, print_releases

Package = Annotated[str, typer.Argument(help="The package, as the family file names it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check and plan and build, and write nothing anywhere.")]

Finish = Annotated[
    bool,
    typer.Option(
        "--finish-with-what-is-there",
        help="Finish an unfinished release with the files that the index has, and give up the others.",
    ),
]


def release(
    package: Package,
    *,
    bump: BumpOption = None,
    version: VersionOption = None,
    ref: RefOption = None,
    despite: DespiteOption = None,
    finish: Finish = False,
    request_id: RequestIdOption = None,
    empty: EmptyOption = False,
    dry_run: DryRun = False,
    family: FamilyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Release a package: bump, tag, build, publish, GitHub Release, dispatches, receipts.

    Run it again after any interruption: it finishes the same release. With nothing new since the newest release it says
    so, and releases nothing. Exit codes: docs/exit-codes.md.
    """
    code = run_release(
        package,
        bump=bump,
        version=version,
        ref=ref,
        despite=despite,
        finish=finish,
        request_id=request_id,
        empty=empty,
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
    with open_ledger(to_read=True) as ledger:
        found = ledger.releases(package)
    if as_json:
        typer.echo("[" + ",\n".join(release.model_dump_json(indent=2) for release in found) + "]")
    elif found:
        print_releases(found, Console())
    else:
        typer.echo(f"no release{f' of {package}' if package else ''} is in the ledger")


def run_release(
    package: str,
    *,
    bump: str | None = None,
    version: str | None = None,
    ref: str | None = None,
    despite: str | None = None,
    finish: bool = False,
    request_id: str | None = None,
    empty: bool = False,
    dry_run: bool = False,
    family: Path | None = None,
    as_json: bool = False,
    patience: dict[str, float] | None = None,
) -> int:
    """Release a package, watched in this terminal; returns the exit code."""
    request = ReleaseRequest(
        package=package,
        bump=bump,
        version=version,
        ref=ref,
        despite=despite,
        request_id=request_id or of_this_ci(version or bump or "next", ref),
        empty=empty,
        family=str(family.resolve()) if family else None,
        patience=Timeouts(**(patience or {})),
        finish=finish,
        dry_run=dry_run,
    )
    # A mistake that shows without a server is reported at once.
    (loaded := family_file.load(family)).package(package)
    if dry_run:
        return _preview(request, loaded, as_json=as_json)
    return _release(request, as_json=as_json)


def _preview(request: ReleaseRequest, family: Family, *, as_json: bool) -> int:
    async def look() -> Preview:
        access = await run_flow.load("blocks.find").find_access(family)
        async with open_connections(family, access) as connections, open_release(request, connections) as context:
            return await preview(context)

    found = asyncio.run(look())
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        print_preview(found, Console())
    return found.exit_code


def _release(request: ReleaseRequest, *, as_json: bool) -> int:
    try:
        display = ReleaseDisplay()
        watchers = (watcher, display.show), (waiting, display.wait)
        released, ui = asyncio.run(run_flow.run_flow("release_package", request, display, *watchers))
    except DispatchError:
        # The package is out, though a receipt is missing: show what was done beside the error.
        if (recorded := _recorded(request)) is not None:
            _print(recorded, None, as_json=as_json)
        raise
    _print(released, ui, as_json=as_json)
    return 0


def _recorded(request: ReleaseRequest) -> Release | None:
    """The release that was just made or resumed, as recorded in the ledger."""
    wanted = request.wanted if request.version else None
    with open_ledger() as ledger:
        found = ledger.releases(request.package)
    return next((release for release in found if wanted in {None, release.version}), None)


def _print(released: Release, ui: str | None, *, as_json: bool) -> None:
    if as_json:
        typer.echo(released.model_dump_json(indent=2))
        return
    console = Console(highlight=False)
    print_release(released, console)
    run_flow.print_address(ui, console)
