"""A cascade from core to infra, in a world on this machine: everything once, in order, and told to everybody.

Suites, builds and their checks are run by the cascade of test_broken_contract.py and by the real command.
"""

import subprocess
from pathlib import Path

import pytest
from uv import find_uv_bin

from interlock.model.cascade import Cascade, Outcome
from interlock.model.dispatches import DispatchState
from rehearsal.github.runs import runs
from tests.support.rehearsed_cascade import (
    FAMILY,
    IBKR,
    INFRA,
    ORCHESTRATOR,
    PIPELINE,
    STORE,
    RehearsedCascade,
    states,
    versions,
)
from tests.support.rehearsed_release import CORE

RELEASED = {CORE: "1.2.11", PIPELINE: "0.8.2", STORE: "0.6.4", ORCHESTRATOR: "0.8.5"}
TAGS = [
    "market-data-core v1.2.11",
    "market-data-store v0.6.4",
    "market_data_orchestrator v0.8.5",
    "market_data_pipeline v0.8.2",
]
TOLD = {
    (CORE, "core_release"): {
        "market_data_pipeline",
        "market-data-store",
        "market_data_orchestrator",
        "market-data-ibkr",
    },
    (PIPELINE, "core_release"): {"market-data-ibkr"},
    (PIPELINE, "downstream_release"): {"market_data_orchestrator", "market_data_infra"},
    (STORE, "downstream_release"): {"market_data_orchestrator", "market_data_infra"},
}


@pytest.mark.usefixtures("quick")
def test_a_cascade_releases_pins_tells_and_runs_each_once_and_the_next_one_begins_after_it(
    here: RehearsedCascade, interlock_home: Path
) -> None:
    said: list[tuple[str, str, str]] = []

    async def watch(cascade: Cascade) -> None:
        now = [(name, progress.state.value, progress.reason) for name, progress in cascade.progress.items()]
        said.extend(one for one in now if one not in said)

    ibkr = here.git("market-data-ibkr", "for-each-ref")
    _pre_release_elsewhere(here)

    cascade = here.cascade(watch=watch, request_id="ci/17")

    _assert_done(here, cascade)
    _assert_each_once_and_in_order(here)
    _assert_pins(here)
    assert here.git("market-data-ibkr", "for-each-ref") == ibkr
    assert [one for one in said if one[:2] == (IBKR, "testing")] == [(IBKR, "testing", "with market-data-core 1.2.11")]
    _assert_everybody_was_told(here)
    _assert_command(here, interlock_home, said)
    _assert_the_newest_install_together()

    done = here.counted()
    assert here.cascade().repeated
    here.commit(CORE, {"new.txt": b"new"})
    again = here.cascade(request_id="ci/17")
    assert (again.repeated, again.id, again.ended_at) == (True, cascade.id, cascade.ended_at)
    assert here.counted() == done

    following = here.cascade()
    assert following.id == "market-data-core-1.2.12"
    assert versions(following) == {CORE: "1.2.12", PIPELINE: "0.8.3", STORE: "0.6.5", ORCHESTRATOR: "0.8.6"}
    assert len(here.tagged()) == 8


def _pre_release_elsewhere(here: RehearsedCascade) -> None:
    """Another branch of store is far ahead."""
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    made = here.git("market-data-store", *author, "commit-tree", "main^{tree}", "-p", "main", "-m", "feat: all new")
    here.git("market-data-store", "tag", "v1.0.0a1", made)


def _assert_done(here: RehearsedCascade, cascade: Cascade) -> None:
    assert cascade.outcome is Outcome.DONE
    assert list(cascade.progress) == [CORE, PIPELINE, STORE, IBKR, ORCHESTRATOR, INFRA]
    assert versions(cascade) == RELEASED
    assert states(cascade) == {**dict.fromkeys(FAMILY, "released"), IBKR: "unchanged"}
    with here.ledger() as ledger:
        (kept,) = ledger.cascades()
        assert kept.model_copy(update={"ended_at": cascade.ended_at}) == cascade
        assert kept.ended_at is not None
        assert {(each.package, str(each.version)) for each in ledger.releases()} == set(RELEASED.items())
        assert {each.cascade for each in ledger.releases()} == {"market-data-core-1.2.11"}


