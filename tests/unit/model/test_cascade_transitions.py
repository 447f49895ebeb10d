"""How a cascade moves: what follows from each end, hold and abort; and that it can go nowhere else."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from packaging.version import Version
from pydantic import ValidationError

from interlock.errors import UsageError
from interlock.model.cascade import (
    TRANSITIONS,
    Action,
    Cascade,
    CascadePlan,
    HeldBy,
    Outcome,
    Planned,
    Progress,
    State,
    aborted,
    advice,
    begun,
    cascade_id,
    held,
    moved,
    ready,
    repaired,
    resumed,
    settle,
    settled,
    states_mermaid,
    under_way,
    unheld,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NEW = Version("1.2.11")


def a_cascade(after: dict[str, str], **actions: Action) -> Cascade:
    """A cascade by who waits for whom: `{"core": "", "store": "core"}`; everybody is to be released."""
    packages = tuple(
        Planned(
            package=name,
            action=actions.get(name, Action.RELEASE),
            after=tuple(upstreams.split()),
            next=NEW,
            why="",
            pins=dict.fromkeys(upstreams.split(), NEW) if actions.get(name, Action.RELEASE) is Action.RELEASE else {},
        )
        for name, upstreams in after.items()
    )
    return settled(begun(CascadePlan(root="core", root_version=NEW, packages=packages), NOON), NOON)


# Everybody but pipeline waits for store somehow; infra for all.
FAMILY = {"core": "", "store": "core", "pipeline": "core", "tip": "store pipeline", "infra": "core tip"}
WAYS = {
    State.RELEASED: [State.RELEASING, State.RELEASED],
    State.UNCHANGED: [State.TESTING, State.UNCHANGED],
    State.HELD: [State.TESTING, State.HELD],
    State.FAILED: [State.RELEASING, State.FAILED],
}


def end(cascade: Cascade, package: str, state: State, reason: str = "") -> Cascade:
    for step in WAYS.get(state, [state]):
        version = NEW if step is State.RELEASED else None
        cascade = cascade.with_progress(moved(cascade.progress[package], step, reason, NOON, version=version))
    return settled(cascade, NOON)


def states(cascade: Cascade) -> dict[str, str]:
    return {name: each.state.value.partition(" ")[0] for name, each in cascade.progress.items()}


def test_the_same_root_and_version_have_one_name() -> None:
    assert cascade_id("market-data-core", Version("1.2.11.0rc1")) == "market-data-core-1.2.11.0rc1"
    assert a_cascade(FAMILY).id == "core-1.2.11"


def test_a_cascade_begins_with_its_root_and_everybody_else_waits() -> None:
    cascade = a_cascade(FAMILY)

    assert states(cascade) == {"core": "planned", **dict.fromkeys(["store", "pipeline", "tip", "infra"], "waiting")}
    assert cascade.progress["tip"].reason == "store, pipeline"
    assert ready(cascade) == ("core",)
    assert cascade.outcome is Outcome.RUNNING


def test_independent_branches_are_ready_together_and_a_tip_after_all_of_them() -> None:
    cascade = end(a_cascade(FAMILY), "core", State.RELEASED)
    assert ready(cascade) == ("store", "pipeline")
    assert cascade.progress["store"].reason == "they have all ended"

    cascade = end(cascade, "store", State.RELEASED)
    assert ready(cascade) == ("pipeline",)
    assert cascade.progress["tip"].reason == "pipeline"

    cascade = end(cascade, "pipeline", State.TESTING)
    assert (ready(cascade), under_way(cascade)) == ((), ("pipeline",))
    assert ready(end(end(cascade, "pipeline", State.RELEASING), "pipeline", State.RELEASED)) == ("tip",)


@pytest.mark.parametrize(("state", "told"), [(State.HELD, "is held"), (State.FAILED, "failed")])
def test_what_is_red_holds_its_descendants_with_the_first_cause_and_leaves_the_other_branches_alone(
    state: State, told: str
) -> None:
    cascade = end(end(a_cascade(FAMILY), "core", State.RELEASED), "store", state, "test_enum is red")

    assert states(cascade)["pipeline"] == "waiting"
    assert ready(cascade) == ("pipeline",)
    for name in ("tip", "infra"):
        progress = cascade.progress[name]
        assert (progress.state, progress.held_by) == (State.HELD, HeldBy.UPSTREAM)
        assert progress.reason == f"store {told}: test_enum is red"

    over = end(cascade, "pipeline", State.RELEASED)
    assert over.is_over
    assert over.outcome is (Outcome.HELD if state is State.HELD else Outcome.FAILED)


def test_a_package_that_two_hold_is_held_until_both_go() -> None:
    cascade = end(a_cascade(FAMILY), "core", State.RELEASED)
    cascade = end(end(cascade, "store", State.HELD, "red"), "pipeline", State.HELD, "capped")
    assert cascade.progress["infra"].reason == "store is held: red; pipeline is held: capped"

    cascade = unheld(cascade, "store", NOON)
    assert states(cascade)["store"] == "planned"
    assert cascade.progress["tip"].reason == "pipeline is held: capped"
    assert unheld(cascade, "pipeline", NOON).progress["tip"].state is State.WAITING


def test_the_reason_for_a_hold_does_not_grow_with_the_distance() -> None:
    layers = [["core"], *([f"p{layer}-{place}" for place in range(4)] for layer in range(6))]
    after = {
        name: " ".join(layers[number - 1]) if number else "" for number, layer in enumerate(layers) for name in layer
    }
    cascade = end(a_cascade(after), "core", State.FAILED, "boom")

    assert {each.reason for each in cascade.progress.values()} == {"boom", "core failed: boom"}


def test_who_waited_only_for_unchanged_packages_is_unchanged() -> None:
    cascade = end(a_cascade(FAMILY), "core", State.RELEASED)
    cascade = end(end(cascade, "store", State.UNCHANGED), "pipeline", State.UNCHANGED)

    assert states(cascade)["tip"] == "unchanged"
    assert cascade.progress["tip"].reason == "none of its upstreams was released: store, pipeline"
    assert ready(cascade) == ("infra",)


def test_a_release_that_nothing_makes_necessary_any_more_is_a_test() -> None:
    family = {"core": "", "feed": "core", "tip": "core feed"}
    plan = a_cascade(family, feed=Action.DISPATCH).plan
    tip = plan.package("tip").model_copy(update={"pins": {"feed": NEW}})
    cascade = settled(begun(plan.model_copy(update={"packages": (*plan.packages[:2], tip)}), NOON), NOON)
    cascade = end(cascade, "core", State.RELEASED)

    unneeded, needed = end(cascade, "feed", State.UNCHANGED), end(cascade, "feed", State.RELEASED)
    assert (unneeded.action("tip"), unneeded.pins("tip")) == (Action.TEST, {})
    assert (needed.action("tip"), needed.pins("tip")) == (Action.RELEASE, {"feed": NEW})
    assert (needed.action("core"), needed.action("feed")) == (Action.RELEASE, Action.DISPATCH)


def test_pins_are_the_versions_that_were_really_released() -> None:
    cascade = a_cascade(FAMILY)
    core = moved(cascade.progress["core"], State.RELEASING, "", NOON, version=Version("1.2.12"))
    cascade = cascade.with_progress(moved(core, State.RELEASED, "", NOON))

    assert cascade.pins("store") == cascade.released() == {"core": Version("1.2.12")}


def test_a_hold_stops_a_package_until_it_is_being_released() -> None:
    cascade = end(a_cascade(FAMILY), "core", State.RELEASED)
    for state in (State.TESTING, State.AWAITING_MERGE):
        cascade = end(cascade, "store", state)
        stopped = held(cascade, "store", "not on a Friday", NOON).progress["store"]
        assert (stopped.state, stopped.reason, stopped.held_by) == (State.HELD, "not on a Friday", HeldBy.PERSON)

    for state in (State.RELEASING, State.RELEASED):
        cascade = end(cascade, "store", State.RELEASING)
        with pytest.raises(UsageError, match="too late to hold it"):
            held(end(cascade, "store", state), "store", "why", NOON)


def test_a_hold_and_its_end_move_the_descendants_too() -> None:
    cascade = a_cascade(FAMILY)
    stopped = held(cascade, "store", "not on a Friday", NOON)

    assert states(stopped) == {**states(cascade), **dict.fromkeys(["store", "tip", "infra"], "held")}
    assert states(unheld(stopped, "store", NOON)) == states(cascade)


def test_a_hold_written_by_another_process_is_obeyed_when_it_is_read() -> None:
    cascade = a_cascade(FAMILY).model_copy(update={"holds": {"pipeline": "wait"}})
    assert states(settled(cascade, NOON))["tip"] == "held"


def test_what_cannot_be_held_or_let_go_is_said() -> None:
    cascade = end(a_cascade(FAMILY), "core", State.FAILED, "boom")
    with pytest.raises(UsageError, match=r'"stor" takes no part in core-1\.2\.11') as caught:
        held(cascade, "stor", "why", NOON)
    assert caught.value.hint == 'did you mean "store"?'
    with pytest.raises(UsageError, match=r"core is failed in core-1\.2\.11: nothing holds it"):
        unheld(cascade, "core", NOON)
    with pytest.raises(UsageError, match="core failed: boom") as caught:
        unheld(cascade, "tip", NOON)
    assert caught.value.hint == "begin with core"
    with pytest.raises(UsageError, match="aborted") as caught:
        unheld(aborted(a_cascade(FAMILY), NOON), "tip", NOON)
    assert caught.value.hint == "interlock cascade resume core-1.2.11"


def test_an_abort_stops_everything_that_is_not_being_released() -> None:
    cascade = end(end(a_cascade(FAMILY), "core", State.RELEASED), "store", State.RELEASING)
    cascade = aborted(end(cascade, "pipeline", State.TESTING), NOON)

    assert states(cascade) == {
        "core": "released",
        "store": "releasing",
        **dict.fromkeys(["pipeline", "tip", "infra"], "held"),
    }
    assert {cascade.progress[name].reason for name in ("pipeline", "tip", "infra")} == {"aborted"}
    assert not cascade.is_over
    assert end(cascade, "store", State.RELEASED).outcome is Outcome.HELD


def test_a_resumed_cascade_tries_again_what_failed_and_keeps_what_people_hold() -> None:
    cascade = end(end(a_cascade(FAMILY), "core", State.RELEASED), "store", State.FAILED, "boom")
    cascade = aborted(held(cascade, "tip", "mine", NOON), NOON).model_copy(update={"ended_at": NOON})
    again = resumed(cascade, NOON)

    assert ready(again) == ("store", "pipeline")
    assert states(again)["tip"] == states(again)["infra"] == "held"
    assert again.progress["tip"].reason == "mine"
    assert (again.aborted, again.ended_at) == (False, None)


def test_an_own_hold_survives_resuming_and_goes_when_a_person_says_so() -> None:
    cascade = end(end(a_cascade(FAMILY), "core", State.RELEASED), "store", State.HELD, "red")

    assert states(resumed(cascade, NOON))["store"] == "held"
    assert ready(unheld(cascade, "store", NOON)) == ("store", "pipeline")


# ---- a package ---------------------------------------------------------------------------------------------------

CORE = Progress(package="core", since=NOON)
LATER = NOON + timedelta(hours=1)


def test_a_state_keeps_its_since_and_takes_the_newer_reason() -> None:
    first = moved(CORE, State.TESTING, "contracts", LATER, link="https://example.org/1")
    again = moved(first, State.TESTING, "imports", LATER + timedelta(hours=1))

    assert (again.reason, again.since, again.link) == ("imports", LATER, "https://example.org/1")
    assert moved(again, State.RELEASING, "", NOON).link is None


def test_a_version_is_kept_and_released_is_for_ever() -> None:
    releasing = moved(CORE, State.RELEASING, "", LATER, version=NEW)
    released = moved(releasing, State.RELEASED, "done", LATER)

    assert released.version == NEW
    assert moved(released, State.RELEASED, "again", NOON, version=Version("9")) == released
    for state in set(State) - {State.RELEASED}:
        with pytest.raises(RuntimeError, match="core cannot go from released to"):
            moved(released, state, "", LATER)


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("after", State)
def test_only_the_tables_transitions_are_possible(before: State, after: State) -> None:
    progress = CORE.model_copy(update={"state": before})
    if before is after or after in TRANSITIONS[before]:
        assert moved(progress, after, "", LATER).state is after
    else:
        with pytest.raises(RuntimeError):
            moved(progress, after, "", LATER)


def test_only_what_is_held_is_held_by_something() -> None:
    stopped = moved(CORE, State.HELD, "red", LATER)
    assert stopped.held_by is HeldBy.ITSELF
    assert moved(stopped, State.PLANNED, "", LATER).held_by is None


def test_every_state_has_a_row_and_every_way_leads_to_an_end() -> None:
    assert set(TRANSITIONS) == set(State)
    assert {state for state in State if not TRANSITIONS[state]} == {State.RELEASED, State.UNCHANGED}
    for state in State:
        reached, ahead = {state}, [state]
        while ahead:
            new = TRANSITIONS[ahead.pop()] - reached
            reached |= new
            ahead += new
        assert any(each.is_end for each in reached)


def test_the_picture_shows_every_transition_and_no_other() -> None:
    arrows = [line.split(" --> ") for line in states_mermaid().splitlines() if "-->" in line]
    inner = {(a.strip(), b) for a, b in arrows if "[*]" not in f"{a}{b}"}

    assert inner == {(a.name.lower(), b.name.lower()) for a, following in TRANSITIONS.items() for b in following}
    assert '    state "waiting for upstreams" as waiting' in states_mermaid().splitlines()
    assert states_mermaid().startswith("stateDiagram-v2\n")


def test_a_cascade_whose_progress_is_not_its_plans_cannot_exist() -> None:
    cascade = a_cascade(FAMILY)
    with pytest.raises(ValidationError, match="not that of its plan"):
        Cascade.model_validate({**dict(cascade), "progress": {"core": CORE}})
    with pytest.raises(KeyError):
        cascade.with_progress(Progress(package="stranger", since=NOON))


# ---- what a person should do -------------------------------------------------------------------------------------


def test_a_cascade_that_is_done_needs_nothing() -> None:
    cascade = a_cascade({"core": ""})
    assert advice(end(cascade, "core", State.RELEASED)) == ()


def test_a_half_released_family_has_three_ways_out() -> None:
    cascade = end(end(a_cascade(FAMILY), "core", State.RELEASED), "store", State.HELD, "test_enum is red")
    first, goes_on, fix, yank = advice(end(cascade, "pipeline", State.RELEASED))

    assert (first.about, first.command) == ("store", "interlock cascade unhold store")
    assert "test_enum is red" in first.says
    assert goes_on.command == "interlock cascade resume core-1.2.11"
    assert fix.command == "interlock cascade core"
    assert yank.says.endswith("pipeline 1.2.11, core 1.2.11")
    assert yank.command is None


def test_nothing_is_taken_back_where_nothing_was_released() -> None:
    failed = end(a_cascade(FAMILY), "core", State.FAILED, "boom")
    assert [each.command for each in advice(failed)] == [None, "interlock cascade resume core-1.2.11"]
    assert "boom" in advice(failed)[0].says


def test_an_aborted_cascade_goes_on_when_it_is_resumed() -> None:
    cascade = aborted(end(a_cascade(FAMILY), "core", State.RELEASED), NOON)
    assert [each.command for each in advice(cascade)] == ["interlock cascade resume core-1.2.11"]


def test_who_holds_a_package_lets_it_go() -> None:
    cascade = held(a_cascade(FAMILY), "store", "not on a Friday", NOON)
    assert "a person holds it (not on a Friday)" in advice(cascade)[0].says
    assert advice(cascade)[0].command == "interlock cascade unhold store"


# ---- what can't be installed together ----------------------------------------------------------------------------


def broken(cascade: Cascade, package: str) -> Cascade:
    """The package is out, and since then what is out can't be installed together."""
    cascade = end(cascade, package, State.RELEASED, "a needs b<2")
    return settled(cascade.with_progress(cascade.progress[package].model_copy(update={"breaks": True})), NOON)


