"""When a contract that is the same is reason to run nothing."""

from pathlib import Path

import pytest
from packaging.version import Version

from interlock.adapters.distributions import Wheel
from interlock.contracts.schema import ContractChange, ElementChange, Kind, What
from interlock.contracts.verify.contract import Contract, reason_to_skip, requires_otherwise
from interlock.contracts.verify.subjects import ComparedBuilds
from interlock.model.family import Contract as Policy
from tests.support.verification_values import ALONE, COMPARED

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
def test_everything_else_is_tested(policy: Policy, compared: ComparedBuilds, change: ContractChange | None) -> None:
    assert reason_to_skip(policy, compared, Contract(change=change)) is None


def a_wheel(requires: tuple[str, ...], python: str | None = ">=3.11") -> Wheel:
    return Wheel(
        path=Path("core.whl"),
        name="core",
        version=Version("1.0"),
        requires=requires,
        requires_python=python,
        content="the same",
        modules=("core",),
    )


def test_what_is_required_otherwise_is_named() -> None:
    before, after = a_wheel(("a>=1", "b")), a_wheel(("b", "a >= 2"), ">=3.12")
    assert requires_otherwise(before, after) == (
        "what core requires has changed: now Python >=3.12, a>=2; no longer Python >=3.11, a>=1"
    )
    assert requires_otherwise(before, a_wheel(("b", "a >=1"))) is None


def test_other_requirements_are_tested_though_the_contract_is_the_same() -> None:
    """A downstream may have no environment any more."""
    assert reason_to_skip(SKIP, COMPARED, Contract(change=SAME, notes=("what core requires has changed",))) is None
