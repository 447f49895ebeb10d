"""`interlock rehearse`: releases and cascades against a world on this machine, with faults at will."""

import asyncio
import contextlib
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated, Self

import typer
from packaging.requirements import Requirement
from packaging.version import Version

from deployments.cli.commands.cascade import run_cascade
from deployments.cli.commands.release import DryRun, Finish, Package, run_release
from deployments.cli.options import BumpOption, EmptyOption, FamilyOption, JsonOption, RefOption, VersionOption
from interlock.common.paths import home
from interlock.errors import RehearsalError
from interlock.model import family_file
from rehearsal.directory import RehearsalDirectory
from rehearsal.environment import shell
from rehearsal.fault_proxy import LoggedRequest, RequestLog
from rehearsal.faults import read_faults, seeded
from rehearsal.index import IndexStore
from rehearsal.process import ServingProcess, stop_server
from rehearsal.template import SMALL_FAMILY_NAME
from rehearsal.world import Apart, World, running

app = typer.Typer(help="Rehearse on this machine: repositories, a package index and a GitHub, with faults at will.")

# How many faults a seed draws, and among how many requests; a release makes about sixty.
SEEDED_FAULTS, SEEDED_REQUESTS = 6, 60
EXTRA = "rehearsal"
HINT = f"pip install 'interlock[{EXTRA}]', or in a checkout: uv pip install --editable '.[{EXTRA}]'"

Directory = Annotated[
    Path | None,
    typer.Option("--directory", help="Where the world is kept. Default: rehearsals/FAMILY in Interlock's home."),
]
New = Annotated[bool, typer.Option("--new", help="Start with a new world; what was rehearsed in it before is lost.")]
Keep = Annotated[bool, typer.Option("--keep", help="Leave the servers running: interlock rehearse stop.")]
Faults = Annotated[
    Path | None,
    typer.Option("--faults", metavar="FILE", help="Faults to meet, in JSON or TOML: docs/rehearsal.md."),
]
Seed = Annotated[int | None, typer.Option("--seed", help="Faults at random, the same ones for the same seed.")]
FromGit = Annotated[
    list[str] | None,
    typer.Option("--from-git", metavar="URL_OR_PATH", help="Rehearse on mirrors of these repositories; repeat it."),
]


Writes = Annotated[bool, typer.Option("--writes", help="Only requests that changed something.")]


@dataclass(frozen=True, kw_only=True)
class RehearseOptions:
    """The options of a world."""

    directory: Path | None = None
    new: bool = False
    keep: bool = False
    faults: Path | None = None
    seed: int | None = None
    from_git: tuple[str, ...] = ()
    family: Path | None = None

    def beside(self, other: Self) -> "RehearseOptions":
        """These options, and `other` for those that were not given."""
        return RehearseOptions(
            directory=self.directory or other.directory,
            new=self.new or other.new,
            keep=self.keep or other.keep,
            faults=self.faults or other.faults,
            seed=other.seed if self.seed is None else self.seed,
            from_git=self.from_git or other.from_git,
            family=self.family or other.family,
        )


@app.callback(invoke_without_command=True)
def rehearse(
    context: typer.Context,
    *,
    directory: Directory = None,
    new: New = False,
    keep: Keep = False,
    faults: Faults = None,
    seed: Seed = None,
    from_git: FromGit = None,
    family: FamilyOption = None,
) -> None:
    """Start a world on this machine and keep it until Ctrl-C, or rehearse a command in it."""
    _require_extra()
    context.obj = RehearseOptions(
        directory=directory,
        new=new,
        keep=keep,
        faults=faults,
        seed=seed,
        from_git=tuple(from_git or ()),
        family=family,
    )
    if context.invoked_subcommand is None:
        _stay(context.obj)


