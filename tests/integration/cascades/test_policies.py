"""Who follows and how: policies, reactions, pull requests, people, and what goes wrong on the way."""

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.cli.main import app
from interlock.cascades import package_steps, scheduler
from interlock.cascades.context import CascadeContext
from interlock.cascades.verify import Moved, Proof
from interlock.errors import IndexUnavailableError, RefusedError
from interlock.model.cascade import Cascade, HeldBy, Outcome, Proven, State, aborted, held, resumed, unheld
from interlock.model.release import Step
from interlock.model.verdicts import CellKey, Verdict
from interlock.project.lock_files.lock_text import packages_of
from interlock.releases.step_timer import StepEvent
from rehearsal.github import pull_store
from rehearsal.github.records import Protection
from rehearsal.github.state import Event
from tests.support.rehearsed_cascade import (
    IBKR,
    INFRA,
    ORCHESTRATOR,
    PIPELINE,
    SHORT,
    STORE,
    RehearsedCascade,
    all_is_green,
    at,
    states,
    versions,
)
from tests.support.rehearsed_release import CORE
from tests.support.release_values import NOON
from tests.support.universe.packages import make_wheel

pytestmark = pytest.mark.usefixtures("quick")

ALWAYS_PIPELINE = (
    'repository = "market_data_pipeline"\nbranch = "base"\nupstreams = ["market-data-core"]\nfollows = "always"\n'
)
ALWAYS_STORE = '[packages.market-data-store]\nupstreams = ["market-data-core"]\nfollows = "always"\n'
ALL = {CORE: "1.2.11", PIPELINE: "0.8.2", STORE: "0.6.4", ORCHESTRATOR: "0.8.5"}
BY_PULL_REQUEST = (ALWAYS_PIPELINE, f'{ALWAYS_PIPELINE}change = "pull-request"\n')
Prove = Callable[[CascadeContext, str, Sequence[Moved], object], Awaitable[Proof]]
COMMAND = 'command = ["make", "rebuild-all"]'


def put(here: RehearsedCascade, folder: Path, name: str, version: str, *requires: str) -> None:
    """Somebody else's release."""
    here.serving.index.add_file(make_wheel(folder, name, version, files={f"{name}.py": ""}, requires=requires))


# --- policies ---------------------------------------------------------------------------------------------------------


def test_a_package_that_takes_evidence_is_held_while_no_suite_has_shown_that_it_works(here: RehearsedCascade) -> None:
    said = "evidence is required, and no suite has shown that it works with market-data-core"
    required = '[packages.market-data-store]\ncontract.evidence = "required"\n'
    here.family_file(("[packages.market-data-store]\n", required))
    assert here.cascade().progress[STORE].reason == said

    green: list[str] = []

    async def prove(_context: CascadeContext, name: str, moved: Sequence[Moved], _release: object) -> Proof:
        fields = {
            "upstream": CORE,
            "upstream_version": str(moved[0].now),
            "downstream": name,
            "downstream_version": "1",
        }
        cells = [CellKey(suite=suite, python="3.11", **fields) for suite in green]
        return Proof(cells=tuple(Proven(cell=cell, verdict=Verdict.COMPATIBLE) for cell in cells))

    here.instead["prove"] = prove
    for suites, state in ((["unproven"], "held"), (["unproven", "contracts"], "released")):
        green[:] = suites
        with here.ledger() as ledger:
            here.decide(unheld(ledger.cascades()[0], STORE, NOON))
        assert states(here.cascade(version="1.2.11"))[STORE] == state


def test_each_follows_by_its_policy(here: RehearsedCascade) -> None:
    here.family_file(
        (ALWAYS_PIPELINE, ALWAYS_PIPELINE.replace('follows = "always"\n', "")),
        (ALWAYS_STORE, ALWAYS_STORE.replace('"always"', '"never"')),
        ("[packages.market-data-ibkr]\n", '[packages.market-data-ibkr]\nfollows = { market-data-core = "always" }\n'),
    )

    cascade = here.cascade()

    assert cascade.outcome is Outcome.DONE
    assert versions(cascade) == {CORE: "1.2.11", IBKR: "1.1.2", ORCHESTRATOR: "0.8.5"}
    assert cascade.progress[STORE].reason == "policy never for market-data-core: tested, not released"
    assert "admits 1.2.11: tested, not released" in cascade.progress[PIPELINE].reason
    assert [line for line in here.lines("market_data_orchestrator", "v0.8.5") if line[0] == "+"] == [
        '+version = "0.8.5"',
        '+  "market-data-core==1.2.11",',
        '+  "market-data-ibkr==1.1.2",',
    ]


