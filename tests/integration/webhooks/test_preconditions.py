"""What must hold in the ledger when a flow run is to be started of a delivery."""

import pytest

from interlock.model.cascade import Cascade, State, aborted
from interlock.webhooks import Condition, Start
from interlock.webhooks.preconditions import obstacle
from tests.support.cascades import a_cascade, go
from tests.support.ledgers import scratch_ledger
from tests.support.release_values import NOON, a_release

CORE = "market-data-core"


def a_start(condition: Condition | None, package: str = CORE, version: str = "1.2.11") -> Start:
    request = {"root": package, "version": version, "follow": True}
    return Start(deployment="a/b", parameters={"request": request}, key="k", package=package, condition=condition)


def waiting() -> Cascade:
    cascade = go(a_cascade(), CORE, State.RELEASING, State.RELEASED)
    return go(cascade, "store", State.TESTING, State.AWAITING_MERGE)


def test_what_has_no_condition_is_started() -> None:
    assert obstacle(a_start(None), scratch_ledger()) is None


def test_a_release_is_followed_unless_a_cascade_has_made_it_or_is_of_it() -> None:
    ledger = scratch_ledger()
    start = a_start(Condition.NOT_OURS)
    assert obstacle(start, ledger) is None
    # Interlock's own release alone: nobody follows it yet.
    ledger.record_release(a_release())
    ledger.record_release(a_release(version="1.2.12", cascade="another"))
    assert obstacle(start, ledger) is None
    ledger.begin_cascade(a_cascade())
    assert obstacle(start, ledger) == f"{CORE} 1.2.11 is part of the cascade {a_cascade().id}"
    assert obstacle(a_start(Condition.NOT_OURS, version="1.2.11.0"), ledger) is not None
    other = a_start(Condition.NOT_OURS, version="1.2.12")
    assert obstacle(other, ledger) == f"{CORE} 1.2.12 is part of the cascade another"


@pytest.mark.parametrize(
    ("cascade", "package", "goes_on"),
    [
        (waiting(), "store", True),
        (waiting(), CORE, False),
        (waiting(), "nobody", False),
        (a_cascade(), "store", False),
        (aborted(waiting(), NOON), "store", False),
        (waiting().model_copy(update={"ended_at": NOON}), "store", False),
        (waiting().model_copy(update={"aborted": True}), "store", False),
    ],
)
def test_a_cascade_goes_on_only_where_it_waits(cascade: Cascade, package: str, goes_on: bool) -> None:
    ledger = scratch_ledger()
    ledger.begin_cascade(cascade)
    why = obstacle(a_start(Condition.A_CASCADE_WAITS, package), ledger)
    assert why == (None if goes_on else f"no cascade waits for a merge in {package}")
