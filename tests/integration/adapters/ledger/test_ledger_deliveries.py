"""What every ledger does with webhook deliveries: the same for all kinds."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

from interlock.adapters.ledger import Ledger
from interlock.webhooks import Delivery, DeliveryState
from tests.support.ledger_writers import a_delivery
from tests.support.release_values import NOON

LATER = NOON + timedelta(minutes=1)


def bare(delivery: Delivery, **fields: object) -> Delivery:
    return delivery.model_copy(update={"body": None, **fields})


def test_a_delivery_comes_back_as_it_went_in(ledger: Ledger) -> None:
    one, other = a_delivery(1), a_delivery(2, at=LATER).ignored("of nobody \x00", LATER)
    assert ledger.accept_deliveries([one, other]) == {one.guid, other.guid}
    assert (ledger.delivery(one.guid), ledger.delivery(other.guid), ledger.delivery(uuid4())) == (one, other, None)
    assert ledger.deliveries() == (other, bare(one))
    assert ledger.deliveries(DeliveryState.ACCEPTED) == (bare(one),)
    assert ledger.deliveries(most=1) == (other,)
    assert ledger.waiting_deliveries() == 1


def test_one_that_is_known_stays_as_it_is(ledger: Ledger) -> None:
    first = a_delivery(1)
    again = a_delivery(1, at=LATER, event="release")
    assert ledger.accept_deliveries([first, a_delivery(1, event="ping")]) == {first.guid}
    assert ledger.accept_deliveries([again, a_delivery(2)]) == {UUID(int=2)}
    assert ledger.accept_deliveries([]) == frozenset()
    assert ledger.delivery(first.guid) == first


def test_what_is_taken_is_nobody_elses_until_its_time(ledger: Ledger) -> None:
    older, newer = a_delivery(2), a_delivery(1, at=NOON + timedelta(seconds=1))
    later = a_delivery(3, due_at=LATER + timedelta(hours=1))
    over = a_delivery(4).ignored("of nobody", NOON)
    ledger.accept_deliveries([newer, older, later, over])
    until = LATER + timedelta(minutes=1)
    assert ledger.claim_deliveries(LATER, until, 1) == (bare(older),)
    assert ledger.claim_deliveries(LATER, until, 9) == (bare(newer),)
    assert ledger.claim_deliveries(LATER, until, 9) == ()
    assert [each.guid for each in ledger.claim_deliveries(until, until, 9)] == [older.guid, newer.guid]
    assert ledger.waiting_deliveries() == 3


def test_what_was_accepted_or_claimed_while_a_clock_was_ahead_is_due_when_it_is_right(ledger: Ledger) -> None:
    ahead = NOON + timedelta(hours=2)
    accepted, put_back = a_delivery(1, at=ahead, due_at=None), a_delivery(2, due_at=None)
    claimed = a_delivery(3, due_at=ahead + timedelta(minutes=1))
    put_off = a_delivery(4, due_at=NOON + timedelta(minutes=10))
    ledger.accept_deliveries([accepted, put_back, claimed, put_off])
    until = NOON + timedelta(minutes=1)
    assert {each.guid.int for each in ledger.claim_deliveries(NOON, until, 9)} == {1, 2, 3}
    assert ledger.claim_deliveries(NOON, until, 9) == ()


def test_that_deliveries_can_be_written_is_tried_and_leaves_nothing(ledger: Ledger) -> None:
    ledger.check_writable()
    assert ledger.deliveries() == ()


def test_what_was_started_or_ignored_stays_so(ledger: Ledger) -> None:
    one, other = a_delivery(1), a_delivery(2)
    ledger.accept_deliveries([one, other])
    ledger.record_delivery(put_off := bare(one).put_off("Prefect is away", LATER))
    assert ledger.delivery(one.guid) == put_off.model_copy(update={"body": one.body})
    ledger.record_delivery(started := bare(put_off).started("run", LATER))
    ledger.record_delivery(put_off)
    ledger.record_delivery(bare(one).ignored("no", LATER))
    assert ledger.delivery(one.guid) == started.model_copy(update={"body": one.body})
    ledger.record_delivery(dropped := bare(other).ignored("a cascade does it", LATER))
    assert ledger.delivery(other.guid) == dropped
    assert ledger.waiting_deliveries() == 0
    ledger.record_delivery(a_delivery(9).started("run", LATER))
    assert ledger.delivery(UUID(int=9)) is None


def test_those_that_are_known_are_told_among_many(ledger: Ledger) -> None:
    ledger.accept_deliveries([a_delivery(7), a_delivery(1700)])
    asked = [UUID(int=number) for number in range(2000)]
    assert ledger.known_deliveries(asked) == {UUID(int=7), UUID(int=1700)}
    assert ledger.known_deliveries([]) == frozenset()


def test_what_is_over_is_forgotten_in_two_steps_and_what_waits_is_not(ledger: Ledger) -> None:
    days = [a_delivery(number, at=NOON + timedelta(days=number)) for number in range(4)]
    ledger.accept_deliveries(days)
    for delivery in days[:3]:
        ledger.record_delivery(delivery.started("run", LATER))
    ledger.forget_deliveries(bodies=NOON + timedelta(days=2), rows=NOON + timedelta(days=1))
    found = {each.guid.int: ledger.delivery(each.guid) for each in ledger.deliveries()}
    assert {number: bool(each and each.body) for number, each in found.items()} == {1: False, 2: True, 3: True}

    ledger.forget_deliveries(bodies=NOON + timedelta(days=9), rows=NOON + timedelta(days=9))
    assert [each.guid.int for each in ledger.deliveries()] == [3]
    assert ledger.delivery(UUID(int=3)) == days[3]


def test_two_that_take_at_once_take_each_once(ledger: Ledger) -> None:
    ledger.accept_deliveries([a_delivery(number) for number in range(40)])

    def take(_turn: int) -> list[int]:
        return [each.guid.int for each in ledger.claim_deliveries(LATER, LATER + timedelta(minutes=1), 5)]

    with ThreadPoolExecutor(4) as threads:
        taken = [number for some in threads.map(take, range(16)) for number in some]
    assert sorted(taken) == list(range(40))