def test_a_cap_that_excludes_the_version_is_a_persons_decision(here: RehearsedCascade) -> None:
    here.family_file(BY_PULL_REQUEST)

    cascade = here.cascade(bump="major")

    assert states(cascade) == {CORE: "released", **dict.fromkeys((PIPELINE, STORE, IBKR, ORCHESTRATOR, INFRA), "held")}
    for name in (PIPELINE, STORE, IBKR):
        assert cascade.progress[name].held_by is HeldBy.ITSELF
        assert f"{name} can't be moved to market-data-core 2.0.0: pyproject.toml" in cascade.progress[name].reason
        assert "<2.0.0" in cascade.progress[name].reason
    assert here.tagged() == ["market-data-core v2.0.0"]
    assert not here.wrote("api", "create pull")


# --- reactions --------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_one_that_releases_by_itself_is_waited_for(here: RehearsedCascade, tmp_path: Path) -> None:
    here.family_file((ALWAYS_STORE, f'{ALWAYS_STORE}reaction = "dispatch"\n'))

    waited = here.cascade(patience=SHORT.model_copy(update={"run": 0.3}))

    assert waited.outcome is Outcome.FAILED
    assert waited.progress[STORE].reason.startswith("no new release of market-data-store is on")
    assert versions(waited) == {CORE: "1.2.11", PIPELINE: "0.8.2"}
    assert waited.progress[ORCHESTRATOR].held_by is HeldBy.UPSTREAM

    put(here, tmp_path, STORE, "0.6.9")
    here.decide(resumed(waited, NOON))
    cascade = here.cascade(version="1.2.11")

    assert (cascade.id, cascade.outcome) == (waited.id, Outcome.DONE)
    assert versions(cascade) == {**ALL, STORE: "0.6.9"}
    assert '+  "market-data-store==0.6.9",' in here.lines("market_data_orchestrator", "v0.8.5")
    assert not [tag for tag in here.tagged() if STORE in tag]


@pytest.mark.long
def test_what_it_releases_when_it_is_told_is_what_the_others_take(here: RehearsedCascade, tmp_path: Path) -> None:
    here.family_file((ALWAYS_STORE, f'{ALWAYS_STORE}reaction = "dispatch"\n'))

    def told(event: Event) -> None:
        if event.repository.endswith(STORE) and event.facts["event"] == "repository_dispatch":
            assert event.facts["client_payload"]["version"] == "1.2.11"
            put(here, tmp_path, STORE, "0.7.0")

    here.serving.github.listen("run", told)

    assert versions(here.cascade()) == {**ALL, STORE: "0.7.0"}


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (
            '["sh", "-c", "echo no such image; exit 3"]',
            "sh -c echo no such image; exit 3 of market-data-infra ended with 3",
        ),
        pytest.param('["no-such-program-here"]', "no-such-program-here is not on this machine", marks=pytest.mark.long),
    ],
)
def test_a_command_that_fails_has_failed_with_its_log(
    here: RehearsedCascade, interlock_home: Path, command: str, reason: str
) -> None:
    here.family_file((COMMAND, f"command = {command}"))

    cascade = here.cascade()

    log = interlock_home / "logs" / cascade.id / f"{INFRA}.log"
    assert cascade.outcome is Outcome.FAILED
    assert versions(cascade) == ALL
    assert cascade.progress[INFRA].reason.startswith(reason)
    if "exit 3" in command:
        assert str(log) in cascade.progress[INFRA].reason
        assert log.read_text() == "no such image\n"
        here.family_file((f"command = {command}", COMMAND))
        here.decide(resumed(cascade, NOON))
        assert here.cascade(version="1.2.11").outcome is Outcome.DONE
        assert len(here.tagged()) == 4


# --- by pull request --------------------------------------------------------------------------------------------------


def _guarded(here: RehearsedCascade, *, is_guarded: bool) -> None:
    github = here.serving.github
    with github.changing():
        pipeline = github.repository("mjdevaccount/market_data_pipeline")
        pipeline.allow_auto_merge = True
        pipeline.protections = {"base": Protection(checks=("ci",), admins=True)} if is_guarded else {}


def _pull(here: RehearsedCascade) -> pull_store.Pull:
    repository = here.serving.github.repository("mjdevaccount/market_data_pipeline")
    (pull,) = pull_store.pulls_of(here.serving.github, repository)
    return pull