@app.command()
def release(
    context: typer.Context,
    package: Package,
    *,
    bump: BumpOption = None,
    version: VersionOption = None,
    ref: RefOption = None,
    finish: Finish = False,
    empty: EmptyOption = False,
    dry_run: DryRun = False,
    as_json: JsonOption = False,
    directory: Directory = None,
    new: New = False,
    keep: Keep = False,
    faults: Faults = None,
    seed: Seed = None,
    from_git: FromGit = None,
    family: FamilyOption = None,
) -> None:
    """Release a package in a world on this machine: the same code as interlock release, and nothing outside of it."""
    said = RehearseOptions(
        directory=directory,
        new=new,
        keep=keep,
        faults=faults,
        seed=seed,
        from_git=tuple(from_git or ()),
        family=family,
    )
    wanted = said.beside(context.obj)
    with _world(wanted) as (world, process):
        world.environment().apply(os.environ)
        code = run_release(
            package,
            bump=bump,
            version=version,
            ref=ref,
            finish=finish,
            empty=empty,
            dry_run=dry_run,
            as_json=as_json,
        )
        if code == 0 and not (dry_run or as_json):
            _say_how_to_install(world, package, keeps=wanted.keep or process is None)
    raise typer.Exit(code)


@app.command()
def cascade(
    context: typer.Context,
    package: Package,
    *,
    bump: BumpOption = None,
    version: VersionOption = None,
    ref: RefOption = None,
    empty: EmptyOption = False,
    dry_run: DryRun = False,
    as_json: JsonOption = False,
    directory: Directory = None,
    new: New = False,
    keep: Keep = False,
    faults: Faults = None,
    seed: Seed = None,
    from_git: FromGit = None,
    family: FamilyOption = None,
) -> None:
    """Run a cascade in a world on this machine: the same code as interlock cascade, and nothing outside of it."""
    said = RehearseOptions(
        directory=directory,
        new=new,
        keep=keep,
        faults=faults,
        seed=seed,
        from_git=tuple(from_git or ()),
        family=family,
    )
    wanted = said.beside(context.obj)
    with _world(wanted) as (world, process):
        world.environment().apply(os.environ)
        keeps = wanted.keep or process is None
        code = run_cascade(
            package, bump=bump, version=version, ref=ref, empty=empty, dry_run=dry_run, as_json=as_json, pages=keeps
        )
        if not (dry_run or as_json):
            _say_what_is_seen(world, keeps=keeps)
    raise typer.Exit(code)


@app.command()
def env(directory: Directory = None) -> None:
    """Print the variables by which a shell uses a running world: eval "$(interlock rehearse env)"."""
    for line in shell(_running(directory).environment()):
        typer.echo(line)


@app.command()
def log(directory: Directory = None, *, writes: Writes = False) -> None:
    """Show every request, also of a world that no longer runs; a * marks those that changed something."""
    seen = RequestLog(RehearsalDirectory(_meant(directory)).log)
    for request in seen.writes() if writes else seen.all():
        typer.echo(_line(request))


@app.command()
def clear(directory: Directory = None) -> None:
    """Cancel the faults that are still to happen in a running world."""
    _running(directory).control().clear()
    typer.echo("no more faults")


@app.command()
def stop(directory: Directory = None) -> None:
    """Stop the servers of every world, or of one; the world stays, and the next command uses it again."""
    found = [RehearsalDirectory(directory)] if directory else list(_served())
    stopped = [each.path for each in found if stop_server(each)]
    typer.echo("\n".join(f"stopped: {path}" for path in stopped) or "was not running")


def _require_extra() -> None:
    """Check that the packages are installed that only rehearsals need.

    Raises:
        RehearsalError: One of them is missing.
    """
    every = map(Requirement, metadata.requires("interlock") or ())
    wanted = [one.name for one in every if one.marker and one.marker.evaluate({"extra": EXTRA})]
    missing = [name for name in wanted if not any(metadata.distributions(name=name))]
    if missing:
        raise RehearsalError(f"a rehearsal needs {', '.join(missing)}, which is not installed", hint=HINT)


def _stay(wanted: RehearseOptions) -> None:
    with _world(wanted) as (world, process):
        _introduce(world)
        if process is None or wanted.keep:
            typer.echo("\nIt goes on until: interlock rehearse stop")
            return
        with contextlib.suppress(KeyboardInterrupt):
            typer.echo("\nCtrl-C ends it; what happened stays in its directory.")
            process.wait()


