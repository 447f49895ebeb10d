"""Releases by plain calls, in a world that this process serves."""

import asyncio
import contextlib
import io
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import rich
from pydantic import SecretStr
from twine.commands.check import check as twine_check
from twine.commands.upload import upload as twine_upload
from twine.settings import Settings

from interlock.adapters.connections import access_from, open_connections
from interlock.adapters.index import upload
from interlock.adapters.ledger import open_ledger
from interlock.common.process import Completed
from interlock.contracts.admission import Admission
from interlock.contracts.admission.question import Question, answer
from interlock.contracts.candidates import parse_ref
from interlock.model import family_file
from interlock.model.release import Release
from interlock.project.build import checks
from interlock.releases import workflow
from interlock.releases.context import open_release
from interlock.releases.plan import ReleaseRequest, Timeouts
from interlock.releases.step_timer import Watch, watcher
from rehearsal.world import World

if TYPE_CHECKING:
    from rehearsal.servers import Apps

CORE = "market-data-core"
TARGETS = ("market_data_pipeline", "market-data-store", "market_data_orchestrator", "market-data-ibkr")
SHORT = Timeouts(index=4, receipt=2, run=4)
# What redirects this process's standard output.
ONE_AT_A_TIME = threading.Lock()


async def twine_here(command: Sequence[str | Path], *, env: Mapping[str, str], **_limits: object) -> Completed:
    """Twine in this process: as the subprocess, but for a second of imports; what that is given has its own tests."""
    settings = Settings(
        username=env["TWINE_USERNAME"],
        password=env["TWINE_PASSWORD"],
        repository_url=env["TWINE_REPOSITORY_URL"],
        non_interactive=True,
        disable_progress_bar=True,
    )
    return await asyncio.to_thread(_said, lambda: twine_upload(settings, [str(command[-1])]))


async def twine_check_here(command: Sequence[str | Path], *, env: Mapping[str, str], **_limits: object) -> Completed:
    """The same for its checks."""
    is_strict = "--strict" in command
    paths = [str(path) for path in command[command.index("check") + 1 + is_strict :]]
    with pytest.MonkeyPatch.context() as patch:
        # As wide as asked for: no message is wrapped. The process's console may have the width of an earlier test.
        patch.setattr(rich.get_console(), "_width", int(env["COLUMNS"]))
        return await asyncio.to_thread(_said, lambda: twine_check(paths, strict=is_strict))


def _said(work: Callable[[], object]) -> Completed:
    said = io.StringIO()
    with ONE_AT_A_TIME, contextlib.redirect_stdout(said):
        try:
            failed = work()
        except Exception as error:  # noqa: BLE001  anything that ends twine
            said.write(f"ERROR    {type(error).__name__}: {error}")
            failed = True
    return Completed(returncode=int(bool(failed)), output=said.getvalue(), errors="", seconds=0)


