"""Yes takes evidence, red says no, and nothing that is missing ever makes an answer better."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.contracts.admission.decide import decide, say
from interlock.contracts.admission.models import Answer, Evidence, Shown
from interlock.model.suites import UNPROVEN
from interlock.model.verdicts import Verdict
from tests.support.admission_values import NOON, a_cell, shown

RED = (Verdict.INCOMPATIBLE, Verdict.TIMED_OUT, Verdict.UNRESOLVABLE)
RANK = {Answer.NO: 0, Answer.UNKNOWN: 1, Answer.YES: 2}

TESTS = st.dictionaries(st.sampled_from(["a.py::x", "a.py::y", "b.py", "b.py::z"]), st.none() | st.just("E"))
SHOWN = st.builds(Shown, verdict=st.sampled_from(Verdict), at=st.just(NOON), red=TESTS)


EVIDENCE = st.builds(
    Evidence,
    cell=st.integers(0, 9).map(a_cell),
    known=st.none() | SHOWN,
    before=st.none() | SHOWN,
    allowed_to_fail=st.none() | st.just("new"),
)


def answer(*evidence: Evidence) -> Answer:
    return decide(map(say, evidence))


def of(known: Shown | None, before: Shown | None = None, allowed: str | None = None) -> Evidence:
    return Evidence(cell=a_cell(), known=known, before=before, allowed_to_fail=allowed)


GREEN = of(shown(Verdict.COMPATIBLE))


@given(st.lists(EVIDENCE))
def test_yes_takes_something_that_was_seen_to_work(evidence: list[Evidence]) -> None:
    if answer(*evidence) is Answer.YES:
        assert any(each.known and each.known.verdict is Verdict.COMPATIBLE for each in evidence)


@given(st.lists(EVIDENCE), st.integers(0, 20))
def test_losing_evidence_never_makes_a_yes(evidence: list[Evidence], number: int) -> None:
    if not evidence:
        return
    before = answer(*evidence)
    lost = [
        each.model_copy(update={"known": None}) if at == number % len(evidence) else each
        for at, each in enumerate(evidence)
    ]
    assert answer(*lost) is not Answer.YES or before is Answer.YES
    counted = [each for each in lost if each.allowed_to_fail is None]
    assert answer(*lost) is not Answer.YES or all(each.known for each in counted)


@given(st.lists(EVIDENCE), EVIDENCE)
def test_another_cell_that_is_red_never_makes_an_answer_better(evidence: list[Evidence], other: Evidence) -> None:
    if other.known and other.known.verdict is not Verdict.COMPATIBLE:
        assert RANK[answer(*evidence, other)] <= RANK[answer(*evidence)]


@given(st.lists(EVIDENCE, min_size=1), st.data())
def test_what_turns_red_never_makes_an_answer_better(evidence: list[Evidence], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(evidence) - 1))
    if (known := evidence[at].known) is None or known.verdict is not Verdict.COMPATIBLE:
        return
    worse = data.draw(SHOWN.filter(lambda each: each.verdict is not Verdict.COMPATIBLE))
    turned = [*evidence[:at], evidence[at].model_copy(update={"known": worse}), *evidence[at + 1 :]]
    assert RANK[answer(*turned)] <= RANK[answer(*evidence)]


@given(SHOWN, TESTS)
def test_more_red_tests_never_turn_a_no_into_anything_else(before: Shown, more: dict[str, str | None]) -> None:
    known = shown(Verdict.INCOMPATIBLE, "a.py::x")
    if say(of(known, before)).says is Answer.NO:
        redder = known.model_copy(update={"red": {**known.red, **more}})
        assert say(of(redder, before)).says is Answer.NO


def test_no_evidence_is_unknown() -> None:
    assert answer() is Answer.UNKNOWN
    assert answer(of(None)) is Answer.UNKNOWN
    assert answer(GREEN, of(None)) is Answer.UNKNOWN
    assert answer(of(shown(Verdict.INCOMPATIBLE, "x"), allowed="new")) is Answer.UNKNOWN


@pytest.mark.parametrize("verdict", RED)
@pytest.mark.parametrize("before", [None, shown(Verdict.COMPATIBLE), shown(Verdict.FLAKY), shown(Verdict.UNTESTED)])
def test_red_is_no_when_the_last_release_was_not_seen_to_be_red(verdict: Verdict, before: Shown | None) -> None:
    assert answer(GREEN, of(shown(verdict, "x"), before)) is Answer.NO


@pytest.mark.parametrize(
    ("known", "before"),
    [
        (shown(Verdict.INCOMPATIBLE, "a", "b"), shown(Verdict.INCOMPATIBLE, "b", "a", "c")),
        (shown(Verdict.INCOMPATIBLE, "a"), shown(Verdict.BROKEN_BEFORE, "a")),
        (shown(Verdict.BROKEN_BEFORE, "a"), shown(Verdict.BROKEN_BEFORE, "a")),
        (shown(Verdict.BROKEN_BEFORE), shown(Verdict.BROKEN_BEFORE)),
        (shown(Verdict.INCOMPATIBLE, "t.py::a"), shown(Verdict.INCOMPATIBLE, "t.py")),
        (shown(Verdict.TIMED_OUT), shown(Verdict.TIMED_OUT)),
        (shown(Verdict.UNRESOLVABLE), shown(Verdict.UNRESOLVABLE)),
    ],
)
def test_what_was_red_in_the_same_way_says_nothing(known: Shown, before: Shown) -> None:
    assert say(of(known, before)).says is None
    assert answer(GREEN, of(known, before)) is Answer.YES
    assert answer(of(known, before)) is Answer.UNKNOWN


@pytest.mark.parametrize(
    ("known", "before"),
    [
        (shown(Verdict.INCOMPATIBLE, "a", "b"), shown(Verdict.INCOMPATIBLE, "a")),
        (shown(Verdict.INCOMPATIBLE), shown(Verdict.INCOMPATIBLE)),
        (shown(Verdict.TIMED_OUT), shown(Verdict.UNRESOLVABLE)),
        (shown(Verdict.INCOMPATIBLE, "a"), shown(Verdict.TIMED_OUT)),
        (shown(Verdict.BROKEN_BEFORE, "a", "b"), shown(Verdict.INCOMPATIBLE, "a")),
        (shown(Verdict.BROKEN_BEFORE, "a"), shown(Verdict.COMPATIBLE)),
    ],
)
def test_what_is_red_in_another_way_is_no(known: Shown, before: Shown) -> None:
    assert answer(GREEN, of(known, before)) is Answer.NO


def test_a_run_that_ended_in_a_test_that_was_red_does_not_show_what_comes_after_it() -> None:
    red = shown(Verdict.INCOMPATIBLE, "a")
    crashed = red.model_copy(update={"crashed": frozenset("a")})
    assert answer(GREEN, of(crashed, red)) is Answer.NO
    assert answer(GREEN, of(crashed, crashed)) is Answer.YES
    assert answer(GREEN, of(red, crashed)) is Answer.YES


def test_red_beside_something_else_than_the_last_release_is_not_known_to_be_old() -> None:
    assert answer(GREEN, of(shown(Verdict.BROKEN_BEFORE, "a"))) is Answer.UNKNOWN
    assert answer(GREEN, of(shown(Verdict.BROKEN_BEFORE, "a"), shown(Verdict.FLAKY))) is Answer.UNKNOWN


@pytest.mark.parametrize("verdict", [Verdict.FLAKY, Verdict.UNTESTED])
def test_what_shows_nothing_is_unknown(verdict: Verdict) -> None:
    assert answer(GREEN, of(shown(verdict, "x"))) is Answer.UNKNOWN


def test_what_is_allowed_to_fail_does_not_count() -> None:
    assert answer(GREEN, of(shown(Verdict.INCOMPATIBLE, "x"), allowed="new")) is Answer.YES
    assert answer(GREEN, of(None, allowed="new")) is Answer.YES


def test_no_is_stronger_than_unknown() -> None:
    assert answer(of(None), GREEN, of(shown(Verdict.TIMED_OUT))) is Answer.NO


def test_exit_codes() -> None:
    assert [each.exit_code for each in (Answer.YES, Answer.NO, Answer.UNKNOWN)] == [0, 1, 2]


@pytest.mark.parametrize("verdict", [None, *Verdict])
def test_a_downstream_without_a_suite_is_never_a_yes(verdict: Verdict | None) -> None:
    cell = a_cell().model_copy(update={"suite": UNPROVEN.name})
    said = say(Evidence(cell=cell, known=shown(verdict) if verdict else None))
    assert said.says is not Answer.YES
    assert said.says is (Answer.NO if verdict in RED else Answer.UNKNOWN)
    if verdict in {None, Verdict.COMPATIBLE, Verdict.UNTESTED}:
        assert said.why.startswith("unproven: no suite")
    assert decide([say(GREEN), said]) is said.says
