"""The first version, or commit, that breaks a suite: real wheels, planned by the real uv; suites are only pretended."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from interlock.adapters.ledger import SqlLedger
from interlock.cells.recipe import Recipe
from interlock.contracts.admission import Answer
from interlock.contracts.admission.question import Question, answer
from interlock.contracts.bisect.models import Bisection, BisectRequest
from interlock.contracts.bisect.search import BisectProgress, bisect, watcher
from interlock.contracts.candidates import parse_ref
from interlock.errors import UsageError
from interlock.matrix.context import MatrixContext
from interlock.matrix.request import MatrixRequest
from interlock.matrix.run import CellRunner, make_matrix
from interlock.model.family import Family
from interlock.model.verdicts import Run, RunStatus, TestOutcome, TestResult
from interlock.reports.bisection import bisection_markdown
from tests.support.admission_family import PYTHON
from tests.support.candidates import CandidateWorld, candidate_world, project
from tests.support.git_repositories import git
from tests.support.ledgers import scratch_ledger
from tests.support.universe import Universe

CORE, PIPELINE = "hunt-core", "hunt-pipeline"
FAMILY = {
    "name": "hunt",
    "owner": "acme",
    "python": [PYTHON],
    "packages": {CORE: {}, PIPELINE: {"upstreams": [CORE], "suites": [{"name": "contracts", "sdist": "tests"}]}},
}
LAST = 12


@dataclass
class Tried:
    """Suites that are not run, but answered by what the upstream's module says.

    Attributes:
        answers: By the upstream's version or, for a commit, by the speed in its file; green for others.
        runs: What was run, in order.
    """

    world: CandidateWorld
    ledger: SqlLedger = field(default_factory=scratch_ledger)
    answers: dict[str, RunStatus] = field(default_factory=dict)
    wavering: set[str] = field(default_factory=set)
    runs: list[str] = field(default_factory=list)
    hunts: list[BisectProgress] = field(default_factory=list)

    def bisect(self, good: str, bad: str, **others: object) -> Bisection:
        """Search."""
        fields = {"upstream": CORE, "downstream": PIPELINE, "good": good, "bad": bad, **others}
        request = BisectRequest.model_validate(fields)

        async def done() -> Bisection:
            watcher.set(self._watch)
            async with self.world.connected(self.ledger) as connections:
                return await bisect(connections, request, cells=self._cells)

        return asyncio.run(done())

    def matrix(self, versions: str) -> None:
        """Make a matrix of some upstream versions with the newest release."""
        request = MatrixRequest(upstream=CORE, upstream_versions=versions, downstream_versions="latest:1")

        async def done() -> None:
            async with self.world.connected(self.ledger) as connections:
                await make_matrix(connections, request, cells=self._cells)

        asyncio.run(done())

    def check(self, version: str) -> Answer:
        """Whether a version may be released, as `interlock check` says it."""

        async def asked() -> Answer:
            async with self.world.connected(self.ledger) as connections:
                return (await answer(connections, Question(package=CORE, ref=parse_ref(version)))).answer

        return asyncio.run(asked())

    @contextlib.asynccontextmanager
    async def _cells(self, _context: MatrixContext, request: MatrixRequest) -> AsyncIterator[CellRunner]:
        yield CellRunner(run=self._run, jobs=request.jobs)

    async def _watch(self, hunt: BisectProgress) -> None:
        self.hunts.append(hunt)

    async def _run(self, recipe: Recipe) -> tuple[Run, ...]:
        wheel = next(wheel for wheel in recipe.wheels if wheel.name == CORE)
        version = str(wheel.version)
        self.runs.append(version)
        status = self.answers.get(version.partition("+")[2] or version, RunStatus.PASSED)
        run = _run(recipe.fingerprint, status, "test_speed")
        return (_run(recipe.fingerprint, RunStatus.PASSED), run) if version in self.wavering else (run,)


def _run(fingerprint: str, status: RunStatus, *red: str) -> Run:
    tests = [TestResult(id=f"t.py::{name}", outcome=TestOutcome.FAILED, error="assert 2 == 1") for name in red]
    return Run(
        fingerprint=fingerprint,
        status=status,
        reason=None if status is RunStatus.PASSED else str(status),
        tests=tuple(tests) if status is RunStatus.FAILED else (),
        started_at=datetime.now(UTC),
    )


@pytest.fixture(scope="module")
def released(shared_universe: Universe) -> Universe:
    """Cores 1.0 to 1.12, each different; 1.5 can't be installed, and 1.8rc1 and the yanked 1.9.1 are nobody's."""
    for number in range(LAST + 1):
        requires = ["hunt-ghost==9"] if number == 5 else []
        shared_universe.wheel(CORE, f"1.{number}", {"hunt_core/__init__.py": f"N = {number}"}, requires=requires)
    shared_universe.wheel(CORE, "1.8rc1", {"hunt_core/__init__.py": "N = 0"})
    shared_universe.index.yanked[shared_universe.wheel(CORE, "1.9.1").name] = "a mistake"
    for version in ("2.0", "2.1"):
        shared_universe.wheel(PIPELINE, version, {"hunt_pipeline/__init__.py": "import hunt_core"}, requires=[CORE])
        shared_universe.sdist(PIPELINE, version, {"tests/test_x.py": f"import hunt_core  # {version}\n"})
    return shared_universe


@pytest.fixture
def tried(released: Universe, tmp_path: Path) -> Tried:
    with candidate_world(tmp_path / "world", released) as world:
        world.family = Family.model_validate(FAMILY)
        return Tried(world)


def breaks_from(first: int, *, until: int = LAST, status: RunStatus = RunStatus.FAILED) -> dict[str, RunStatus]:
    return {f"1.{number}": status for number in range(first, until + 1)}


def names(found: Bisection) -> tuple[str, str]:
    return found.last_good.name, found.first_bad.name


@pytest.mark.parametrize("first", [1, 8, 12])
def test_the_first_version_that_breaks_is_found_by_few_runs(tried: Tried, first: int) -> None:
    tried.answers = breaks_from(first)
    found = tried.bisect("1.0", "1.12")
    assert names(found) == (f"1.{first - 1}", f"1.{first}")
    assert found.exit_code == 0
    assert (found.steps, found.runs) == (LAST + 1, len(tried.runs))
    assert len(tried.runs) <= 2 + 4
    assert len(set(tried.runs)) == len(tried.runs)
    assert [broken.tests for broken in found.broken] == [{"t.py::test_speed": "assert 2 == 1"}]


def test_the_first_good_version_is_found_from_the_newer_end(tried: Tried) -> None:
    tried.answers = {f"1.{number}": RunStatus.FAILED for number in range(7)}
    found = tried.bisect("1.12", "1.0", find="first-good")
    assert (found.last_good.name, found.first_bad.name) == ("1.7", "1.6")
    assert (found.unsure, found.relapses) == ((), ())
    shown = bisection_markdown(found)
    assert f"✓ {CORE} 1.7 is the first that works with {PIPELINE} 2.1\n  the last bad one: 1.6" in shown
    assert len(tried.runs) <= 6
    tried.answers["1.6"] = RunStatus.UNTESTED
    with pytest.raises(UsageError, match=r"1\.12 is not before 1\.0") as error:
        tried.bisect("1.0", "1.12", find="first-good")
    assert "--find first-bad" in (error.value.hint or "")


def test_an_old_version_that_works_is_not_the_first_good_one(tried: Tried) -> None:
    """What counts is from where on everything works, as far as it is known."""
    tried.answers = {f"1.{number}": RunStatus.FAILED for number in (0, 1, 4, 6, 7)}
    found = tried.bisect("1.12", "1.0", find="first-good")
    assert found.last_good.name == "1.8"
    assert found.first_bad.name == "1.7"


def test_what_a_bisection_and_a_matrix_have_shown_is_an_answer(tried: Tried) -> None:
    tried.answers = {f"1.{number}": RunStatus.FAILED for number in range(7, LAST + 1)}
    assert tried.check("1.6") is Answer.UNKNOWN
    tried.bisect("1.0", "1.12")
    assert [tried.check(version) for version in ("1.0", "1.6", "1.7", "1.12")] == [
        Answer.YES,
        Answer.YES,
        Answer.NO,
        Answer.NO,
    ]
    assert tried.check("1.1") is Answer.UNKNOWN
    tried.matrix("1.1")
    assert tried.check("1.1") is Answer.YES


def test_what_is_found_is_said_with_a_command_that_shows_it(tried: Tried) -> None:
    tried.answers = breaks_from(8)
    found = tried.bisect("1.0", "1.12")
    assert found.downstream_version == "2.1"
    assert found.reproduce == (
        f"interlock matrix --upstream {CORE} --downstream {PIPELINE} "
        "--upstream-versions '1.7, 1.8' --downstream-versions 2.1"
    )
    text = bisection_markdown(found)
    assert f"{CORE} 1.8 is the first that breaks {PIPELINE} 2.1" in text
    assert "t.py::test_speed: assert 2 == 1" in text


def test_the_second_time_nothing_is_run(tried: Tried) -> None:
    tried.answers = breaks_from(8)
    first = tried.bisect("1.0", "1.12")
    tried.runs.clear()
    again = tried.bisect("1.0", "1.12")
    assert tried.runs == []
    assert again.runs == 0
    assert names(again) == names(first)


def test_a_version_that_cannot_be_resolved_is_skipped_without_a_run_and_named(tried: Tried) -> None:
    tried.answers = breaks_from(6)
    found = tried.bisect("1.0", "1.12")
    assert names(found) == ("1.4", "1.6")
    assert [step.name for step in found.unsure] == ["1.5"]
    assert found.exit_code == 1
    (skipped,) = found.skipped
    assert skipped.step.name == "1.5"
    assert "hunt-ghost" in skipped.why
    assert "1.5" not in tried.runs
    assert "or it is 1.5, which could not be tried" in bisection_markdown(found)


def test_a_version_that_wavers_is_skipped_and_said_to(tried: Tried) -> None:
    tried.answers = breaks_from(6)
    tried.wavering = {"1.6"}
    found = tried.bisect("1.0", "1.12")
    assert names(found) == ("1.4", "1.7")
    assert {each.step.name: each.why for each in found.skipped}["1.6"] == "its runs showed different things"


def test_a_suite_that_does_not_end_is_bad(tried: Tried) -> None:
    tried.answers = breaks_from(3, status=RunStatus.TIMED_OUT)
    found = tried.bisect("1.0", "1.12")
    assert names(found) == ("1.2", "1.3")
    assert found.broken[0].reason == "timed-out"


def test_what_is_good_again_later_is_told(tried: Tried) -> None:
    tried.answers = breaks_from(3, until=4) | breaks_from(12)
    assert names(tried.bisect("1.0", "1.12")) == ("1.11", "1.12")
    assert names(tried.bisect("1.2", "1.4")) == ("1.2", "1.3")
    found = tried.bisect("1.0", "1.12")
    assert names(found) == ("1.2", "1.3")
    assert "1.11" in [step.name for step in found.relapses]
    assert "later ones that are good again" in bisection_markdown(found)


def test_an_older_downstream_can_be_named(tried: Tried) -> None:
    tried.answers = breaks_from(8)
    assert tried.bisect("1.0", "1.12", downstream_version="2.0").downstream_version == "2.0"


def test_progress_is_told(tried: Tried) -> None:
    tried.answers = breaks_from(8)
    tried.bisect("1.0", "1.12")
    assert tried.hunts[0].doing == "trying the ends, 1.0 and 1.12"
    assert [(hunt.tries, hunt.tries + hunt.left) for hunt in tried.hunts[1:2]] == [(0, 4)]
    assert [hunt.tries for hunt in tried.hunts[1:]] == list(range(len(tried.hunts) - 1))


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        ("1.12", "1.0", "1.12 is not before 1.0"),
        ("1.0", "1.0", "1.0 is not before 1.0"),
        ("1.0", "1.4", "1.4 is not bad"),
        ("1.9", "1.12", "what is red is red with 1.9 too"),
        ("1.5", "1.12", "1.5 is not good"),
    ],
)
def test_ends_that_are_none_are_refused(tried: Tried, good: str, bad: str, words: str) -> None:
    tried.answers = breaks_from(8)
    with pytest.raises(UsageError, match=words.replace(".", r"\.")):
        tried.bisect(good, bad)


def test_a_suite_that_is_none_is_refused(tried: Tried) -> None:
    with pytest.raises(UsageError, match='no suite "contract"') as error:
        tried.bisect("1.0", "1.12", suite="contract")
    assert error.value.hint == 'did you mean "contracts"?'


# ---- commits ----------------------------------------------------------------------------------------------------


def a_history(tried: Tried, *speeds: int) -> list[str]:
    """A commit for each, upon the tag v1.0; a negative one can't be built."""
    origin = tried.world.origin(CORE, project(CORE, "1.0"))
    shas = []
    for number, speed in enumerate(speeds):
        files = {"hunt_core/speed.py": f"SPEED = {speed}  # {number}\n"}
        broken = {"backend.py": "raise RuntimeError('no compiler')\n"} if speed < 0 else {}
        whole = project(CORE, "1.0") if number and speeds[number - 1] < 0 <= speed else {}
        shas.append(origin.commit({**whole, **files, **broken}, f"speed {speed}, change {number}"))
        if speed == 2:
            tried.answers[f"g{shas[-1][:12]}"] = RunStatus.FAILED
    origin.push("main")
    return shas