def test_what_breaks_the_family_holds_everybody_else_and_one_word_lets_all_of_them_go() -> None:
    cascade = end(a_cascade(FAMILY), "core", State.RELEASED)
    before = end(cascade, "store", State.RELEASED)
    cascade = broken(cascade, "store")

    others = [cascade.progress[name] for name in ("pipeline", "tip", "infra")]
    assert {(each.state, each.held_by) for each in others} == {(State.HELD, HeldBy.UPSTREAM)}
    assert {each.reason for each in others} == {"store 1.2.11 is out: a needs b<2"}
    assert (cascade.outcome, ready(cascade)) == (Outcome.HELD, ())
    with pytest.raises(UsageError, match=r"store 1\.2\.11 is out") as caught:
        unheld(cascade, "pipeline", NOON)
    assert caught.value.hint == "begin with store"
    assert [(each.about, each.command) for each in advice(cascade)][:2] == [
        ("store", "interlock cascade unhold store"),
        ("core-1.2.11", "interlock cascade resume core-1.2.11"),
    ]

    let_go = unheld(cascade, "store", NOON)
    assert ready(let_go) == ready(before) == ("pipeline",)
    assert states(let_go)["tip"] == states(before)["tip"] == "waiting"
    assert let_go.progress["store"].accepted


