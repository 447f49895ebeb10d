"""Cascades by plain calls, in a world that this process serves."""

import asyncio
import contextlib
import re
import tomllib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import pytest
from packaging.version import Version

from interlock.adapters.connections import access_from, open_connections
from interlock.adapters.ledger import SqlLedger, open_ledger
from interlock.cascades import package_steps, scheduler, workflow
from interlock.cascades.context import CascadeContext, open_cascade
from interlock.cascades.package_steps import ReleasePackage
from interlock.cascades.request import CascadeRequest
from interlock.cascades.verify import Moved, Proof
from interlock.model import family_file
from interlock.model.cascade import Cascade, State
from interlock.project import build
from interlock.project.build import BuiltFile
from interlock.project.build.archives import normalise
from interlock.releases.plan import ReleaseRequest, Timeouts
from rehearsal.fault_proxy import LoggedRequest
from tests.support.quick_releases import quick_releases
from tests.support.rehearsed_release import CORE, RehearsedRelease, rehearse_release
from tests.support.universe.packages import make_sdist, make_wheel

PIPELINE, STORE, IBKR = "market-data-pipeline", "market-data-store", "market-data-ibkr"
ORCHESTRATOR, INFRA = "market-data-orchestrator", "market-data-infra"
FAMILY = (CORE, PIPELINE, STORE, IBKR, ORCHESTRATOR, INFRA)
SHORT = Timeouts(index=5, receipt=5, run=5)
Watch = Callable[[Cascade], Awaitable[None]]
P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class RehearsedCascade(RehearsedRelease):
    """A world that is served, and what is done in it.

    Attributes:
        instead: By name of a step, what is done in its place.
        release_package: How a package of a cascade is released.
    """

    instead: dict[str, Callable[..., Awaitable[Any]]] = field(default_factory=dict)
    release_package: ReleasePackage = workflow.release_plainly

    def cascade(self, root: str = CORE, *, watch: Watch | None = None, **request: object) -> Cascade:
        """Walk a cascade as far as it goes."""
        return asyncio.run(self.cascade_async(root, watch=watch, **request))

    async def cascade_async(self, root: str = CORE, *, watch: Watch | None = None, **request: object) -> Cascade:
        """The same, for a caller with an event loop."""
        if watch is not None:
            scheduler.watcher.set(watch)
        wanted = CascadeRequest.model_validate({"root": root, "patience": SHORT, **request})
        family = family_file.load()
        async with open_connections(family, access_from(family)) as connections:
            context = await open_cascade(wanted, connections)
            return await workflow.cascade(context, self._run, self.release_package)

    async def _run(self, step: str, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        found: R = await self.instead.get(step.partition(" ")[0], function)(*args, **kwargs)
        return found

    @contextlib.contextmanager
    def ledger(self) -> Iterator[SqlLedger]:
        """What is remembered."""
        with open_ledger() as ledger:
            yield ledger

    def decide(self, decided: Cascade) -> None:
        """Write what a person has decided, as the commands do."""
        with self.ledger() as ledger:
            for name in FAMILY:
                ledger.hold(decided.id, name, decided.holds.get(name))
            ledger.abort_cascade(decided.id, decided.aborted)
            ledger.record_progress(decided.id, *decided.progress.values())
            if not decided.is_over:
                ledger.end_cascade(decided.id, None)

    def family_file(self, *changes: tuple[str, str]) -> None:
        """Replace texts in the family file, each of which is there once."""
        path = self.world.directory.family_file
        text = path.read_text("utf-8")
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        path.write_text(text, "utf-8")

    def replace(self, repository: str, path: str, *changes: tuple[str, str]) -> None:
        """Replace texts in a file of a repository's default branch, as somebody else's commit."""
        text = self.git(repository, "show", f"HEAD:{path}") + "\n"
        for old, new in changes:
            assert old in text, text
            text = text.replace(old, new)
        self.commit(repository, {path: text.encode()})

    def wrote(self, origin: str, pattern: str) -> list[re.Match[str]]:
        """What a server did, in order: the path of each request and its note, where they match."""
        notes = (f"{seen.path} {seen.note or ''}" for seen in self._written(origin))
        return [found for line in notes if (found := re.search(pattern, line))]

    def _written(self, origin: str) -> Iterator[LoggedRequest]:
        return (seen for seen in self.serving.log.all() if seen.wrote and seen.origin == origin)

    def tagged(self) -> list[str]:
        """Each tag that was pushed, with its repository, in order."""
        return [f"{found[1]} {found[2]}" for found in self.wrote("git", r"/([\w-]+)\.git/.*refs/tags/(\S+)")]

    def uploaded(self) -> list[str]:
        """Each file that the index took, in order."""
        return [found[1] for found in self.wrote("index", r" upload (\S+)")]

    def counted(self) -> Counter[str]:
        """Every write, leases and files that were there already aside."""
        return Counter(write for write in self.writes() if not write.startswith("kept "))

    def lines(self, repository: str, tag: str) -> list[str]:
        """The lines that a release has changed."""
        diff = self.git(repository, "diff", "--unified=0", f"{tag}^", tag).splitlines()
        return [line for line in diff if line[0] in "+-" and line[:3] not in {"+++", "---"}]


def states(cascade: Cascade) -> dict[str, str]:
    """Where each package is."""
    return {name: progress.state.value for name, progress in cascade.progress.items()}


def versions(cascade: Cascade) -> dict[str, str]:
    """What was released."""
    return {name: str(version) for name, version in cascade.released().items()}


@contextlib.contextmanager
def rehearse_cascade(template: Path, folder: Path) -> Iterator[RehearsedCascade]:
    """A copy of a world, served from this process until the end of the block, with the environment that leads to it."""
    with rehearse_release(template, folder) as here:
        yield RehearsedCascade(world=here.world, serving=here.serving)


async def built(source: Path, *, version: Version, epoch: int, out: Path, **_facts: object) -> tuple[BuiltFile, ...]:
    """What a build would make of a project's metadata, without the second that it takes; the same each time."""
    folder = source / str(_facts.get("directory") or ".")
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    name, requires = project["name"], project["dependencies"]
    made = (
        make_sdist(out, name, str(version), {"pyproject.toml": ""}),
        make_wheel(out, name, str(version), files={}, requires=requires),
    )
    for path in made:
        normalise(path, epoch)
    return tuple(map(BuiltFile.of, made))


async def all_is_green(
    _context: CascadeContext, _package: str, moved: Sequence[Moved], _release: ReleaseRequest | None = None
) -> Proof:
    """Suites that pass, whatever moves."""
    return Proof()


async def _can_be_installed(_context: CascadeContext, _released: Mapping[str, object]) -> None:
    """Resolving is the same each time."""


@contextlib.contextmanager
def quickly(here: RehearsedCascade) -> Iterator[pytest.MonkeyPatch]:
    """Without what takes long and is the same each time, and with pauses that are shorter."""
    before, here.instead = here.instead, {"prove": all_is_green}
    with quick_releases() as patch:
        patch.setattr(build, "build", built)
        patch.setattr(package_steps, "installable", _can_be_installed)
        patch.setattr(scheduler, "LOOKS", 0.1)
        yield patch
    here.instead = before


def at(package: str, state: State, does: Callable[[Cascade], None]) -> Watch:
    """Does something once, as soon as a package is in a state."""
    done: list[bool] = []

    async def look(cascade: Cascade) -> None:
        if cascade.progress[package].state is state and not done:
            done.append(True)
            await asyncio.to_thread(does, cascade)

    return look