def _answer(here: RehearsedCascade, method: str, path: str, body: Mapping[str, str]) -> None:
    import httpx

    token = here.world.directory.tokens().github.get_secret_value()
    url = f"{here.world.addresses()['api']}/repos/mjdevaccount/market_data_pipeline/pulls/1{path}"
    answer = httpx.request(method, url, json=dict(body), headers={"authorization": f"Bearer {token}"})
    assert answer.is_success, answer.text


@pytest.mark.long
def test_a_clean_pull_request_is_merged_and_released_in_the_same_run(here: RehearsedCascade) -> None:
    here.family_file(BY_PULL_REQUEST)

    cascade = here.cascade()

    assert versions(cascade) == ALL
    pull = _pull(here)
    assert (pull.state, pull.title) == ("closed", "build(deps): require market-data-core 1.2.11")
    assert "Interlock-Cascade: market-data-core-1.2.11" in (pull.body or "")
    assert here.lines("market_data_pipeline", "v0.8.2") == ['-version = "0.8.1"', '+version = "0.8.2"']


def _with_lock(here: RehearsedCascade) -> None:
    """A lock that holds the upstream, of a project for which this world has all packages."""
    python = f"python_version == '{sys.version_info[0]}.{sys.version_info[1]}'"
    settings = f"line-length = 100\n\n[tool.uv]\nenvironments = [\"sys_platform == 'linux' and {python}\"]\n"
    here.replace("market_data_pipeline", "pyproject.toml", ("line-length = 100\n", settings))
    lock = f'''version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "market-data-core"
version = "1.2.10"
source = {{ registry = "{os.environ["UV_DEFAULT_INDEX"]}" }}

[[package]]
name = "market-data-pipeline"
version = "0.8.1"
source = {{ editable = "." }}
dependencies = [{{ name = "market-data-core" }}]
'''
    here.commit("market_data_pipeline", {"uv.lock": lock.encode()})


def test_a_pull_request_is_waited_for_without_a_run_and_goes_on_when_it_is_merged(here: RehearsedCascade) -> None:
    here.family_file(BY_PULL_REQUEST)
    _with_lock(here)
    _guarded(here, is_guarded=True)

    first = here.cascade()

    assert first.outcome is Outcome.RUNNING
    assert first.ended_at is None
    assert states(first)[PIPELINE] == "awaiting merge"
    assert (states(first)[STORE], states(first)[ORCHESTRATOR]) == ("released", "waiting for upstreams")
    progress = first.progress[PIPELINE]
    assert progress.reason.startswith(f"{progress.link} waits for checks or reviews")

    done = here.counted()
    joined = here.cascade()
    assert (joined.id, joined.outcome) == (first.id, Outcome.RUNNING)
    assert joined.progress[PIPELINE].link == progress.link
    # Who is told that a package of it was released, by whomever, joins it too.
    assert here.cascade(STORE, version="0.6.4", follow=True).id == first.id
    # And who wants one released that it has yet to release.
    assert here.cascade(ORCHESTRATOR).id == first.id
    assert here.counted() == done

    _guarded(here, is_guarded=False)
    _answer(here, "PUT", "/merge", {"merge_method": "squash"})
    last = here.cascade()
    assert (last.id, last.outcome) == (first.id, Outcome.DONE)
    assert versions(last) == ALL
    moved = ['-version = "0.8.1"', '+version = "0.8.2"']
    assert here.lines("market_data_pipeline", "v0.8.2") == [*moved, *moved], "in pyproject.toml and in uv.lock"
    assert ">=1.2.11,<2.0.0" in here.git("market_data_pipeline", "show", "v0.8.2:pyproject.toml")
    lock = packages_of(here.git("market_data_pipeline", "show", "v0.8.2^:uv.lock") + "\n")
    assert {(CORE, "1.2.11"), (PIPELINE, "0.8.1")} <= {(each.name, each.version) for each in lock}


@pytest.mark.long
def test_a_pull_request_that_is_closed_holds_its_package(here: RehearsedCascade) -> None:
    here.family_file(BY_PULL_REQUEST)
    _guarded(here, is_guarded=True)
    here.cascade()
    _answer(here, "PATCH", "", {"state": "closed"})

    cascade = here.cascade()

    assert cascade.outcome is Outcome.HELD
    assert cascade.progress[PIPELINE].reason.startswith("its pull request was closed: http")
    assert versions(cascade) == {CORE: "1.2.11", STORE: "0.6.4"}
    assert cascade.progress[ORCHESTRATOR].held_by is HeldBy.UPSTREAM


