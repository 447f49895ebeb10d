"""Verifications without Prefect, in a world that this process serves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest

from interlock.adapters.connections import access_from, open_connections
from interlock.adapters.github import GitHub, StaticToken, github_server, open_github
from interlock.contracts.verify import CellResult, ContractsReport, ContractsRequest
from interlock.contracts.verify.build import build
from interlock.contracts.verify.comparison import Comparison, find_comparison
from interlock.contracts.verify.context import VerificationContext
from interlock.contracts.verify.publication import Publication
from interlock.contracts.verify.publish import Published, Texts
from interlock.contracts.verify.subjects import ComparedBuilds
from interlock.contracts.verify.workflow import Host, verify
from interlock.matrix.context import MatrixContext
from interlock.matrix.executor import MatrixProgress
from interlock.matrix.request import MatrixRequest
from interlock.matrix.run import CellRunner, here
from interlock.model.family_file import load
from interlock.reports import contracts_texts
from rehearsal.github import pulls
from tests.support.rehearsed_release import CORE, RehearsedRelease, keep_builds, rehearse_release

PIPELINE, STORE = "market-data-pipeline", "market-data-store"
IBKR, ORCHESTRATOR = "market-data-ibkr", "market-data-orchestrator"
TELEMETRY = "src/market_data_core/telemetry.py"
CONFORMANCE = "tests/contracts/test_protocol_conformance.py"
NAMED = f"{CONFORMANCE}::test_levels_have_the_values_that_are_sent"
# Code that writes `BackpressureLevel.soft` still works; code that compares all names with a list finds another one.
RENAMED = ('    soft = "soft"\n', '    gentle = "soft"\n    soft = "soft"\n')
RUN = UUID(int=7)

Done = TypeVar("Done")


@dataclass
class RehearsedVerification(RehearsedRelease):
    """A world that is served, and verifications in it.

    Attributes:
        home: Where Interlock keeps everything.
    """

    home: Path = Path()

    def verify(
        self,
        ref: str,
        *downstream: str,
        texts: Callable[..., Texts] = contracts_texts,
        hand_over: Callable[[Publication], Awaitable[Published]] | None = None,
        **request: object,
    ) -> tuple[ContractsReport, int]:
        """Verify a ref of core, telling nobody unless asked to; the report, and how many suites were run for it."""
        seen: list[MatrixProgress] = []

        async def observe(progress: MatrixProgress) -> None:
            seen.append(progress)

        @contextlib.asynccontextmanager
        async def cells(context: MatrixContext, asked: MatrixRequest) -> AsyncIterator[CellRunner]:
            async with here(context, asked) as runner:
                yield replace(runner, observe=observe)

        report = self._with(
            lambda context: verify(context, Host(texts=texts, cells=cells, flow_run=RUN, hand_over=hand_over)),
            {"ref": ref, "downstream": downstream, "tell": False, **request},
        )
        return report, seen[-1].runs if seen else 0

    def compare(self, ref: str, **request: object) -> Comparison:
        """Find a ref of core and what it is compared with; nothing is built."""
        return self._with(find_comparison, {"ref": ref, **request})

    def build(self, ref: str, **request: object) -> ComparedBuilds:
        """Build a ref of core and what it is compared with; nothing is run."""

        async def built(context: VerificationContext) -> ComparedBuilds:
            return await build(context, await find_comparison(context))

        return self._with(built, {"ref": ref, **request})

    def _with(self, work: Callable[[VerificationContext], Awaitable[Done]], request: Mapping[str, object]) -> Done:
        """Do a verification, or a part of it, with the credentials of the environment."""
        wanted, family = ContractsRequest.model_validate({"upstream": CORE, **request}), load()

        async def done() -> Done:
            async with open_connections(family, access_from(family)) as connections:
                return await work(VerificationContext(wanted, connections))

        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("INTERLOCK_HOME", str(self.home))
            return asyncio.run(done())

    def branch(self, name: str, files: Mapping[str, bytes | None], repository: str = CORE) -> str:
        """Make a branch with a commit of its own on top of the default one; its SHA."""
        state = self.serving.github
        with state.changing():
            record = state.repository(f"mjdevaccount/{repository}")
            git = state.git(record)
            tip = git.ref(f"refs/heads/{record.default_branch}")
            assert tip is not None
            sha = git.write_commit(tip, dict(files), f"a branch: {name}")
            git.set_ref(f"refs/heads/{name}", sha, None)
        return sha

    def pull_request(self, branch: str) -> int:
        """Open a pull request for a branch of core; its number."""
        state = self.serving.github
        with state.changing():
            record = state.repository(f"mjdevaccount/{CORE}")
            new = pulls.NewPull(title=branch, head=branch, base=record.default_branch)
            return pulls.open_pull(state, record, new, "mjdevaccount").number

    def statuses(self, sha: str) -> dict[str, str]:
        """What is said of a commit of core in each context: the newest state, and its description."""
        return {
            context: f"{one.state}: {one.description}"
            for context, one in self._asked(lambda github: github.statuses(f"mjdevaccount/{CORE}", sha)).items()
        }

    def comments(self, number: int) -> list[str]:
        """What is said of a pull request of core."""
        found = self._asked(lambda github: github.comments(f"mjdevaccount/{CORE}", number))
        return [one.body or "" for one in found]

    def _asked(self, question: Callable[[GitHub], Coroutine[Any, Any, Done]]) -> Done:
        async def asked() -> Done:
            token = StaticToken(self.world.directory.tokens().github, "test")
            async with open_github(token, github_server()) as github:
                return await question(github)

        return asyncio.run(asked())

    def changed(self, repository: str, path: str, old: str, new: str) -> dict[str, bytes]:
        """A file of the default branch with a text replaced."""
        text = self.git(repository, "show", f"HEAD:{path}") + "\n"
        assert old in text, text
        return {path: text.replace(old, new).encode()}

    def without_suite(self, downstream: str) -> contextlib.AbstractContextManager[None]:
        """Take a downstream's suite of imports out of the family file for the time of the block."""
        return self.family_file(f'[[packages.{downstream}.suites]]\nname = "imports"\nimports = true\n', "")

    @contextlib.contextmanager
    def two_downstreams(self) -> Iterator[None]:
        """Let core have no downstreams but pipeline and store for the time of the block."""
        ibkr, others = f'ibkr]\nupstreams = ["{CORE}"]', f'["{CORE}", "{STORE}"'
        with (
            self.without_suite(IBKR),
            self.family_file(ibkr, "ibkr]\nupstreams = []"),
            self.family_file(others, f'["{STORE}"'),
        ):
            yield

    @contextlib.contextmanager
    def family_file(self, old: str, new: str) -> Iterator[None]:
        """Replace a text in the family file, which is there once, for the time of the block."""
        path = self.world.directory.family_file
        text = path.read_text("utf-8")
        assert text.count(old) == 1, old
        path.write_text(text.replace(old, new), "utf-8")
        try:
            yield
        finally:
            path.write_text(text, "utf-8")


@contextlib.contextmanager
def rehearse_verification(template: Path, folder: Path, builds: Path) -> Iterator[RehearsedVerification]:
    """A copy of a world, served from this process until the end of the block, with the environment that leads to it."""
    with rehearse_release(template, folder) as made:
        keep_builds(folder / "home", builds)
        yield RehearsedVerification(world=made.world, serving=made.serving, home=folder / "home")


def cells(report: ContractsReport) -> dict[tuple[str, bool], CellResult]:
    """The cells by downstream, and whether of its branch."""
    found = [cell for each in report.downstreams for cell in each.cells]
    return {(cell.downstream, cell.side.startswith("branch ")): cell for cell in found}
