"""Corners of a release in which something could be done twice, left out, or never be finished."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from interlock.adapters.ledger import open_ledger
from interlock.errors import BusyError, DispatchError, PublishError, RefusedError
from interlock.model.release import Step
from interlock.releases.step_timer import StepEvent
from rehearsal.faults import Effect, InjectedFault
from rehearsal.github.records import Policy
from rehearsal.github.runs import runs
from tests.support.interrupted_releases import begin
from tests.support.rehearsed_release import CORE, RehearsedRelease

LISTENER = ".github/workflows/on_core_release.yml"


async def nothing(_step: Step, _event: StepEvent) -> None:
    return


def dispatches(here: RehearsedRelease, to: str = "") -> list[str]:
    return sorted(write for write in here.writes() if write.startswith("dispatch") and to in write)


def without_run_name(here: RehearsedRelease) -> str:
    """Let store's listener name no id; its text as it was."""
    text = here.git("market-data-store", "show", f"main:{LISTENER}") + "\n"
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith("run-name")]
    here.commit("market-data-store", {LISTENER: "".join(lines).encode()})
    return text


@pytest.mark.long
def test_another_branch_goes_on_from_its_own_releases(here: RehearsedRelease) -> None:
    here.git(CORE, "branch", "1.x", "main")
    here.release(watch=nothing, version="2.0.0")

    release = here.release(watch=nothing, ref="1.x")

    assert (str(release.version), str(release.previous), release.branch) == ("1.2.11", "1.2.10", "1.x")


@pytest.mark.long
def test_an_unfinished_release_of_another_branch_is_left_alone(here: RehearsedRelease) -> None:
    here.git(CORE, "branch", "1.x", "main")
    begin(here, Step.PUSH)

    assert str(here.release(watch=nothing, ref="1.x", bump="minor").version) == "1.3.0"