# --- people -----------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_hold_that_is_written_while_it_walks_keeps_a_package_and_its_descendants_back(here: RehearsedCascade) -> None:
    def hold(cascade: Cascade) -> None:
        here.decide(held(cascade, STORE, "Jon is away", NOON))

    cascade = here.cascade(watch=at(CORE, State.RELEASING, hold))

    assert cascade.outcome is Outcome.HELD
    assert versions(cascade) == {CORE: "1.2.11", PIPELINE: "0.8.2"}
    assert (cascade.progress[STORE].reason, cascade.progress[STORE].held_by) == ("Jon is away", HeldBy.PERSON)
    assert cascade.progress[ORCHESTRATOR].reason == f"{STORE} is held: Jon is away"

    here.decide(unheld(cascade, STORE, NOON))
    assert versions(here.cascade(version="1.2.11")) == ALL
    assert len(here.tagged()) == len(set(here.tagged())) == 4


@dataclass
class LetGo:
    """Suites during which a package is held, and let go when its own act has ended, while others still go on."""

    here: RehearsedCascade
    tested: list[str] = field(default_factory=list)
    looks: int = 0
    is_held: asyncio.Event = field(default_factory=asyncio.Event)
    begins_again: asyncio.Event = field(default_factory=asyncio.Event)

    async def prove(self, context: CascadeContext, package: str, moved: Sequence[Moved], _release: object) -> Proof:
        self.tested.append(package)
        if package == STORE and self.tested.count(STORE) == 1:
            await asyncio.to_thread(_hold, self.here, "wait")
            await self.is_held.wait()
        elif package == STORE:
            self.begins_again.set()
        elif package == PIPELINE:  # the walk goes on so long
            await self.begins_again.wait()
        return await all_is_green(context, package, moved)

    async def watch(self, cascade: Cascade) -> None:
        if cascade.progress[STORE].state is State.HELD:
            self.is_held.set()
            self.looks += 1
            if self.looks == 5:
                await asyncio.to_thread(_hold, self.here, None)


@pytest.mark.long
def test_one_that_is_held_while_it_is_tested_is_not_released_and_begins_again_when_it_is_let_go(
    here: RehearsedCascade,
) -> None:
    let_go = LetGo(here)
    here.instead["prove"] = let_go.prove

    async def act() -> Cascade:
        return await asyncio.wait_for(here.cascade_async(watch=let_go.watch), 60)

    assert versions(asyncio.run(act())) == ALL
    assert let_go.tested.count(STORE) == 2
    assert len(here.tagged()) == 4


def _hold(here: RehearsedCascade, why: str | None) -> None:
    with here.ledger() as ledger:
        ledger.hold("market-data-core-1.2.11", STORE, why)


@pytest.mark.long
def test_an_abort_ends_what_has_not_begun_and_it_goes_on_when_it_is_resumed(here: RehearsedCascade) -> None:
    def abort(cascade: Cascade) -> None:
        here.decide(aborted(cascade, NOON))

    cascade = here.cascade(watch=at(CORE, State.RELEASING, abort))

    assert (cascade.aborted, versions(cascade)) == (True, {CORE: "1.2.11"})
    assert {each.held_by for name, each in cascade.progress.items() if name != CORE} == {HeldBy.ABORT}
    assert here.tagged() == ["market-data-core v1.2.11"]

    here.decide(resumed(cascade, NOON))
    assert versions(here.cascade(version="1.2.11")) == ALL


@pytest.mark.parametrize("state", [State.RELEASING, State.RELEASED])
def test_an_edit_of_the_family_file_changes_nothing_in_a_cascade_that_has_begun(
    here: RehearsedCascade, state: State
) -> None:
    def edit(_cascade: Cascade) -> None:
        here.world.directory.family_file.write_text("[family\n")

    assert versions(here.cascade(watch=at(CORE, state, edit))) == ALL


# --- somebody else's releases -----------------------------------------------------------------------------------------


def test_a_version_that_somebody_else_releases_is_waited_for_and_followed(
    here: RehearsedCascade, tmp_path: Path
) -> None:
    before = here.git("market-data-core", "for-each-ref")

    def release(_cascade: Cascade) -> None:
        threading.Timer(0.3, put, (here, tmp_path, CORE, "1.2.11")).start()

    cascade = here.cascade(version="1.2.11", follow=True, watch=at(CORE, State.RELEASING, release))

    assert versions(cascade) == ALL
    assert cascade.progress[CORE].reason == "by somebody else"
    assert here.git("market-data-core", "for-each-ref") == before
    assert '+  "market-data-core==1.2.11",' in here.lines("market_data_orchestrator", "v0.8.5")