def test_who_is_being_released_while_the_family_breaks_ends_its_release() -> None:
    cascade = end(end(a_cascade(FAMILY), "core", State.RELEASED), "pipeline", State.RELEASING)
    cascade = broken(cascade, "store")
    assert (states(cascade)["pipeline"], states(cascade)["tip"]) == ("releasing", "held")


def test_a_later_version_that_mends_the_family_takes_the_place_of_what_broke_it() -> None:
    cascade = broken(end(a_cascade(FAMILY), "core", State.RELEASED), "store")
    fixed = end(repaired(cascade, "store", Version("1.2.12"), NOON), "pipeline", State.RELEASED)
    assert ready(fixed) == ("tip",)
    assert fixed.pins("tip") == {"store": Version("1.2.12"), "pipeline": NEW}
    assert fixed.progress["store"].reason == "1.2.12 mended what 1.2.11 broke"


def test_a_cascade_whose_last_release_breaks_the_family_is_not_done() -> None:
    cascade = end(a_cascade({"core": "", "store": "core"}), "core", State.RELEASED)
    assert broken(cascade, "store").outcome is Outcome.HELD
    assert unheld(broken(cascade, "store"), "store", NOON).outcome is Outcome.DONE


# ---- any cascade, any sequence -----------------------------------------------------------------------------------


