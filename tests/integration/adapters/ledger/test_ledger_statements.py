"""What every ledger does with statements that a run is to replace, and with the budget: the same for all kinds."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

from interlock.adapters.ledger import Ledger
from interlock.model.statement import Statement
from tests.support.release_values import NOON

LATER = NOON + timedelta(minutes=1)


def a_statement(subject: str = "a", **facts: object) -> Statement:
    fields = {"subject": subject, "id": uuid4(), "family": "trains", "at": NOON, "body": "{}"}
    return Statement.model_validate({**fields, **facts})


def test_those_that_a_run_is_to_replace_are_found_told_or_not(ledger: Ledger) -> None:
    told, waiting = a_statement("a", run=UUID(int=1)), a_statement("b", run=UUID(int=2), at=LATER)
    others = (a_statement("c"), a_statement("d", run=UUID(int=3), family="ships"), a_statement("e", run=UUID(int=4)))
    for each in (told, waiting, *others):
        ledger.record_statement(each)
    assert ledger.settle_statement("a", told.id, LATER)
    ledger.record_statement(others[-1].model_copy(update={"run": None, "id": uuid4()}))
    assert ledger.open_statements("trains") == (waiting, told)


def test_one_may_replace_a_certain_one_or_none_at_all(ledger: Ledger) -> None:
    first, newer = a_statement(at=LATER), a_statement(at=LATER)
    ledger.record_statement(first, replaces=first.id)
    ledger.record_statement(a_statement(at=LATER + timedelta(days=1)), replaces=uuid4())
    assert ledger.claim_statements("trains", LATER, LATER, 9) == (first,)
    ledger.record_statement(newer, replaces=first.id)
    assert ledger.claim_statements("trains", LATER, LATER, 9) == (newer,)


def test_writes_are_counted_by_minute_and_hour(ledger: Ledger) -> None:
    def spend(seconds: float) -> float:
        return ledger.spend_write(NOON + timedelta(seconds=seconds), a_minute=2, an_hour=5)

    assert [spend(0), spend(20), spend(45)] == [0, 0, 15]
    assert [spend(60), spend(61), spend(130)] == [0, 0, 0]
    assert spend(200) == 3660 - 200, "five in an hour: the first of them leaves it after the hour"
    assert [spend(3660), spend(3661)] == [0, 0]


def test_all_that_write_at_once_share_the_budget(ledger: Ledger) -> None:
    with ThreadPoolExecutor(4) as threads:
        spent = list(threads.map(lambda _: ledger.spend_write(NOON, a_minute=6, an_hour=6), range(12)))
    assert 6 <= spent.count(0.0) <= 9, "a few more may slip through in PostgreSQL"