@pytest.mark.long
def test_a_first_release_of_the_version_that_is_there_can_be_finished(
    here: RehearsedRelease, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = here.git(CORE, "show", "main:pyproject.toml").replace('version = "1.2.10"', 'version = "3.0.0"')
    here.commit(CORE, {"pyproject.toml": (text + "\n").encode()})
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    begin(here, Step.PUSH, version="3.0.0")

    assert here.release(watch=nothing, version="3.0.0").is_finished


def test_a_tag_in_another_spelling_is_taken_as_it_is(here: RehearsedRelease) -> None:
    here.git(CORE, "update-ref", "refs/tags/v1.2.10-1", "refs/heads/main")

    release = here.release(watch=nothing)

    assert (str(release.version), str(release.previous)) == ("1.2.11", "1.2.10.post1")


def test_what_was_built_is_not_built_again_when_the_release_goes_on(here: RehearsedRelease, builds: Path) -> None:
    begin(here, Step.PUSH, version="1.2.77")
    kept = sorted(builds.iterdir())

    here.release(watch=nothing)

    assert sorted(builds.iterdir()) == kept


@pytest.mark.long
def test_two_machines_with_ledgers_of_their_own_tell_nobody_twice(here: RehearsedRelease) -> None:
    ledger = here.world.directory.ledger
    begin(here, Step.PUSH)
    ledger.rename(ledger.with_name("first.db"))
    here.release(watch=nothing, version="1.2.11")
    ledger.with_name("first.db").rename(ledger)

    assert here.release(watch=nothing).resumed
    assert len(dispatches(here)) == 4


def test_the_same_flow_run_started_again_makes_no_other_version(
    here: RehearsedRelease,
) -> None:
    here.run_id = "one-run"
    first = here.release(watch=nothing)

    again = here.release(watch=nothing)

    assert (again.version, again.resumed) == (first.version, True)


def test_the_same_request_from_another_machine_makes_no_other_version(here: RehearsedRelease) -> None:
    first = here.release(watch=nothing, request_id="ci/17")
    here.commit(CORE, {"new.txt": b"new"})
    here.world.directory.ledger.unlink()

    again = here.release(watch=nothing, request_id="ci/17")

    assert (again.version, again.commit) == (first.version, first.commit)


@pytest.mark.long
def test_somebody_elses_run_before_ours_is_not_taken_for_it(here: RehearsedRelease) -> None:
    without_run_name(here)
    begin(here, Step.GITHUB_RELEASE)
    state = here.serving.github
    begin(here, Step.RECEIPTS)
    with state.changing():
        taken = [run for run in runs(state).values() if "store" in run.repository]

    release = here.release(watch=nothing, version="1.2.11")

    receipts = [record.receipt for record in release.dispatches if record.order.target == "market-data-store"]
    assert [receipt.run for receipt in receipts if receipt] == [run.id for run in taken]
    assert not any(receipt.exact for receipt in receipts if receipt)


@pytest.mark.long
def test_a_listener_that_learns_to_name_ids_is_not_told_again(here: RehearsedRelease) -> None:
    text = without_run_name(here)
    here.release(watch=nothing)
    here.commit("market-data-store", {LISTENER: text.encode()})
    here.world.directory.ledger.unlink()

    assert str(here.release(watch=nothing).version) == "1.2.12"


def test_a_dispatch_that_github_refused_for_now_is_sent_by_the_next_run(here: RehearsedRelease) -> None:
    refusal = {"status": 429, "headers": {"retry-after": "0"}, "times": 9}
    here.serving.faults.add(
        InjectedFault(effect=Effect.REFUSE, origin="api", path="store/dispatches", skip=1, **refusal)
    )
    with pytest.raises(Exception, match="store"):
        here.release(watch=nothing)
    here.serving.faults.clear()

    assert here.release(watch=nothing).is_finished
    assert len(dispatches(here, "store")) == 1


def test_a_member_that_is_in_the_family_no_more_is_named(here: RehearsedRelease) -> None:
    begin(here, Step.PUSH)
    file = here.world.directory.path / "family.toml"
    family: Any = tomlkit.parse(file.read_text())
    for package in family["packages"].values():
        package["upstreams"] = [name for name in package.get("upstreams", []) if name != "market-data-ibkr"]
        for dispatch in package.get("dispatches", []):
            dispatch["targets"] = [name for name in dispatch["targets"] if name != "market-data-ibkr"] or [CORE]
    del family["packages"]["market-data-ibkr"]
    file.write_text(tomlkit.dumps(family))

    remarks = here.release(watch=nothing).remarks

    assert remarks[-1] == "market-data-ibkr was to be told core_release, and is in the family no more"


@pytest.mark.long
def test_a_run_that_somebody_deleted_ends_the_waiting(here: RehearsedRelease) -> None:
    state = here.serving.github
    with state.changing():
        state.repository("mjdevaccount/market-data-store").policies["*"] = Policy(takes=100.0)
    begin(here, Step.RECEIPTS)
    with state.changing():
        for key in [key for key, run in runs(state).items() if "store" in run.repository]:
            del runs(state)[key]

    assert here.release(watch=nothing).is_finished


def test_checks_that_could_not_be_made_stop_a_release(here: RehearsedRelease) -> None:
    trouble = InjectedFault(
        effect=Effect.REFUSE, origin="api", method="GET", path="market-data-store$", status=502, times=20
    )
    here.serving.faults.add(trouble)

    with pytest.raises(RefusedError, match="market-data-store, repository") as caught:
        here.release(watch=nothing)
    assert caught.value.transient
    assert here.writes() == []


@pytest.mark.long
def test_a_name_that_was_deleted_on_the_index_is_refused_with_the_way_out(here: RehearsedRelease) -> None:
    wheel = next(iter(here.world.directory.index.rglob("market_data_core-1.2.10-py3-none-any.whl")))
    copy = here.world.directory.path / "market_data_core-1.2.11-py3-none-any.whl"
    copy.write_bytes(wheel.read_bytes())
    here.serving.index.add_file(copy)
    here.serving.index.delete(CORE, "1.2.11")

    with pytest.raises(PublishError) as caught:
        here.release(watch=nothing)
    assert "interlock release market-data-core --version" in str(caught.value)
    assert here.release(watch=nothing, version="1.2.12").is_finished


def test_a_lease_that_was_taken_away_ends_the_release_before_its_next_step(here: RehearsedRelease) -> None:
    async def steal(step: Step, event: StepEvent) -> None:
        if (step, event) == (Step.CHECK, StepEvent.ENDS):
            tree = here.git(CORE, "rev-parse", "main^{tree}")
            here.git(CORE, "update-ref", f"refs/interlock/{CORE}", here.git(CORE, "commit-tree", "-m", "mine", tree))

    async def release() -> None:
        import interlock.adapters.git.lease as module

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "MOST", 1.0)  # of its time, that it must still have
            await here.release_async(watch=steal)

    with pytest.raises(BusyError):
        asyncio.run(release())
    assert here.writes() == []


@pytest.mark.long
def test_a_release_whose_downstream_failed_is_finished_and_says_so(here: RehearsedRelease) -> None:
    state = here.serving.github
    with state.changing():
        state.repository("mjdevaccount/market-data-ibkr").policies["*"] = Policy(conclusion="failure")

    with pytest.raises(DispatchError, match="run that workflow again there"):
        here.release(watch=nothing)
    with open_ledger() as ledger:
        assert ledger.releases()[0].is_finished
