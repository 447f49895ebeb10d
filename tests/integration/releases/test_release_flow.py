"""A release, from the check of the tokens to the last receipt, in a world on this machine."""

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version
from uv import find_uv_bin

from interlock.adapters.git import Repository, held
from interlock.adapters.github import GitHubServer, StaticToken, open_github
from interlock.adapters.ledger import open_ledger
from interlock.errors import BusyError, ConflictError, DispatchError, PublishError
from interlock.model.dispatches import DispatchState
from interlock.model.release import Release, Step
from interlock.releases.step_timer import StepEvent
from rehearsal.faults import Effect, InjectedFault
from rehearsal.github.records import Policy
from rehearsal.github.runs import runs, settle
from tests.support.rehearsed_release import CORE, RehearsedRelease, keep_builds, rehearse_release

RECEIVERS = {
    "mjdevaccount/market_data_pipeline",
    "mjdevaccount/market-data-store",
    "mjdevaccount/market_data_orchestrator",
    "mjdevaccount/market-data-ibkr",
}


@dataclass(frozen=True)
class Done:
    """A release that several tests look at: what it returned, what it wrote, and the commit before it."""

    here: RehearsedRelease
    release: Release
    writes: tuple[str, ...]
    before: str


@pytest.fixture(scope="module")
def done(seeded_world: Path, builds: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    folder = tmp_path_factory.mktemp("done")
    keep_builds(folder / "home", builds)
    with rehearse_release(seeded_world, folder / "world") as here, pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTERLOCK_HOME", str(folder / "home"))
        before = here.git(CORE, "rev-parse", "main")
        release = here.release()
        yield Done(here, release, tuple(here.writes()), before)


def test_a_release_does_each_thing_once_and_in_order(done: Done) -> None:
    release = done.release

    assert [write.split()[0] for write in done.writes] == [
        "push",
        *["upload"] * 2,
        "create",
        *["upload"] * 2,
        "publish",
        *["dispatch"] * 4,
    ]
    assert release.version == Version("1.2.11")
    assert release.previous == Version("1.2.10")
    assert release.is_finished
    assert not release.resumed
    assert (*release.seconds, Step.SUMMARY) == tuple(step for step in Step if step is not Step.DEVELOPMENT)


def test_commit_and_tag_are_as_the_family_says_and_nothing_else_has_changed(done: Done) -> None:
    here, release, before = done.here, done.release, done.before

    assert here.git(CORE, "log", "-1", "--format=%s|%P|%an", "main") == (
        f"chore(release): bump version to v1.2.11|{before}|Rehearsal"
    )
    assert here.git(CORE, "rev-parse", "v1.2.11^{commit}", "main").split() == [release.commit] * 2
    changed = here.git(CORE, "diff", "--unified=0", before, "main").splitlines()
    assert [line for line in changed if line[0] in "+-" and line[:3] not in {"+++", "---"}] == [
        '-version = "1.2.10"',
        '+version = "1.2.11"',
    ]
    assert "Interlock-Release: market-data-core==1.2.11" in here.git(
        CORE, "tag", "-l", "--format=%(contents)", "v1.2.11"
    )


def test_what_it_publishes_can_be_installed(done: Done, tmp_path: Path) -> None:
    release = done.release

    uv = find_uv_bin()
    subprocess.run([uv, "venv", "--quiet", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, f"{CORE}=={release.version}"], check=True)
    shown = subprocess.run(
        [python, "-c", "import market_data_core, importlib.metadata as m; print(m.version('market-data-core'))"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert shown.stdout.strip() == "1.2.11"


def test_the_github_release_has_notes_and_files_with_their_digests(done: Done) -> None:
    here, release = done.here, done.release

    async def look() -> tuple[str, dict[str, str | None], bool]:
        token = here.world.directory.tokens().github
        api, server = here.world.addresses()["api"], here.world.addresses()["git"]
        place = GitHubServer(api=api, server=server, pause_between_writes=0)
        async with open_github(StaticToken(token=token, name="test"), place) as github:
            found = await github.release("mjdevaccount/market-data-core", "v1.2.11")
            assert found is not None
            return found.body or "", {asset.name: asset.digest for asset in found.assets}, found.draft

    body, assets, is_draft = asyncio.run(look())
    assert assets == {file.name: f"sha256:{file.sha256}" for file in release.files}
    assert not is_draft
    assert "Changes since [v1.2.10]" in body
    assert "bump version" not in body.partition("### Files")[0].partition("v1.2.11")[2]


def test_everybody_is_told_with_the_documented_payload_and_a_receipt_for_each(done: Done) -> None:
    release = done.release

    assert {record.order.repository for record in release.dispatches} == RECEIVERS
    for record in release.dispatches:
        assert record.order.event == "core_release"
        assert record.order.payload == {
            "version": "1.2.11",
            "origin": CORE,
            "dispatch_id": "market-data-core==1.2.11:core_release",
        }
        assert record.state is DispatchState.FINISHED
        assert record.receipt is not None
        assert (record.receipt.conclusion, record.receipt.exact) == ("success", True)


def test_the_same_version_again_does_nothing_again(done: Done) -> None:
    again = done.here.release(version="1.2.11")

    assert done.here.writes() == list(done.writes)
    assert again.is_repeated
    facts = ("commit", "files", "began_at", "ended_at")
    assert [getattr(again, fact) for fact in facts] == [getattr(done.release, fact) for fact in facts]


def test_with_nothing_new_nothing_is_released_even_when_the_ledger_is_lost(done: Done) -> None:
    for _ in range(2):
        again = done.here.release(bump="minor")
        assert again.nothing_new
        assert (again.version, again.commit, again.files) == (
            Version("1.2.11"),
            done.release.commit,
            done.release.files,
        )
        assert done.here.writes() == list(done.writes)
        done.here.world.directory.ledger.unlink()


def test_the_next_version_is_made_when_something_is_new_or_somebody_insists(done: Done) -> None:
    done.here.commit(CORE, {"new.txt": b"new"})
    assert str(done.here.release().version) == "1.2.12"
    assert str(done.here.release(empty=True).version) == "1.2.13"


@pytest.mark.parametrize(
    ("asked", "version"),
    [
        ({"bump": "major,rc"}, "2.0.0rc1"),
        pytest.param({"bump": "minor"}, "1.3.0", marks=pytest.mark.long),
        pytest.param({"version": "1.2.11.post1"}, "1.2.11.post1", marks=pytest.mark.long),
    ],
)
def test_a_version_is_as_it_was_asked_for(here: RehearsedRelease, asked: dict[str, Any], version: str) -> None:
    assert str(here.release(**asked).version) == version
    assert f"market-data-core:refs/tags/v{version}".replace(":", ".git:", 1) in here.refs()


def test_a_push_by_somebody_else_is_built_upon(here: RehearsedRelease) -> None:
    here.serving.faults.add(
        InjectedFault(effect=Effect.RACE, origin="git", method="POST", path="core.git/git-receive-pack", skip=1)
    )

    release = here.release()

    subjects = here.git(CORE, "log", "-3", "--format=%s", "main").splitlines()
    assert subjects[0] == "chore(release): bump version to v1.2.11"
    assert subjects[1] != subjects[2]
    assert here.git(CORE, "rev-parse", "main") == release.commit
    assert [write for write in here.writes("git") if "v1.2.11" in write] == here.writes("git")


def test_a_lost_ledger_is_no_loss(here: RehearsedRelease) -> None:
    here.serving.faults.add(
        InjectedFault(effect=Effect.DROP, origin="api", method="POST", path="store/dispatches", skip=1, times=9)
    )
    with pytest.raises(Exception, match="store"):
        here.release()
    here.serving.faults.clear()
    here.world.directory.ledger.unlink()

    release = here.release()

    assert str(release.version) == "1.2.11"
    assert release.resumed
    assert sorted(w for w in here.writes() if "dispatch" in w) == sorted(
        f"dispatch core_release {repository}" for repository in RECEIVERS
    )


def test_an_answer_that_was_lost_is_looked_for_and_not_asked_for_again(here: RehearsedRelease) -> None:
    here.serving.faults.add(
        InjectedFault(effect=Effect.CUT, origin="api", method="POST", path="store/dispatches", skip=1)
    )

    release = here.release()

    assert len([write for write in here.writes() if "market-data-store" in write]) == 1
    assert release.is_finished


def test_a_dispatch_that_nobody_takes_is_named_with_its_cure_and_sent_again_once_it_can_be_heard(
    here: RehearsedRelease,
) -> None:
    listener = ".github/workflows/on_core_release.yml"
    text = here.git("market-data-store", "show", f"main:{listener}").encode() + b"\n"

    async def lose_the_listener(step: Step, event: StepEvent) -> None:
        if (step, event) == (Step.DISPATCH, StepEvent.BEGINS):
            here.commit("market-data-store", {listener: None})

    with pytest.raises(DispatchError, match='market-data-store did not take "core_release"') as caught:
        here.release(watch=lose_the_listener)
    assert "interlock listener market-data-store --event core_release" in str(caught.value)
    with open_ledger() as ledger:
        assert [record.order.target for record in ledger.releases()[0].unheard] == ["market-data-store"]

    here.commit("market-data-store", {listener: text})
    release = here.release()

    assert (str(release.version), release.resumed, release.is_finished) == ("1.2.11", True, True)
    assert [write for write in here.writes() if "dispatch" in write and "store" in write] == [
        "dispatch core_release mjdevaccount/market-data-store"
    ] * 2


def test_a_run_that_fails_is_reported_and_the_event_not_sent_again(here: RehearsedRelease) -> None:
    state = here.serving.github
    with state.changing():
        state.repository("mjdevaccount/market-data-ibkr").policies["*"] = Policy(conclusion="failure")

    for _ in range(2):
        with pytest.raises(DispatchError, match="market-data-ibkr: the run that took it ended in failure"):
            here.release(version="1.2.11")
    assert len([write for write in here.writes() if "dispatch" in write and "ibkr" in write]) == 1


@pytest.mark.long
def test_a_failed_run_that_was_run_again_there_is_looked_at_again(here: RehearsedRelease) -> None:
    state = here.serving.github
    with state.changing():
        state.repository("mjdevaccount/market-data-ibkr").policies["*"] = Policy(conclusion="failure")
    with pytest.raises(DispatchError):
        here.release()

    with state.changing():
        for run in runs(state).values():
            settle(state, run, "completed", "success")

    assert here.release(version="1.2.11").failed == ()


def test_an_index_that_is_behind_is_waited_for(here: RehearsedRelease) -> None:
    here.serving.index.go_stale(1.0)

    assert here.release().is_finished


def test_an_index_that_stays_behind_is_named_and_the_release_goes_on_from_there(here: RehearsedRelease) -> None:
    here.serving.index.go_stale(60.0)
    with pytest.raises(PublishError, match=r"does not serve market-data-core 1\.2\.11"):
        here.release()
    uploads = len(here.writes("index"))
    here.serving.index.go_stale(0)

    assert here.release().resumed
    assert len(here.writes("index")) == uploads


def test_another_file_under_the_same_name_is_a_conflict_and_never_skipped_over(here: RehearsedRelease) -> None:
    here.serving.faults.add(InjectedFault(effect=Effect.DROP, origin="index", method="POST", times=99))
    with pytest.raises(PublishError):
        here.release()
    here.serving.faults.clear()
    wheel = next(iter(here.world.directory.index.rglob("market_data_core-1.2.10-py3-none-any.whl")))
    intruder = here.world.directory.path / "market_data_core-1.2.11-py3-none-any.whl"
    intruder.write_bytes(wheel.read_bytes())
    here.serving.index.add_file(intruder)

    with pytest.raises(ConflictError, match=r"another market_data_core-1\.2\.11"):
        here.release()


def test_only_one_process_releases_a_package(here: RehearsedRelease, tmp_path: Path) -> None:
    async def two() -> None:
        from interlock.adapters.git import Remote

        remote = Remote(
            url=f"{here.world.addresses()['git']}/mjdevaccount/{CORE}.git", token=here.world.directory.tokens().github
        )
        repository = await Repository.create(remote, tmp_path / "other.git")
        async with held(repository, CORE):
            with pytest.raises(BusyError, match="is being released by"):
                await here.release_async()

    asyncio.run(two())
    assert here.writes() == []
    assert here.release().is_finished
