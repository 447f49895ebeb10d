"""Who goes first where cascades meet, and with what: nobody waits for somebody who waits for him."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from interlock.model.cascade import (
    Action,
    Cascade,
    CascadePlan,
    Planned,
    State,
    begun,
    beside,
    released_with,
    upstreams_moved,
    who_goes_first,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TIP = "tip"
VERSIONS = st.integers(1, 5).map(lambda number: Version(f"1.{number}"))
OPEN = st.sampled_from([State.PLANNED, State.WAITING, State.TESTING, State.AWAITING_MERGE, State.RELEASING])


def a_cascade(
    root: str, version: Version, *, minutes: int = 0, tip: State = State.WAITING, tells: bool = True
) -> Cascade:
    """A root that is released, and one that waits for it."""
    release = Planned(package=root, action=Action.RELEASE, why="", next=version)
    pins = {root: version} if tells else {}
    action = Action.RELEASE if tells else Action.COMMAND
    follows = Planned(package=TIP, action=action, after=(root,), why="", pins=pins)
    plan = CascadePlan(root=root, root_version=version, packages=(release, follows))
    new = begun(plan, NOON + timedelta(minutes=minutes))
    done = new.progress[root].model_copy(update={"state": State.RELEASED, "version": version})
    return new.with_progress(done, new.progress[TIP].model_copy(update={"state": tip}))


CASCADES = st.lists(
    st.builds(
        a_cascade,
        st.sampled_from(["core", "store", "ibkr"]),
        VERSIONS,
        minutes=st.integers(0, 2),
        tip=st.sampled_from(State),
        tells=st.booleans(),
    ),
    max_size=5,
    unique_by=lambda cascade: cascade.id,
)


@given(CASCADES)
def test_of_those_that_go_on_one_waits_for_nobody_and_no_two_for_each_other(cascades: list[Cascade]) -> None:
    open_ones = [each for each in cascades if not each.state(TIP).is_end]
    first = {each.id: who_goes_first(each, beside(each, cascades), TIP) for each in open_ones}
    assert not open_ones or list(first.values()).count(None) == 1
    for waiting, ahead in first.items():
        assert ahead is None or first[ahead.id] is None, f"{waiting} waits for one who waits"


@given(CASCADES, VERSIONS)
def test_what_moves_is_the_newest_of_what_all_have_moved(cascades: list[Cascade], version: Version) -> None:
    mine = a_cascade("core", version, minutes=1)
    others = [each for each in cascades if each.id != mine.id]
    waiting = [each for each in others if not each.state(TIP).is_end]
    pins = upstreams_moved(mine, others, TIP)
    assert pins["core"] == max([version, *(each.version for each in waiting if each.root == "core")])
    assert pins.keys() == {"core", *(each.root for each in waiting)}


@given(st.dictionaries(st.sampled_from("abc"), VERSIONS), st.dictionaries(st.sampled_from("abc"), VERSIONS))
def test_released_with_means_at_least_these(there: Mapping[str, Version], pins: Mapping[str, Version]) -> None:
    progress = a_cascade("core", Version("1")).progress[TIP]
    released = progress.model_copy(update={"state": State.RELEASED, "pins": there})
    assert released_with(released, pins) == all(name in there and there[name] >= pins[name] for name in pins)
    assert not released_with(released.model_copy(update={"state": State.RELEASING}), pins)


def test_what_is_aborted_or_has_ended_goes_beside_nobody() -> None:
    mine, other = a_cascade("core", Version("1")), a_cascade("ibkr", Version("1"))
    assert beside(mine, [mine, other]) == (other,)
    assert beside(mine, [other.model_copy(update={"aborted": True})]) == ()
    assert beside(mine, [other.model_copy(update={"ended_at": NOON})]) == ()