def _assert_each_once_and_in_order(here: RehearsedCascade) -> None:
    tags = here.tagged()
    assert sorted(tags) == TAGS
    assert (tags[0], tags[-1]) == (TAGS[0], TAGS[2])
    projects = list(dict.fromkeys(name.partition("-")[0] for name in here.uploaded()))
    assert (projects[0], projects[-1], len(here.uploaded())) == ("market_data_core", "market_data_orchestrator", 8)
    assert set(here.counted().values()) == {1} | ({2} if _is_told_twice(here) else set())
    for tag in tags:
        repository, name = tag.split()
        message = here.git(repository, "tag", "-l", "--format=%(contents)", name)
        assert "\nInterlock-Cascade: market-data-core-1.2.11\n" in message


def _is_told_twice(here: RehearsedCascade) -> bool:
    """What the log says of two origins' events is the same: ibkr, orchestrator and infra hear one of each."""
    return {write for write, count in here.counted().items() if count > 1} <= {
        "dispatch core_release mjdevaccount/market-data-ibkr",
        "dispatch downstream_release mjdevaccount/market_data_orchestrator",
        "dispatch downstream_release mjdevaccount/market_data_infra",
        "push refs/heads/main refs/tags/v0.8.5",
    }


def _assert_pins(here: RehearsedCascade) -> None:
    assert here.lines("market_data_orchestrator", "v0.8.5") == [
        '-version = "0.8.4"',
        '+version = "0.8.5"',
        '-  "market-data-core==1.2.10",',
        '-  "market-data-store==0.6.3",',
        '-  "market-data-pipeline==0.8.1",',
        '+  "market-data-core==1.2.11",',
        '+  "market-data-store==0.6.4",',
        '+  "market-data-pipeline==0.8.2",',
    ]
    assert here.lines("market_data_pipeline", "v0.8.2") == [
        '-version = "0.8.1"',
        '+version = "0.8.2"',
        '-  "market-data-core>=1.2.0,<2.0.0", # the contracts',
        '+  "market-data-core>=1.2.11,<2.0.0", # the contracts',
        "-market-data-core==1.2.10",
        "+market-data-core==1.2.11",
    ]
    assert here.lines("market-data-store", "v0.6.4") == [
        '-dependencies = ["market-data-core>=1.2.0,<2.0.0"]',
        '+dependencies = ["market-data-core>=1.2.11,<2.0.0"]',
        '-__version__ = "0.6.3"',
        '+__version__ = "0.6.4"',
    ]


def _assert_everybody_was_told(here: RehearsedCascade) -> None:
    expected = {
        (f"{origin}=={RELEASED[origin]}:{event}", target, event)
        for (origin, event), targets in TOLD.items()
        for target in targets
    }
    taken = [run for run in runs(here.serving.github).values() if run.event == "repository_dispatch"]
    assert {
        (run.facts["client_payload"]["dispatch_id"], run.repository.partition("/")[2], run.facts["event_type"])
        for run in taken
    } == expected
    assert len(taken) == len(expected)
    for run in taken:
        payload = run.facts["client_payload"]
        assert payload == {
            "origin": payload["origin"],
            "version": RELEASED[payload["origin"]],
            "dispatch_id": payload["dispatch_id"],
        }
        assert payload["dispatch_id"].startswith(f"{payload['origin']}==")
    with here.ledger() as ledger:
        records = [record for release in ledger.releases() for record in release.dispatches]
    assert len(records) == len(expected)
    assert all(record.state is DispatchState.FINISHED and record.receipt is not None for record in records)
    assert {record.receipt.run for record in records if record.receipt} == {run.id for run in taken}


def _assert_command(here: RehearsedCascade, home: Path, said: list[tuple[str, str, str]]) -> None:
    assert [one for one in said if one[:2] == (INFRA, "releasing")] == [
        (INFRA, "releasing", "running make rebuild-all")
    ]
    log = (home / "logs" / "market-data-core-1.2.11" / f"{INFRA}.log").read_text()
    images = ("core", "store", "pipeline", "ibkr", "orchestrator")
    assert log.splitlines() == [f"{image} for market-data-core 1.2.11" for image in images]
    assert not here.wrote("git", r"/market_data_infra\.git/.* push")


def _assert_the_newest_install_together() -> None:
    command = [find_uv_bin(), "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--refresh", "-"]
    wanted = "\n".join(name for name in FAMILY if name != INFRA)
    found = subprocess.run(command, input=wanted, check=True, capture_output=True, text=True).stdout.split()
    assert {f"{name}=={version}" for name, version in {**RELEASED, IBKR: "1.1.1"}.items()} <= set(found)
