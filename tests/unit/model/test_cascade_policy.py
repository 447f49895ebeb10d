"""What stays when some packages can't leave, by policy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version
from pydantic import ValidationError

from interlock.errors import UsageError
from interlock.model.cascade import Action, CascadePlan, HoldPolicy, Planned, held_together, parse_policy
from interlock.model.family import Family

# A diamond with a branch beside it: core <- store, pipeline, notes; tip needs store and pipeline.
AFTER = {"core": "", "store": "core", "pipeline": "core", "notes": "core", "tip": "core store pipeline"}
PLAN = CascadePlan(
    root="core",
    root_version=Version("1.1"),
    packages=tuple(
        Planned(package=name, action=Action.RELEASE, after=tuple(after.split()), why="pinned")
        for name, after in AFTER.items()
    ),
)
RED = {"store": "test_x is red"}


@pytest.mark.parametrize(
    ("reasons", "policy", "held"),
    [
        ({}, "all", []),
        (RED, "all", ["core", "store", "pipeline", "notes", "tip"]),
        (RED, "independent", ["store", "tip"]),
        (RED, ("store",), ["core", "store", "pipeline", "notes", "tip"]),
        (RED, ("notes",), ["store", "tip"]),
        ({"core": "it can't be built"}, "independent", ["core", "store", "pipeline", "notes", "tip"]),
    ],
)
def test_what_stays(reasons: dict[str, str], policy: HoldPolicy, held: list[str]) -> None:
    found = held_together(PLAN, reasons, policy)
    assert list(found) == held
    assert {name: found[name] for name in reasons} == reasons


def test_a_root_that_is_out_is_held_by_nothing() -> None:
    assert list(held_together(PLAN, {**RED, "core": "x"}, "all", root_is_out=True)) == ["store", "tip"]


@given(st.sets(st.sampled_from(list(AFTER))), st.sampled_from(["all", "independent", ("tip",), ("store", "notes")]))
def test_what_leaves_needs_nothing_that_stays(red: set[str], policy: HoldPolicy) -> None:
    held = held_together(PLAN, dict.fromkeys(red, "red"), policy)
    assert red <= held.keys()
    for planned in PLAN.packages:
        assert planned.package in held or not held.keys() & set(planned.after)
    if policy == "all":
        assert held.keys() in (set(), set(AFTER))


def test_a_policy_is_parsed_or_refused() -> None:
    assert [parse_policy(text) for text in ("all", "independent", "store, tip")] == [
        "all",
        "independent",
        ("store", "tip"),
    ]
    for text in ("", "all,store", "store,"):
        with pytest.raises(UsageError):
            parse_policy(text)


def test_a_family_names_its_own_members_in_its_policy() -> None:
    family = {"name": "acme", "cascade_policy": ["stroe"]}
    with pytest.raises(ValidationError, match='names an unknown package "stroe"'):
        Family.model_validate({**family, "packages": {"store": {}}})