@contextlib.contextmanager
def _world(wanted: RehearseOptions) -> Iterator[tuple[World, ServingProcess | None]]:
    """The world of these options, served until the end of the block."""
    faults = read_faults(wanted.faults) if wanted.faults else ()
    if wanted.seed is not None:
        faults += seeded(wanted.seed, requests=SEEDED_REQUESTS, count=SEEDED_FAULTS)
    directory = wanted.directory or _default_directory(wanted)
    opened = World.create_or_open(
        directory,
        sources=wanted.from_git,
        family=wanted.family,
        new=wanted.new,
        apart=Apart.STAYS if wanted.keep else Apart.ENDS,
    )
    with asyncio.run(opened) as world:
        process = world.serve_apart()
        if faults:
            world.control().add(faults)
        yield world, process


def _default_directory(wanted: RehearseOptions) -> Path:
    """The default directory; a world of mirrors never shares it with the small family, which may have the same name."""
    name = f"{family_file.load(wanted.family).name}-mirrored" if wanted.from_git else SMALL_FAMILY_NAME
    return _rehearsals() / "".join(char if char.isalnum() or char in "-_." else "-" for char in name)


def _rehearsals() -> Path:
    return home() / "rehearsals"


def _served() -> Iterator[RehearsalDirectory]:
    """The worlds in Interlock's home that are served now."""
    found = (RehearsalDirectory(lock.parent) for lock in sorted(_rehearsals().glob("*/lock")))
    return (each for each in found if each.server())


def _running(directory: Path | None) -> World:
    return running(_meant(directory))


def _meant(directory: Path | None) -> Path:
    """The directory of a world: the given one, or that of the world that runs, or that of the small family."""
    if directory is not None:
        return directory
    found = [each.path for each in _served()]
    if len(found) > 1:
        raise RehearsalError(
            f"several rehearsals run: {', '.join(map(str, found))}", hint="say which one is meant with --directory"
        )
    return found[0] if found else _default_directory(RehearseOptions())


def _introduce(world: World) -> None:
    urls = world.addresses()
    typer.echo(f"A rehearsal of {world.facts.family} in {world.directory.path}")
    typer.echo(f"  repositories  {urls['git']}/{world.facts.owner}/…")
    typer.echo(f"  index         {urls['index']}/simple/")
    typer.echo(f"  GitHub API    {urls['api']}")
    typer.echo('\nA shell uses it after: eval "$(interlock rehearse env)"')


def _say_how_to_install(world: World, package: str, *, keeps: bool) -> None:
    files = IndexStore(world.directory.index).files(package, fresh=True) or ()
    if files:
        newest = max(Version(file.version) for file in files)
        url = f"{world.addresses()['index']}/simple/"
        before = "" if keeps else "while interlock rehearse runs: "
        typer.echo(f"{before}pip install --index-url {url} {package}=={newest}")


def _say_what_is_seen(world: World, *, keeps: bool) -> None:
    """Say how to look at the results of a cascade; pages and packages are gone when their server stops."""
    directory = world.directory.path
    found = directory.parent == _rehearsals()
    said = "" if found else f" --directory {shlex.quote(str(directory))}"
    first = "" if keeps else f"to look around in its world: interlock rehearse{said}; in another shell: "
    typer.echo(f'{first}eval "$(interlock rehearse env{said})"; interlock cascades')


def _line(seen: LoggedRequest) -> str:
    at = datetime.fromtimestamp(seen.at).astimezone().strftime("%H:%M:%S.%f")[:-3]
    mark = "*" if seen.wrote else " "
    status = str(seen.status) if seen.status else "–"
    fault = f"  fault: {seen.fault}" if seen.fault else ""
    what = f"  {seen.note}" if seen.note else ""
    who = f"  ({seen.user})" if seen.user else ""
    return f"{at} {mark} {seen.origin:<7} {status:>3} {seen.method:<6} {seen.path}{what}{who}{fault}"
