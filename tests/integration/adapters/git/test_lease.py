import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Coroutine, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from interlock.adapters.git import Lease, LeaseHolder, PushRaceError, Remote, RemoteUnreachableError, Repository, held
from interlock.errors import BusyError, RepositoryError
from tests.support.git_repositories import BOT, Server, git, hook, serve

REF = "refs/interlock/market-data-core"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--bare", "origin.git")
    git(tmp_path / "origin.git", "config", "http.receivepack", "true")
    return tmp_path / "origin.git"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def repository(origin: Path, tmp_path: Path) -> Repository:
    return asyncio.run(Repository.create(Remote(url=str(origin)), tmp_path / "any.git"))


@pytest.fixture
def server(origin: Path) -> Iterator[Server]:
    with serve(origin.parent) as serving:
        yield serving


def elsewhere(number: int = 1) -> LeaseHolder:
    return LeaseHolder(host=f"build-{number}", space="", pid=number, started=1.0, nonce=uuid.uuid4().hex)


def lease(repository: Repository, clock: Clock, holder: LeaseHolder | None = None, seconds: float = 300) -> Lease:
    return Lease(repository, "market-data-core", holder=holder or elsewhere(), seconds=seconds, clock=clock)


def at_origin(origin: Path) -> str:
    return git(origin, "for-each-ref", "--format=%(objectname)", REF)