class Walk(RuleBasedStateMachine):
    """Whatever packages and people do, in any order, every rule of a cascade holds, and it comes to an end."""

    cascade: Cascade
    before: Cascade

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        after: dict[str, str] = {"core": ""}
        for number in range(data.draw(st.integers(0, 8))):
            upstreams = data.draw(st.lists(st.sampled_from(list(after)), min_size=1, max_size=3, unique=True))
            after[f"p{number}"] = " ".join(sorted(upstreams))
        self.cascade = self.before = a_cascade(after)

    def go(self, cascade: Cascade) -> None:
        self.before, self.cascade = self.cascade, settled(cascade, LATER)

    @precondition(lambda self: bool(ready(self.cascade)))
    @rule(data=st.data())
    def starts(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(ready(self.cascade)))
        state = data.draw(st.sampled_from([State.TESTING, State.RELEASING]))
        self.go(self.cascade.with_progress(moved(self.cascade.progress[name], state, "", LATER)))

    @precondition(lambda self: bool(under_way(self.cascade)))
    @rule(data=st.data())
    def goes_on(self, data: st.DataObject) -> None:
        progress = self.cascade.progress[data.draw(st.sampled_from(under_way(self.cascade)))]
        state = data.draw(st.sampled_from(sorted(TRANSITIONS[progress.state])))
        self.go(self.cascade.with_progress(moved(progress, state, "why", LATER, version=NEW)))

    @rule(data=st.data())
    def is_held(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(list(self.cascade.progress)))
        late = {State.RELEASING, State.RELEASED, State.UNCHANGED}
        if self.cascade.state(name) not in late:
            self.go(held(self.cascade, name, "a person", LATER))
            assert self.cascade.state(name).blocks

    @rule(data=st.data())
    def is_let_go(self, data: st.DataObject) -> None:
        own = [name for name, each in self.cascade.progress.items() if each.held_by is HeldBy.ITSELF]
        if candidates := sorted({*own, *self.cascade.holds}):
            self.go(unheld(self.cascade, data.draw(st.sampled_from(candidates)), LATER))

    @precondition(lambda self: bool(self.cascade.released()))
    @rule(data=st.data())
    def breaks_the_family(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.cascade.released())))
        breaking = self.cascade.progress[name].model_copy(update={"breaks": True, "reason": "why"})
        self.go(self.cascade.with_progress(breaking))
        assert not ready(self.cascade)

    @precondition(lambda self: bool(self.cascade.breakers()))
    @rule(data=st.data())
    def is_accepted(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from([each.package for each in self.cascade.breakers()]))
        self.go(unheld(self.cascade, name, LATER))

    @rule()
    def is_aborted(self) -> None:
        self.go(aborted(self.cascade, LATER))
        assert not ready(self.cascade)

    @rule()
    def is_resumed(self) -> None:
        self.go(resumed(self.cascade, LATER))

    @invariant()
    def every_move_is_in_the_table(self) -> None:
        for name, now in self.cascade.progress.items():
            state = self.before.state(name)
            by_the_way = {further for each in TRANSITIONS[state] for further in TRANSITIONS[each]}
            further = {end for each in by_the_way for end in TRANSITIONS[each]}
            assert now.state in {state, *TRANSITIONS[state], *by_the_way, *further}

    @invariant()
    def what_is_released_stays_so(self) -> None:
        assert self.before.released().items() <= self.cascade.released().items()

    @invariant()
    def nothing_follows_any_more(self) -> None:
        assert settle(self.cascade, LATER + timedelta(hours=1)) == ()

    @invariant()
    def nobody_is_begun_on_top_of_what_is_held_or_not_there(self) -> None:
        for planned in self.cascade.plan.packages:
            if planned.package in ready(self.cascade):
                ends = [self.cascade.state(upstream) for upstream in planned.after]
                assert all(state in {State.RELEASED, State.UNCHANGED} for state in ends)
                assert not ends or State.RELEASED in ends

    @invariant()
    def a_hold_names_what_holds(self) -> None:
        for each in self.cascade.progress.values():
            assert (each.state is State.HELD) == (each.held_by is not None)
            if each.held_by is HeldBy.UPSTREAM:
                assert "why" in each.reason or "person" in each.reason or "aborted" in each.reason

    @invariant()
    def it_comes_to_an_end_when_everybody_goes_on(self) -> None:
        cascade = self.cascade
        for _ in range(len(cascade.progress) + 1):
            for name in (*under_way(cascade), *ready(cascade)):
                if cascade.state(name) is not State.RELEASING:
                    cascade = end(cascade, name, State.RELEASING)
                cascade = cascade.with_progress(moved(cascade.progress[name], State.RELEASED, "", LATER))
            cascade = settled(cascade, LATER)
        assert cascade.is_over
        assert cascade.outcome is not Outcome.RUNNING


TestWalk = Walk.TestCase
TestWalk.settings = settings(stateful_step_count=25)
