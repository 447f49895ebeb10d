"""When a contract that is the same is reason to run nothing."""

import pytest

from interlock.contract_schemas import ContractChange, ElementChange, Kind, What
from interlock.family import Contract as Policy
from interlock.verification.contract import Contract, reason_to_skip
from interlock.verification.sides import Compared
from tests.verification.makers import ALONE, COMPARED

SAME = ContractChange(before="1.0", after="1.0+g0123456789ab")
MORE = SAME.model_copy(update={"changes": (ElementChange(name="core.x", kind=Kind.CLASS, what=What.ADDED),)})
HALF = SAME.model_copy(update={"notes": ("core.y can't be imported",)})
SKIP, TEST = Policy(unchanged="skip"), Policy()


def test_what_is_the_same_is_skipped_where_the_family_says_so() -> None:
    assert (
        reason_to_skip(SKIP, COMPARED, Contract(change=SAME)) == "nothing in the contract of core has changed since 1.0"
    )


@pytest.mark.parametrize(
    ("policy", "compared", "change"),
    [
        (TEST, COMPARED, SAME),
        (SKIP, COMPARED, MORE),
        (SKIP, COMPARED, HALF),
        (SKIP, COMPARED, None),
        (SKIP, ALONE, None),
    ],
)
def test_everything_else_is_tested(policy: Policy, compared: Compared, change: ContractChange | None) -> None:
    assert reason_to_skip(policy, compared, Contract(change=change)) is None