async def soon(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError


def test_a_lease_says_who_holds_it_and_until_when(repository: Repository, clock: Clock, origin: Path) -> None:
    first = lease(repository, clock)
    asyncio.run(first.take())
    assert first.until == NOON + timedelta(seconds=300)
    clock.now += timedelta(seconds=60)
    with pytest.raises(BusyError) as caught:
        asyncio.run(lease(repository, clock, elsewhere(2)).take())
    assert str(caught.value) == (
        "market-data-core is being released by process 1 on build-1, since 2026-11-20 12:00:00 UTC; "
        "its lease ends at 2026-11-20 12:05:00 UTC unless it is renewed\n"
        f"  wait for it; if that process has ended, wait until then, or remove {REF} from the repository"
    )
    assert git(origin, "ls-tree", REF) == ""
    assert git(origin, "rev-list", "--count", REF) == "1"


def test_packages_have_leases_of_their_own(repository: Repository, clock: Clock) -> None:
    asyncio.run(lease(repository, clock).take())
    asyncio.run(Lease(repository, "market-data-store", holder=elsewhere(2), clock=clock).take())


def test_a_lease_that_was_given_back_is_free(repository: Repository, clock: Clock, origin: Path) -> None:
    first = lease(repository, clock)
    asyncio.run(first.take())
    asyncio.run(first.release())
    assert at_origin(origin) == ""
    asyncio.run(lease(repository, clock, elsewhere(2)).take())
    before = at_origin(origin)
    asyncio.run(first.release())
    assert at_origin(origin) == before, "nobody gives back what another holds"


def test_a_lease_runs_out_and_the_clocks_of_two_machines_may_differ(repository: Repository, clock: Clock) -> None:
    asyncio.run(lease(repository, clock).take())
    clock.now += timedelta(seconds=329)
    with pytest.raises(BusyError):
        asyncio.run(lease(repository, clock, elsewhere(2)).take())
    clock.now += timedelta(seconds=2)
    asyncio.run(lease(repository, clock, elsewhere(2)).take())


def test_a_renewed_lease_lasts_longer_and_keeps_its_beginning(repository: Repository, clock: Clock) -> None:
    first = lease(repository, clock)
    asyncio.run(first.take())
    clock.now += timedelta(seconds=250)
    asyncio.run(first.renew())
    clock.now += timedelta(seconds=250)
    with pytest.raises(BusyError, match=r"since 2026-11-20 12:00:00 UTC; its lease ends at 2026-11-20 12:09:10 UTC"):
        asyncio.run(lease(repository, clock, elsewhere(2)).take())
    asyncio.run(first.renew())


def test_a_lease_that_was_lost_cannot_be_renewed(repository: Repository, clock: Clock, origin: Path) -> None:
    first, second = lease(repository, clock), lease(repository, clock, elsewhere(2))
    asyncio.run(first.take())
    clock.now += timedelta(hours=1)
    asyncio.run(second.take())
    before = at_origin(origin)
    with pytest.raises(BusyError, match="by process 2 on build-2"):
        asyncio.run(first.renew())
    asyncio.run(first.release())
    assert at_origin(origin) == before
    asyncio.run(second.release())
    with pytest.raises(BusyError, match="was taken away"):
        asyncio.run(first.renew())


def test_a_lease_that_was_never_taken_cannot_be_renewed(repository: Repository, clock: Clock) -> None:
    with pytest.raises(BusyError, match="was taken away"):
        asyncio.run(lease(repository, clock).renew())


def ended() -> LeaseHolder:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    began = psutil.Process(process.pid).create_time()
    process.communicate(b"\n")
    return LeaseHolder.here().model_copy(update={"pid": process.pid, "started": began, "nonce": "gone"})


def test_the_lease_of_a_process_that_has_ended_here_is_free_at_once(repository: Repository, clock: Clock) -> None:
    asyncio.run(lease(repository, clock, ended()).take())
    asyncio.run(lease(repository, clock).take())


def test_a_process_id_that_was_given_again_is_another_process() -> None:
    here = LeaseHolder.here()
    assert not here.is_dead
    assert here.model_copy(update={"started": here.started - 60}).is_dead


def test_a_process_that_nobody_has_buried_is_dead() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    began = psutil.Process(process.pid).create_time()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert LeaseHolder.here().model_copy(update={"pid": process.pid, "started": began}).is_dead
    process.wait()


@pytest.mark.parametrize("other", [{"host": "elsewhere"}, {"space": "another boot or container"}])
def test_nobody_can_tell_of_a_process_on_another_machine(other: dict[str, str]) -> None:
    assert ended().is_dead
    assert not ended().model_copy(update=other).is_dead


def test_a_machine_that_does_not_tell_its_boot_is_known_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> str:
        raise OSError(path)

    monkeypatch.setattr("os.readlink", refuse)
    assert LeaseHolder.here().space == ""
    assert not LeaseHolder.here().is_dead


def test_what_is_no_lease_is_left_alone(repository: Repository, clock: Clock, origin: Path) -> None:
    sha = asyncio.run(repository.orphan("a note of somebody's", BOT, 1))
    asyncio.run(repository.push({REF: sha}, {REF: ""}))
    with pytest.raises(BusyError, match="is not a lease that this version can read"):
        asyncio.run(lease(repository, clock).take())
    assert at_origin(origin) == sha


@pytest.mark.parametrize("rival", ["nobody", "a lease that ran out"])
def test_of_those_who_try_at_once_exactly_one_gets_it(origin: Path, tmp_path: Path, clock: Clock, rival: str) -> None:
    async def race(round_: int) -> list[BaseException | None]:
        each = [
            await Repository.create(Remote(url=str(origin)), tmp_path / f"{round_}-{number}") for number in range(4)
        ]
        takers: list[Coroutine[Any, Any, None]] = [
            lease(one, clock, elsewhere(number)).take() for number, one in enumerate(each)
        ]
        return list(await asyncio.gather(*takers, return_exceptions=True))

    for round_ in range(8):
        if rival == "nobody":
            subprocess.run(["git", "-C", str(origin), "update-ref", "-d", REF], check=True)
        clock.now += timedelta(hours=1)
        results = asyncio.run(race(round_))
        assert results.count(None) == 1, results
        assert [type(result) for result in results if result] == [BusyError] * 3


def test_takers_in_one_repository_do_not_hinder_each_other(repository: Repository, clock: Clock) -> None:
    async def race() -> list[BaseException | None]:
        return list(
            await asyncio.gather(
                *(lease(repository, clock, elsewhere(number)).take() for number in range(5)), return_exceptions=True
            )
        )

    assert [type(result) for result in asyncio.run(race())].count(type(None)) == 1


def test_a_block_holds_its_lease_and_gives_it_back_also_when_it_fails(repository: Repository, origin: Path) -> None:
    async def fail() -> None:
        async with held(repository, "market-data-core"):
            assert at_origin(origin)
            with pytest.raises(BusyError, match=f"process {os.getpid()} on "):
                async with held(repository, "market-data-core"):
                    raise AssertionError
            assert at_origin(origin), "who was refused takes nothing away"
            raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(fail())
    assert at_origin(origin) == ""


def test_a_block_renews_its_lease_before_it_ends(repository: Repository, origin: Path) -> None:
    async def hold() -> None:
        async with held(repository, "market-data-core", seconds=0.6) as mine:
            first, until = at_origin(origin), mine.until
            await soon(lambda: at_origin(origin) != first)
            await mine.renew()
            assert until is not None
            assert mine.until is not None
            assert mine.until > until

    asyncio.run(asyncio.wait_for(hold(), 30))
    assert at_origin(origin) == ""


def test_a_block_that_is_cancelled_gives_its_lease_back(repository: Repository, origin: Path) -> None:
    async def cancel() -> None:
        inside = asyncio.Event()

        async def hold() -> None:
            async with held(repository, "market-data-core"):
                inside.set()
                await asyncio.sleep(60)

        task = asyncio.create_task(hold())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert at_origin(origin) == ""


def test_a_remote_that_fails_at_the_end_does_no_harm(
    server: Server, origin: Path, tmp_path: Path, clock: Clock
) -> None:
    async def hold() -> None:
        repository = await Repository.create(server.remote(), tmp_path / "any.git")
        async with held(repository, "market-data-core", holder=elsewhere(), seconds=0.3, clock=clock):
            server.answers = [(503, {}, "")] * 10
            await soon(lambda: len(server.answers) < 9)  # so it failed in between too, when it was renewed

    asyncio.run(asyncio.wait_for(hold(), 30))
    assert at_origin(origin), "it runs out by itself"


def test_a_lease_whose_push_was_answered_by_nobody_is_held_all_the_same(
    server: Server, origin: Path, tmp_path: Path, clock: Clock
) -> None:
    repository = asyncio.run(Repository.create(server.remote(), tmp_path / "any.git"))
    hook(origin, "post-receive", "kill -9 $PPID")
    first = lease(repository, clock)
    asyncio.run(first.take())
    clock.now += timedelta(seconds=10)
    asyncio.run(first.renew())
    assert first.until == clock.now + timedelta(seconds=300)
    with pytest.raises(RemoteUnreachableError):
        asyncio.run(first.release())
    assert at_origin(origin) == ""


def test_a_lease_is_taken_up_again_where_a_lost_answer_left_it(
    repository: Repository, clock: Clock, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = lease(repository, clock)
    asyncio.run(first.take())
    push = repository.push

    async def lose(updates: dict[str, str], expected: dict[str, str]) -> None:
        await push(updates, expected)
        raise RepositoryError("the machine was put to sleep")

    clock.now += timedelta(seconds=10)
    monkeypatch.setattr(repository, "push", lose)
    with pytest.raises(RepositoryError, match="sleep"):
        asyncio.run(first.renew())
    taken = at_origin(origin)
    monkeypatch.setattr(repository, "push", push)
    clock.now += timedelta(seconds=10)
    asyncio.run(first.renew())
    assert at_origin(origin) not in {taken, ""}
    asyncio.run(first.take())


def test_a_remote_that_does_not_answer_gives_no_lease(server: Server, tmp_path: Path, clock: Clock) -> None:
    repository = asyncio.run(Repository.create(server.remote(), tmp_path / "any.git"))
    server.answers = [(503, {}, "")]
    with pytest.raises(RemoteUnreachableError):
        asyncio.run(lease(repository, clock).take())


class Fickle(Repository):
    """Does as the real one does, after what a test has put before it."""

    def __init__(self, real: Repository) -> None:
        super().__init__(real.remote, real.path)
        self.looks: list[dict[str, str]] = []
        self.pushes: list[Exception] = []
        self.fetches: list[Exception] = []

    async def remote_refs(self, *patterns: str) -> dict[str, str]:
        return self.looks.pop(0) if self.looks else await super().remote_refs(*patterns)

    async def push(self, updates: Mapping[str, str], expected: Mapping[str, str]) -> None:
        if self.pushes:
            raise self.pushes.pop(0)
        await super().push(updates, expected)

    async def fetch(self, *refspecs: str) -> None:
        if self.fetches:
            raise self.fetches.pop(0)
        await super().fetch(*refspecs)


def test_a_lease_that_vanishes_between_two_looks_is_taken(repository: Repository, clock: Clock, origin: Path) -> None:
    fickle = Fickle(repository)
    fickle.looks = [{REF: "1" * 40}]
    asyncio.run(lease(fickle, clock).take())
    assert at_origin(origin)


def test_a_lease_that_cannot_be_read_is_not_taken(repository: Repository, clock: Clock, origin: Path) -> None:
    asyncio.run(lease(repository, clock).take())
    before = at_origin(origin)
    fickle = Fickle(repository)
    fickle.fetches = [RemoteUnreachableError("gone")]
    with pytest.raises(RemoteUnreachableError):
        asyncio.run(lease(fickle, clock, elsewhere(2)).take())
    assert at_origin(origin) == before


def test_a_push_that_never_arrived_is_an_error_and_can_be_tried_again(
    repository: Repository, clock: Clock, origin: Path
) -> None:
    fickle = Fickle(repository)
    fickle.pushes = [RemoteUnreachableError("gone")]
    mine = lease(fickle, clock)
    with pytest.raises(RemoteUnreachableError):
        asyncio.run(mine.take())
    assert at_origin(origin) == ""
    asyncio.run(mine.take())
    assert at_origin(origin)


def test_nobody_tries_for_ever(repository: Repository, clock: Clock) -> None:
    fickle = Fickle(repository)
    mine = lease(fickle, clock)
    fickle.pushes = [PushRaceError("somebody was faster")] * 9
    with pytest.raises(BusyError, match="changes hands all the time") as caught:
        asyncio.run(mine.take())
    assert caught.value.transient
    fickle.pushes = []
    asyncio.run(mine.take())
    fickle.pushes = [PushRaceError("somebody was faster")] * 9
    with pytest.raises(BusyError, match="can't be renewed"):
        asyncio.run(mine.renew())


def test_a_lease_that_is_replaced_while_it_is_given_back_is_left_alone(
    repository: Repository, clock: Clock, origin: Path
) -> None:
    fickle = Fickle(repository)
    mine = lease(fickle, clock)
    asyncio.run(mine.take())
    fickle.pushes = [PushRaceError("somebody was faster")]
    asyncio.run(mine.release())
    assert at_origin(origin)