@dataclass
class RehearsedRelease:
    """A world that is served, and what is done in it.

    Attributes:
        serving: Its faults, its log and its state.
        run_id: The flow run that releases are made by, if any.
    """

    world: World
    serving: "Apps"
    run_id: str | None = None

    @property
    def repositories(self) -> Path:
        """Where the bare repositories are."""
        return self.world.directory.repositories / "mjdevaccount"

    def release(self, package: str = CORE, *, watch: Watch | None = None, **request: object) -> Release:
        """Release a package."""
        return asyncio.run(self.release_async(package, watch=watch, **request))

    def commit(self, repository: str, files: Mapping[str, bytes | None], message: str = "somebody's") -> str:
        """Commit to a repository's default branch, as somebody else; its SHA."""
        state = self.serving.github
        with state.changing():
            record = state.repository(f"mjdevaccount/{repository}")
            git, ref = state.git(record), f"refs/heads/{record.default_branch}"
            old = git.ref(ref)
            assert old is not None
            sha = git.write_commit(old, dict(files), message)
            git.set_ref(ref, sha, old)
        return sha

    async def release_async(self, package: str = CORE, *, watch: Watch | None = None, **request: object) -> Release:
        """The same, for a caller with an event loop.

        Args:
            package: Its name.
            watch: Called with each step.
            request: Further fields of the request.
        """
        if watch is not None:
            watcher.set(watch)
        fields = {"package": package, "patience": SHORT, **request}
        wanted = ReleaseRequest.model_validate(fields)
        family = family_file.load()
        async with (
            open_connections(family, access_from(family)) as connections,
            open_release(wanted, connections, run=self.run_id) as context,
        ):
            return await workflow.release(context)

    def check(self, package: str, ref: str, *downstream: str) -> Admission:
        """Whether a version or commit may be released, as `interlock check` says it."""
        question = Question(package=package, ref=parse_ref(ref), downstream=downstream)

        async def asked() -> Admission:
            family = family_file.load()
            async with open_connections(family, access_from(family)) as connections:
                return await answer(connections, question)

        return asyncio.run(asked())

    def writes(self, *origins: str) -> list[str]:
        """What the servers say that they did, in order, but for leases."""
        seen = [one for one in self.serving.log.all() if one.wrote and (not origins or one.origin in origins)]
        return [one.note or f"{one.method} {one.path}" for one in seen if "refs/interlock/" not in (one.note or "")]

    def git(self, repository: str, *arguments: str) -> str:
        """Ask a bare repository."""
        import subprocess

        command = ["git", "-C", str(self.repositories / f"{repository}.git"), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def refs(self) -> dict[str, str]:
        """Every ref of every repository but for leases."""
        listed = (
            (path.name, line)
            for path in sorted(self.repositories.iterdir())
            for line in self.git(path.stem, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        )
        pairs = ((f"{name}:{line.split()[0]}", line.split()[1]) for name, line in listed)
        return {name: sha for name, sha in pairs if "refs/interlock/" not in name}


def seed(folder: Path) -> Path:
    """Make a world that is copied for each test."""
    asyncio.run(_seed(folder))
    return folder


async def _seed(folder: Path) -> None:
    (world := await World.create_or_open(folder)).close()
    # An empty ledger, too: to make one takes as long as a tenth of a release.
    open_ledger(SecretStr(f"sqlite:///{world.directory.ledger}")).close()


def keep_builds(home: Path, builds: Path) -> None:
    """Let what was built before be found in this home too."""
    (home / "cache").mkdir(parents=True)
    (home / "cache" / "builds").symlink_to(builds, target_is_directory=True)


@contextlib.contextmanager
def rehearse_release(template: Path, folder: Path) -> Iterator[RehearsedRelease]:
    """A copy of a world, served from this process until the end of the block, with the environment that leads to it."""
    shutil.copytree(template, folder, symlinks=True)
    with serve_world(asyncio.run(World.create_or_open(folder))) as served:
        yield served


@contextlib.contextmanager
def serve_world(world: World) -> Iterator[RehearsedRelease]:
    """A world, served in the same way."""
    with pytest.MonkeyPatch.context() as patch, world, world.serve() as serving:
        apply(world, patch)
        patch.setattr(upload, "run", twine_here)
        patch.setattr(checks, "run", twine_check_here)
        yield RehearsedRelease(world=world, serving=serving.apps)


def apply(world: World, patch: pytest.MonkeyPatch) -> None:
    """Point this process at a world."""
    changes = world.environment()
    for name in changes.removed & os.environ.keys():
        patch.delenv(name)
    for name, value in changes.variables.items():
        patch.setenv(name, value)
    # The world leads github.com to itself; nothing of ours may need that.
    patch.setenv("GIT_CONFIG_COUNT", "1")
    patch.setenv("GIT_CONFIG_KEY_0", "url.file:///nowhere/.insteadOf")
    patch.setenv("GIT_CONFIG_VALUE_0", "https://github.com/mjdevaccount/")
    # Equal dates, equal files: what one test has built serves the next.
    patch.setenv("SOURCE_DATE_EPOCH", "1795000000")