@pytest.mark.long
def test_an_unfinished_release_of_the_root_is_finished_and_followed(here: RehearsedCascade) -> None:
    async def stop(step: Step, event: StepEvent) -> None:
        if (step, event) == (Step.PUSH, StepEvent.ENDS):
            raise RefusedError("interrupted")

    with pytest.raises(RefusedError):
        here.release(CORE, watch=stop)

    assert versions(here.cascade()) == ALL
    assert here.tagged().count("market-data-core v1.2.11") == 1


# --- what goes wrong --------------------------------------------------------------------------------------------------


def _refusing(package: str, error: Exception) -> Prove:
    async def prove(context: CascadeContext, name: str, moved: Sequence[Moved], _release: object) -> Proof:
        if name == package:
            raise error
        return await all_is_green(context, name, moved)

    return prove


def test_one_that_fails_holds_its_descendants_and_the_others_go_on(here: RehearsedCascade) -> None:
    here.instead["prove"] = _refusing(STORE, IndexUnavailableError("the index is away"))

    cascade = here.cascade()

    assert cascade.outcome is Outcome.FAILED
    assert versions(cascade) == {CORE: "1.2.11", PIPELINE: "0.8.2"}
    assert (states(cascade)[STORE], cascade.progress[STORE].reason) == ("failed", "the index is away")
    assert cascade.progress[INFRA].reason == f"{STORE} failed: the index is away"

    here.instead["prove"] = all_is_green
    here.decide(resumed(cascade, NOON))
    assert versions(here.cascade(version="1.2.11")) == ALL


@pytest.mark.long
def test_a_defect_is_told_when_the_others_have_ended(here: RehearsedCascade) -> None:
    here.instead["prove"] = _refusing(STORE, ZeroDivisionError("a defect"))

    with pytest.raises(ZeroDivisionError, match="a defect"):
        here.cascade()

    here.instead["prove"] = all_is_green
    assert "market_data_pipeline v0.8.2" in here.tagged()
    assert versions(here.cascade()) == ALL


@dataclass
class Together:
    """Tells whether what was released can be installed together: not with one of the versions that break it."""

    breaking: Mapping[str, str]
    asked: list[set[str]] = field(default_factory=list)

    async def installable(self, _context: CascadeContext, released: Mapping[str, object]) -> str | None:
        self.asked.append({f"{name}=={version}" for name, version in released.items()})
        broken = any(str(released.get(name)) == version for name, version in self.breaking.items())
        return "a needs b<2" if broken else None

    def instead(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(package_steps, "installable", self.installable)
        patch.setattr(scheduler, "installable", self.installable)


BROKEN = "what was released can't be installed together: a needs b<2"


def test_what_breaks_the_family_holds_all_the_others_until_one_command_lets_them_go(
    here: RehearsedCascade, quick: pytest.MonkeyPatch
) -> None:
    together = Together({CORE: "1.2.11"})
    together.instead(quick)

    cascade = here.cascade()

    assert (versions(cascade), cascade.outcome) == ({CORE: "1.2.11"}, Outcome.HELD)
    assert cascade.progress[CORE].reason == BROKEN
    others = [each for name, each in cascade.progress.items() if name != CORE]
    assert {each.held_by for each in others} == {HeldBy.UPSTREAM}
    assert {each.reason for each in others} == {f"{CORE} 1.2.11 is out: {BROKEN}"}
    assert cascade.holds == {}

    _run("unhold", CORE)
    assert versions(here.cascade(version="1.2.11")) == ALL
    assert f"{CORE}==1.2.11" not in set().union(*together.asked[1:]), "who let it go is not asked again"


def _run(*arguments: str) -> None:
    result = CliRunner().invoke(app, ["cascade", *arguments])
    assert result.exit_code == 0, result.output


@pytest.mark.long
def test_a_later_version_that_mends_the_family_lets_the_others_go_on_with_it(
    here: RehearsedCascade, quick: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Together({CORE: "1.2.11"}).instead(quick)
    broken = here.cascade()
    put(here, tmp_path, CORE, "1.2.12")

    mended = here.cascade(version="1.2.11")

    assert mended.id == broken.id
    assert versions(mended) == {**ALL, CORE: "1.2.12"}
    assert '+  "market-data-core==1.2.12",' in here.lines("market_data_orchestrator", "v0.8.5")
