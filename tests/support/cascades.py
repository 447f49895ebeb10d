"""Cascades of a small family, in every state."""

from datetime import timedelta

from packaging.version import Version

from interlock.model.cascade import (
    Action,
    Cascade,
    CascadePlan,
    Planned,
    State,
    begun,
    moved,
    settled,
)
from tests.support.release_values import NOON

OLD, NEW = Version("1.2.10"), Version("1.2.11")


def planned(package: str, after: str = "", action: Action = Action.RELEASE, **others: object) -> Planned:
    upstreams = tuple(after.split())
    versions = {"current": OLD, "next": NEW} if action is not Action.TEST else {"current": OLD}
    pins = dict.fromkeys(upstreams, NEW) if action is Action.RELEASE else {}
    fields = {"package": package, "action": action, "after": upstreams, "why": "pinned", "pins": pins, **versions}
    return Planned.model_validate({**fields, **others})


PLAN = CascadePlan(
    root="market-data-core",
    root_version=NEW,
    packages=(
        planned("market-data-core", why="the cascade begins with it"),
        planned(
            "store", "market-data-core", suites=("contracts", "imports"), why="market-data-core is pinned ==1.2.10"
        ),
        planned("pipeline", "market-data-core"),
        planned("ibkr", "market-data-core", Action.DISPATCH),
        planned("notes", "market-data-core", Action.TEST),
        planned("tip", "market-data-core store pipeline", current=None, next=None),
        planned("infra", "market-data-core tip", Action.COMMAND, current=None, next=None),
    ),
)


def a_cascade() -> Cascade:
    return settled(begun(PLAN, NOON), NOON)


def go(cascade: Cascade, package: str, *states: State, reason: str = "", **others: object) -> Cascade:
    for state in states:
        at = NOON + timedelta(minutes=5)
        progress = moved(cascade.progress[package], state, reason, at, version=NEW, link=None)
        cascade = cascade.with_progress(progress.model_copy(update=others))
    return settled(cascade, NOON + timedelta(minutes=5))


def half() -> Cascade:
    """Core is released, store is red, everybody else is done."""
    cascade = go(a_cascade(), "market-data-core", State.RELEASING, State.RELEASED)
    store = moved(cascade.progress["store"], State.TESTING, "", NOON)
    cascade = cascade.with_progress(moved(store, State.HELD, "test_enum is red", NOON))
    cascade = go(cascade, "pipeline", State.RELEASING, State.RELEASED)
    cascade = go(cascade, "ibkr", State.RELEASING, State.RELEASED)
    return cascade.with_progress(moved(cascade.progress["notes"], State.UNCHANGED, "", NOON))
