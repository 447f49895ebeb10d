"""Nothing that was accepted is lost, and nothing is run twice, whoever goes away meanwhile."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy.exc import ProgrammingError

from deployments.gateway.announcements import announcement
from deployments.gateway.metrics import Metrics
from deployments.gateway.worker import KEEP_BODIES, KEEP_ROWS, PROBES, Backoff, Worker
from interlock.adapters.ledger import Ledger, SqlLedger, open_ledger
from interlock.contracts.verify.publication import Publication, check
from interlock.errors import LedgerError
from interlock.webhooks import Condition, Delivery, DeliveryState, Source, Start
from interlock.webhooks.routing import VERIFY
from tests.support.gateways import AT_ONCE, PATIENCE, FakePrefect
from tests.support.ledgers import copied_ledger, scratch_ledger
from tests.support.release_values import a_release
from tests.support.webhook_values import FAMILY, SHA

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqlLedger]:
    with open_ledger(copied_ledger(tmp_path / "ledger.db")) as ledger:
        yield ledger


def accepted(ledger: Ledger, number: int, *, key: str | None = None, **start: object) -> UUID:
    """Keep a delivery as the reception does."""
    known = {"deployment": "a/b", "parameters": {"number": number}, "key": key or f"key {number}", "package": "core"}
    at = NOW + timedelta(seconds=number)
    delivery = Delivery(
        guid=UUID(int=number),
        source=Source.GITHUB,
        event="push",
        at=at,
        state=DeliveryState.ACCEPTED,
        start=Start.model_validate({**known, **start}),
    )
    ledger.accept_deliveries([delivery])
    return delivery.guid


def state(ledger: Ledger, guid: UUID) -> tuple[DeliveryState, str]:
    found = ledger.delivery(guid)
    assert found is not None
    return found.state, found.why


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.now = NOW + timedelta(hours=1)

    def __call__(self) -> datetime:
        return self.now


def worker(
    ledger: Ledger,
    prefect: FakePrefect,
    clock: Clock | None = None,
    backoff: Backoff = AT_ONCE,
    *,
    announces: bool = False,
) -> Worker:
    announce = {"announce": partial(announcement, FAMILY)} if announces else {}
    return Worker(ledger, prefect, Metrics(), backoff=backoff, clock=clock or Clock(), **announce)


async def seen(holds: Callable[[], object], working: "asyncio.Task[None]") -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE):
        while not holds():
            assert not working.done(), working.exception()
            await asyncio.sleep(0.002)


async def until(holds: Callable[[], object], work: Worker) -> None:
    """Let a worker work until something holds."""
    task = asyncio.create_task(work.run())
    await seen(holds, task)
    work.stop()
    await task


def finish(ledger: Ledger, prefect: FakePrefect, clock: Clock | None = None, *, announces: bool = False) -> None:
    work = worker(ledger, prefect, clock, announces=announces)
    asyncio.run(until(lambda: not ledger.waiting_deliveries(), work))


def test_all_that_a_delivery_starts_gets_its_run_though_prefect_goes_away_between(ledger: SqlLedger) -> None:
    further = Start(deployment="c/d", parameters={}, key="further", package="core")
    guid = accepted(ledger, 1, also=(further,))
    prefect = FakePrefect(fails={"further"})
    asyncio.run(until(lambda: len(prefect.asked) >= 3, worker(ledger, prefect)))
    assert (list(prefect.runs), state(ledger, guid)[0]) == (["key 1"], DeliveryState.ACCEPTED)
    prefect.fails.clear()
    finish(ledger, prefect)
    assert state(ledger, guid)[0] is DeliveryState.STARTED
    assert list(prefect.runs) == ["key 1", "further"]


def test_each_is_started_once_the_oldest_first(ledger: SqlLedger) -> None:
    prefect, guids = FakePrefect(), [accepted(ledger, number) for number in (3, 1, 2)]
    finish(ledger, prefect)
    assert [start.key for start in prefect.asked] == ["key 1", "key 2", "key 3"]
    kept = [ledger.delivery(guid) for guid in guids]
    assert [(each.state, each.run) for each in kept if each] == [
        (DeliveryState.STARTED, f"run {number}") for number in (2, 0, 1)
    ]


def test_of_a_merge_group_it_is_told_at_once_that_it_is_waited_for(ledger: SqlLedger) -> None:
    request = {"upstream": "core", "ref": SHA, "baseline": "0" * 40, "group": True}
    for number, asked in enumerate((request, {**request, "group": False, "ref": "1" * 40})):
        accepted(ledger, number, deployment=VERIFY, parameters={"request": asked})
    prefect, run = FakePrefect(), UUID(int=7)
    prefect.name = lambda _number: str(run)
    finish(ledger, prefect, announces=True)
    (told,) = ledger.open_statements(FAMILY.name)
    publication = check(Publication.read(told), FAMILY)
    assert (publication.commit.sha, publication.commit.downstreams, told.run) == (SHA, ("store", "feed"), run)
    # The same again, by an App's webhook, when the run has ended.
    ended = publication.model_copy(update={"failure": "no disk"}).statement(FAMILY.name, NOW + timedelta(minutes=1))
    ledger.record_statement(ended)
    accepted(ledger, 9_000, key="key 0", deployment=VERIFY, parameters={"request": request})
    finish(ledger, prefect, announces=True)
    assert ledger.open_statements(FAMILY.name) == ()


def test_a_merge_group_of_a_package_that_no_suite_tests_is_answered(ledger: SqlLedger) -> None:
    request = {"upstream": "feed", "ref": SHA, "baseline": "0" * 40, "group": True}
    accepted(ledger, 1, deployment=VERIFY, parameters={"request": request})
    prefect = FakePrefect()
    prefect.name = lambda _number: str(UUID(int=7))
    finish(ledger, prefect, announces=True)
    (told,) = ledger.claim_statements(FAMILY.name, NOW + timedelta(days=1), NOW + timedelta(days=2), 9)
    assert check(Publication.read(told), FAMILY).commit.downstreams == ()


def test_several_that_mean_one_thing_lead_to_one_run(ledger: SqlLedger) -> None:
    prefect, guids = FakePrefect(), [accepted(ledger, number, key="one") for number in range(4)]
    finish(ledger, prefect)
    assert len(prefect.runs) == 1
    assert {each.run for guid in guids if (each := ledger.delivery(guid))} == {"run 0"}


def test_while_prefect_is_away_everything_waits_and_nobody_hammers_it(ledger: SqlLedger) -> None:
    prefect = FakePrefect(is_down=True)
    guids = [accepted(ledger, number) for number in range(30)]

    async def work() -> None:
        working = worker(ledger, prefect)
        task = asyncio.create_task(working.run())
        await seen(lambda: len(prefect.asked) >= 3, task)
        assert ledger.waiting_deliveries() == 30
        # One probes for all: the others were given back untried.
        assert {start.key for start in prefect.asked} == {"key 0"}
        assert state(ledger, guids[0]) == (DeliveryState.ACCEPTED, "Prefect does not answer: ConnectError")
        prefect.is_down = False
        await seen(lambda: not ledger.waiting_deliveries(), task)
        working.stop()
        await task

    asyncio.run(work())
    assert len(prefect.runs) == 30
    assert {state(ledger, guid) for guid in guids} == {(DeliveryState.STARTED, "")}


def test_a_lost_answer_makes_no_second_run(ledger: SqlLedger) -> None:
    prefect = FakePrefect(loses=2)
    accepted(ledger, 1)
    finish(ledger, prefect)
    assert (len(prefect.asked), len(prefect.runs)) == (3, 1)


def test_pauses_grow_and_begin_anew_after_a_success(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, prefect, pauses = scratch_ledger(), FakePrefect(is_down=True), []
    accepted(ledger, 1)
    working = worker(ledger, prefect, backoff=Backoff(first=0.5, longest=3.0, look=0.001))

    async def wait(_event: object, seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 5:
            prefect.is_down = False
        if len(pauses) == 7:
            prefect.is_down = True
            accepted(ledger, 2)
        if len(pauses) == 8:
            working.stop()

    monkeypatch.setattr(working, "_wait", wait)
    asyncio.run(working.run())
    assert pauses == [0.5, 1.0, 2.0, 3.0, 3.0, 0.001, 0.001, 0.5]


def test_one_that_prefect_refuses_keeps_nobody_waiting_and_is_never_given_up(ledger: SqlLedger) -> None:
    prefect = FakePrefect(refuses={"no/such"})
    refused, other = accepted(ledger, 1, deployment="no/such"), accepted(ledger, 2)
    asyncio.run(until(lambda: len(prefect.asked) > 5, worker(ledger, prefect)))
    assert state(ledger, other)[0] is DeliveryState.STARTED
    assert state(ledger, refused) == (
        DeliveryState.ACCEPTED,
        'there is no deployment "no/such" (prefect deploy --all)',
    )
    prefect.refuses.clear()
    finish(ledger, prefect)
    assert state(ledger, refused)[0] is DeliveryState.STARTED


def has_asked(prefect: FakePrefect, times: int) -> bool:
    return len(prefect.asked) == times


def test_the_pauses_of_what_is_refused_grow(ledger: SqlLedger) -> None:
    prefect, clock = FakePrefect(refuses={"no/such"}), Clock()
    guid = accepted(ledger, 1, deployment="no/such")
    waited = []
    for attempt in range(1, 6):
        working = worker(ledger, prefect, clock, Backoff(look=0.001, refused=5, longest_refused=20))
        asyncio.run(until(partial(has_asked, prefect, attempt), working))
        kept = ledger.delivery(guid)
        assert kept is not None
        assert kept.due_at is not None
        waited.append((kept.due_at - clock.now).total_seconds())
        clock.now = kept.due_at
    assert waited == [5, 10, 20, 20, 20]


def test_a_defect_of_ours_keeps_nobody_else_waiting(ledger: SqlLedger) -> None:
    prefect = FakePrefect(defect=ZeroDivisionError("hush"))
    guid = accepted(ledger, 1)
    asyncio.run(until(lambda: len(prefect.asked) > 2, worker(ledger, prefect)))
    assert state(ledger, guid) == (DeliveryState.ACCEPTED, "a defect of the gateway: ZeroDivisionError")
    prefect.defect = None
    finish(ledger, prefect)


def test_one_with_which_prefect_fails_each_time_does_not_keep_the_others_waiting_for_ever(ledger: SqlLedger) -> None:
    prefect, clock = FakePrefect(fails={"key 0"}), Clock()
    guids = [accepted(ledger, number) for number in range(30)]
    backoff = Backoff(look=0.001, first=0.001, longest=0.002)
    asyncio.run(until(lambda: ledger.waiting_deliveries() == 1, worker(ledger, prefect, clock, backoff)))
    assert [start.key for start in prefect.asked] == ["key 0"] * (PROBES + 1) + [f"key {one}" for one in range(1, 30)]
    assert state(ledger, guids[0])[0] is DeliveryState.ACCEPTED
    prefect.fails.clear()
    clock.now += timedelta(seconds=1)
    finish(ledger, prefect, clock)


def test_a_condition_that_cannot_be_judged_keeps_nobody_else_waiting(ledger: SqlLedger) -> None:
    broken = accepted(ledger, 1, condition=Condition.NOT_OURS, parameters={"request": {"version": "no version"}})
    other = accepted(ledger, 2)
    prefect = FakePrefect()
    asyncio.run(until(lambda: prefect.runs, worker(ledger, prefect)))
    assert state(ledger, other)[0] is DeliveryState.STARTED
    assert state(ledger, broken) == (DeliveryState.ACCEPTED, "a defect of the gateway: InvalidVersion")


def test_a_defect_beneath_it_delays_and_does_not_end_it(ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    prefect, failures = FakePrefect(), iter(range(3))
    accepted(ledger, 1)
    claim = ledger.claim_deliveries

    def failing(now: datetime, until: datetime, most: int) -> tuple[Delivery, ...]:
        if next(failures, None) is not None:
            # as when somebody puts a back-up of the database in its place just now
            raise ProgrammingError("SELECT", {}, Exception("there is no such table"))
        return claim(now, until, most)

    monkeypatch.setattr(ledger, "claim_deliveries", failing)
    finish(ledger, prefect)
    assert len(prefect.runs) == 1


def test_what_a_killed_gateway_had_taken_is_taken_up_by_another(ledger: SqlLedger) -> None:
    clock, prefect = Clock(), FakePrefect()
    guids = [accepted(ledger, number) for number in range(3)]
    # It took them, made a run of the first, and was killed before it could write that down.
    until_then = clock.now + timedelta(seconds=60)
    taken = ledger.claim_deliveries(clock.now, until_then, 9)
    assert taken[0].start is not None
    asyncio.run(prefect.start(taken[0].start))

    clock.now += timedelta(seconds=59)
    assert ledger.claim_deliveries(clock.now, clock.now, 9) == ()
    clock.now = until_then
    finish(ledger, prefect, clock)
    assert list(prefect.runs) == ["key 0", "key 1", "key 2"]
    assert {state(ledger, guid)[0] for guid in guids} == {DeliveryState.STARTED}


def test_two_gateways_that_share_a_ledger_start_everything_once(ledger: SqlLedger) -> None:
    prefect = FakePrefect()
    for number in range(60):
        accepted(ledger, number)

    async def work() -> None:
        clock, backoff = Clock(), AT_ONCE.model_copy(update={"most": 3})
        both = [worker(ledger, prefect, clock, backoff) for _ in range(2)]
        tasks = [asyncio.create_task(one.run()) for one in both]
        await seen(lambda: not ledger.waiting_deliveries(), tasks[0])
        for one in both:
            one.stop()
        await asyncio.gather(*tasks)

    asyncio.run(work())
    assert sorted(start.key for start in prefect.asked) == sorted(f"key {number}" for number in range(60))


def test_what_was_accepted_while_the_clock_was_ahead_is_started_when_it_is_right(ledger: SqlLedger) -> None:
    clock, prefect = Clock(), FakePrefect()
    clock.now = NOW - timedelta(hours=1)
    accepted(ledger, 1)
    asyncio.run(until(lambda: prefect.runs, worker(ledger, prefect, clock)))
    assert list(prefect.runs) == ["key 1"]


def test_what_was_not_begun_when_it_stops_is_due_at_once(ledger: SqlLedger) -> None:
    clock = Clock()
    for number in range(10):
        accepted(ledger, number)

    class Stopping(FakePrefect):
        async def start(self, start: Start) -> str:
            if len(self.asked) == 2:
                working.stop()
            return await super().start(start)

    prefect = Stopping()
    working = worker(ledger, prefect, clock)
    asyncio.run(working.run())
    assert len(prefect.runs) == 3
    assert len(ledger.claim_deliveries(clock.now, clock.now, 99)) == 7


def test_what_took_longer_than_its_lease_is_left_to_whoever_has_it_now(ledger: SqlLedger) -> None:
    clock = Clock()

    class Dawdling(FakePrefect):
        async def start(self, start: Start) -> str:
            clock.now += timedelta(seconds=AT_ONCE.lease)
            if len(self.asked) == 0:
                taken.extend(ledger.claim_deliveries(clock.now, clock.now + timedelta(hours=1), 99))
            return await super().start(start)

    taken: list[Delivery] = []
    prefect = Dawdling()
    for number in range(3):
        accepted(ledger, number)
    asyncio.run(until(lambda: len(prefect.asked) == 1, worker(ledger, prefect, clock)))
    assert (len(taken), [start.key for start in prefect.asked]) == (3, ["key 0"])


def test_a_ledger_that_fails_for_a_while_delays(ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    prefect, failures = FakePrefect(), iter(range(3))
    accepted(ledger, 1)
    claim = ledger.claim_deliveries

    def failing(now: datetime, until: datetime, most: int) -> tuple[Delivery, ...]:
        if next(failures, None) is not None:
            raise LedgerError("The ledger is busy")
        return claim(now, until, most)

    monkeypatch.setattr(ledger, "claim_deliveries", failing)
    finish(ledger, prefect)
    assert len(prefect.runs) == 1


def test_a_release_that_a_cascade_made_is_followed_by_that_cascade(ledger: SqlLedger) -> None:
    made = a_release(cascade="market-data-core-1.2.11", package="market-data-store")
    ledger.record_release(made)

    def released(number: int, version: str) -> UUID:
        parameters = {"request": {"root": made.package, "version": version, "follow": True}}
        condition = Condition.NOT_OURS
        return accepted(ledger, number, parameters=parameters, package=made.package, condition=condition)

    guid, other = released(1, str(made.version)), released(2, "9.9")
    prefect = FakePrefect()
    finish(ledger, prefect)
    assert [start.key for start in prefect.asked] == ["key 2"]
    assert state(ledger, other)[0] is DeliveryState.STARTED
    assert state(ledger, guid) == (
        DeliveryState.IGNORED,
        f"market-data-store {made.version} is part of the cascade market-data-core-1.2.11",
    )


def test_what_is_long_over_is_forgotten(ledger: SqlLedger) -> None:
    clock = Clock()
    guid = accepted(ledger, 1)
    finish(ledger, FakePrefect(), clock)
    for number, age, is_there in ((2, KEEP_BODIES, True), (3, KEEP_ROWS, False)):
        clock.now = NOW + age + timedelta(minutes=1)
        waiting = accepted(ledger, number)
        finish(ledger, FakePrefect(), clock)
        assert (ledger.delivery(guid) is not None) is is_there
        assert ledger.delivery(waiting) is not None