def test_the_first_commit_that_breaks_is_found_with_its_subject(tried: Tried) -> None:
    shas = a_history(tried, 1, 1, 2, 2)
    found = tried.bisect("1.0", "main")  # the version stands for its tag, since the other end is no version
    assert names(found) == (shas[1], shas[2])
    assert (found.steps, len(tried.runs)) == (5, 2 + 2)
    assert str(found.first_bad) == f"{shas[2][:12]} speed 2, change 2"
    assert found.reproduce.startswith(f"interlock contracts {shas[2]} --of {CORE} ")
    assert f"--against {shas[1]}" in found.reproduce


def test_a_commit_that_cannot_be_built_is_skipped(tried: Tried) -> None:
    shas = a_history(tried, -1, 2)
    found = tried.bisect("v1.0", shas[1])
    assert found.last_good.subject == "first"
    assert found.first_bad.name == shas[1]
    assert [step.name for step in found.unsure] == [shas[0]]
    assert "no compiler" in found.skipped[0].why


def test_ends_that_are_not_of_one_history_are_refused(tried: Tried) -> None:
    shas = a_history(tried, 1, 2)
    with pytest.raises(UsageError, match="is not in the history of"):
        tried.bisect(shas[1], shas[0])


def test_a_folder_stands_for_its_commit_once_that_was_pushed(tried: Tried) -> None:
    shas = a_history(tried, 1, 2)
    folder = tried.world.folder / f"work-{CORE}"
    assert names(tried.bisect("v1.0", str(folder))) == (shas[0], shas[1])
    git(folder, "commit", "--quiet", "--allow-empty", "--message=mine alone")
    with pytest.raises(UsageError, match=f"is at a commit that acme/{CORE} has not got") as error:
        tried.bisect("v1.0", str(folder))
    assert error.value.hint == "push it first"


def test_a_suite_that_may_fail_at_every_point_tells_nothing(tried: Tried) -> None:
    allowed = [{"point": {"bus": "new"}, "reason": "not yet"}]
    suite = {"name": "contracts", "sdist": "tests", "axes": {"bus": ["new"]}, "allowed_to_fail": allowed}
    packages = {CORE: {}, PIPELINE: {"upstreams": [CORE], "suites": [suite]}}
    tried.world.family = Family.model_validate({**FAMILY, "packages": packages})
    with pytest.raises(UsageError, match="is allowed to fail"):
        tried.bisect("1.0", "1.12")
    assert tried.runs == []
