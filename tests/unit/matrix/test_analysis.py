"""Whose fault a red cell is: the row says it, and the steps along the edge name two versions."""

import itertools
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.matrix.analysis import Judged, judge_row, ranges, regressions
from interlock.matrix.report import Regression, VersionRange
from interlock.model.verdicts import Run, RunStatus, TestOutcome, Verdict
from tests.support.matrix_values import a_run, a_test, failed, passed

OK, BAD, OWN, OUTDATED = Verdict.COMPATIBLE, Verdict.INCOMPATIBLE, Verdict.BROKEN_BEFORE, Verdict.OUTDATED
UNTESTED, UNRESOLVABLE, LATE, FLAKY = Verdict.UNTESTED, Verdict.UNRESOLVABLE, Verdict.TIMED_OUT, Verdict.FLAKY

untested = a_run(RunStatus.UNTESTED, reason="there is no test")
unresolvable = a_run(RunStatus.UNRESOLVABLE, reason="no version of x fits")
timed_out = a_run(RunStatus.TIMED_OUT, reason="not finished after 5 s")
uncollected = failed("tests/a.py", green=["tests/b.py::test"])
collected = passed("tests/a.py::test", "tests/b.py::test")
unloaded = a_run(RunStatus.FAILED).model_copy(update={"tests": (a_test("(the suite)", TestOutcome.ERROR),)})
crashed = failed().model_copy(update={"tests": (a_test("t", TestOutcome.CRASHED),)})
ends_badly = failed(green=["t"]).model_copy(
    update={"tests": (a_test("t"), a_test("(the end of the suite)", TestOutcome.ERROR))}
)
cut_off = a_run(RunStatus.FAILED).model_copy(update={"tests": (a_test("tests/b.py", TestOutcome.ERROR),)})


def lacking(*modules: str, red: Sequence[str] = (), green: Sequence[str] = ("pipe.a",)) -> Run:
    """A run in which modules need an extra."""
    run = failed(*red, green=green)
    return run.model_copy(update={"tests": (*run.tests, *(a_test(name, TestOutcome.NEEDS_EXTRA) for name in modules))})


def single(*runs: Run) -> list[list[Run]]:
    return [[run] for run in runs]


def verdicts(*runs: Run) -> list[Verdict]:
    return [judged.verdict for judged in judge_row(single(*runs))]


ROWS = {
    "green everywhere": ([passed("t"), passed("t")], [OK, OK]),
    "red everywhere is the downstream's own": ([failed("t"), failed("t")], [OWN, OWN]),
    "red from a version on": ([passed("t"), failed("t"), failed("t")], [OK, BAD, BAD]),
    "red, then fixed": ([failed("t"), passed("t")], [BAD, OK]),
    "a module that needs an extra everywhere": ([lacking("m"), lacking("m")], [OK, OK]),
    "a module that needs an extra from a version on": ([passed("m"), lacking("m")], [OK, BAD]),
    "a module that needs an extra, and fails otherwise": ([lacking("m"), failed("m")], [OWN, OWN]),
    "a module that needs an extra in the only cell": ([lacking("m")], [BAD]),
    "a module that needs an extra, beside an own fault": (
        [lacking("m", red=["t"]), lacking("m", red=["t"])],
        [OWN, OWN],
    ),
    "a module that needs an extra, beside a break": ([lacking("m"), lacking("m", red=["pipe.a"], green=[])], [OK, BAD]),
    "another test red in each": ([failed("t", green=["u"]), failed("u", green=["t"])], [BAD, BAD]),
    "an own test, and one that regressed": ([failed("t"), failed("t", "u")], [OWN, BAD]),
    "a file that could not be collected in one": ([collected, uncollected], [OK, BAD]),
    "a file that could be collected in none": ([uncollected, uncollected], [OWN, OWN]),
    "red in one, skipped in the other": ([failed("t"), failed("u", skipped=["t"])], [BAD, BAD]),
    "red in one, skipped where the rest passed": ([failed("t"), a_run(skipped=["t"], green=["u"])], [BAD, OK]),
    "red wherever it was run, and one that never came to it": (
        [failed("tests/a.py::t"), cut_off, failed("tests/a.py::t")],
        [OWN, BAD, OWN],
    ),
    "red in one, and one that never came to it": ([failed("tests/a.py::t"), cut_off], [BAD, BAD]),
    "red in some, and not there in one that came to its end": (
        [failed("a.py::t", "a.py::u"), failed("a.py::t", "a.py::u"), failed("a.py::t")],
        [BAD, BAD, OWN],
    ),
    "a suite that could not be loaded, and an own fault where it could": (
        [
            failed("tests/a.py", green=["tests/b.py::t"]),
            failed("tests/a.py", green=["tests/b.py::t"]),
            unloaded,
            unloaded,
        ],
        [OWN, OWN, BAD, BAD],
    ),
    "a suite that could not be loaded, and one that ended badly": ([ends_badly, ends_badly, unloaded], [OWN, OWN, BAD]),
    "an own fault, and a crash there that hides the rest": (
        [failed("t"), failed("t"), crashed],
        [OWN, OWN, BAD],
    ),
    "a crash in the same test everywhere": ([crashed, crashed], [OWN, OWN]),
    "an own fault, and a bad end": (
        [failed("t"), failed("t", "(the end of the suite)")],
        [OWN, BAD],
    ),
    "red in the only one that got that far": ([failed("tests/a.py::t"), unloaded], [BAD, BAD]),
    "one upstream version has no neighbour": ([failed("t")], [BAD]),
    "one that was tested, and one that could not be": ([failed("t"), unresolvable], [BAD, UNRESOLVABLE]),
    "untested says nothing for its neighbours": ([untested, failed("t"), failed("t")], [UNTESTED, OWN, OWN]),
    "untested everywhere": ([untested, untested], [UNTESTED, UNTESTED]),
    "unresolvable somewhere": ([passed("t"), unresolvable], [OK, UNRESOLVABLE]),
    "timed out somewhere": ([timed_out, passed("t")], [LATE, OK]),
}


@pytest.mark.parametrize(("row", "expected"), ROWS.values(), ids=ROWS.keys())
def test_verdicts_of_a_row(row: list[Run], expected: list[Verdict]) -> None:
    assert verdicts(*row) == expected


@pytest.mark.parametrize(
    ("control", "expected"), [(lacking("m"), OK), (passed("m"), BAD), (failed("m"), OWN), (untested, BAD)]
)
def test_a_module_that_needs_an_extra_is_set_aside_if_other_versions_show_the_same(
    control: Run, expected: Verdict
) -> None:
    (judged,) = judge_row(single(lacking("m")))
    assert judged.is_open
    (judged,) = judge_row(single(lacking("m")), single(control))
    assert judged.verdict is expected


def test_red_everywhere_names_its_tests_as_own_and_blames_nobody_else() -> None:
    for judged in judge_row(single(failed("t", "u"), failed("t", "u"))):
        assert judged == Judged(verdict=OWN, own_fault=True, own=("t", "u"))


def test_own_and_regressed_tests_of_one_cell_are_told_apart() -> None:
    own, both = judge_row(single(failed("t"), failed("u", "t")))
    assert own == Judged(verdict=OWN, own_fault=True, own=("t",))
    assert both == Judged(verdict=BAD, own_fault=False, regressed=("u",), own=("t",), uncompared=("u",))


@pytest.mark.parametrize("run", [unresolvable, timed_out], ids=lambda run: run.status.value)
class TestAWholeCell:
    def test_that_fails_everywhere_is_own_fault(self, run: Run) -> None:
        assert [judged.own_fault for judged in judge_row(single(run, run))] == [True, True]

    def test_that_fails_everywhere_but_where_nothing_was_tested_is_own_fault(self, run: Run) -> None:
        assert [judged.own_fault for judged in judge_row(single(untested, run, run))] == [False, True, True]

    def test_that_fails_somewhere_is_nobodys_own(self, run: Run) -> None:
        assert not any(judged.own_fault for judged in judge_row(single(run, passed("t"))))

    def test_with_one_upstream_version_has_nothing_to_be_compared_with(self, run: Run) -> None:
        assert not judge_row(single(run))[0].own_fault
        assert not judge_row(single(run, untested))[0].own_fault


def test_untested_everywhere_is_nobodys_fault() -> None:
    assert judge_row(single(untested, untested)) == (Judged(verdict=UNTESTED),) * 2


def test_no_version_is_blamed_for_two_ways_of_failing_as_a_whole() -> None:
    assert [judged.own_fault for judged in judge_row(single(unresolvable, timed_out))] == [False, False]


@pytest.mark.parametrize(
    "runs",
    [
        (passed("t"), failed("t")),
        (failed("t"), passed("t")),
        (failed("t"), failed("u")),
        (passed("t"), failed("t"), passed("t")),
        (passed("t"), timed_out),
    ],
)
def test_runs_that_disagree_are_flaky(runs: Sequence[Run]) -> None:
    (judged,) = judge_row([runs])
    assert judged.verdict is FLAKY
    assert not judged.own_fault


def test_runs_that_agree_are_not_flaky() -> None:
    assert judge_row([[failed("t"), failed("t")], [passed("t")]])[0].verdict is BAD


def test_a_flaky_cell_names_what_was_red_in_any_run_and_is_not_own() -> None:
    flaky, _red, _red_too = judge_row([[failed("t", "u"), failed("t")], [failed("t")], [failed("t")]])
    assert flaky == Judged(verdict=FLAKY, regressed=("u",))


# ---- controls ---------------------------------------------------------------------------------------------------


def with_controls(*controls: Run, row: Sequence[Run] = (failed("t"), failed("t"))) -> Judged:
    return judge_row(single(*row), single(*controls))[0]


@pytest.mark.parametrize(
    "controls",
    [
        (failed("t"),),
        (failed("t"), unresolvable),
        (unloaded, failed("t")),
        (failed("t", "u"), timed_out),
    ],
)
def test_red_with_controls_too_is_own(controls: Sequence[Run]) -> None:
    assert with_controls(*controls) == Judged(verdict=OWN, own_fault=True, own=("t",))


@pytest.mark.parametrize(
    "controls",
    [
        (untested,),
        (failed("t"), untested),
        (unresolvable,),
        (unloaded,),
        (failed("u", skipped=["t"]), failed("t")),
    ],
)
def test_without_a_control_that_tells_it_is_not_known_whose_fault_it_is(controls: Sequence[Run]) -> None:
    assert with_controls(*controls) == Judged(verdict=BAD, regressed=("t",), uncompared=("t",))


def test_a_green_control_makes_the_whole_table_the_upstreams_fault() -> None:
    assert with_controls(failed("t"), passed("t")) == Judged(verdict=BAD, regressed=("t",))


def test_a_test_that_passed_before_the_time_was_up_is_not_own() -> None:
    late = timed_out.model_copy(update={"tests": (a_test("t"),)})
    assert with_controls(failed("t"), late).verdict is BAD
    assert verdicts(failed("t"), failed("t"), late) == [BAD, BAD, LATE]


def test_a_flaky_control_tells_nothing() -> None:
    (judged, _) = judge_row(single(failed("t"), failed("t")), [[failed("t")], [failed("t"), passed("t")]])
    assert judged.uncompared == ("t",)


def test_one_cell_and_a_control_are_two_versions() -> None:
    assert with_controls(failed("t"), row=[failed("t")]).verdict is OWN
    assert with_controls(passed("t"), row=[failed("t")]) == Judged(verdict=BAD, regressed=("t",))


def test_controls_judge_one_test_of_a_row_with_other_differences() -> None:
    row = [failed("t", "u"), failed("t", green=["u"])]
    assert with_controls(failed("t"), row=row) == Judged(verdict=BAD, regressed=("u",), own=("t",))
    assert with_controls(passed("t"), row=row) == Judged(verdict=BAD, regressed=("t", "u"))


@pytest.mark.parametrize("run", [unresolvable, timed_out], ids=lambda run: run.status.value)
def test_a_row_that_fails_as_a_whole_is_own_only_if_its_controls_do(run: Run) -> None:
    assert with_controls(run, row=[run, run]).own_fault
    for other in (passed("t"), failed("t"), untested):
        assert not with_controls(run, other, row=[run, run]).own_fault


@pytest.mark.parametrize(
    ("dated", "verdict"), [(passed("t"), OUTDATED), (failed("t"), OWN), (unresolvable, OWN), (unloaded, OWN)]
)
def test_an_own_fault_that_is_green_with_the_packages_of_its_time_is_outdated(dated: Run, verdict: Verdict) -> None:
    (judged, _) = judge_row(single(failed("t"), failed("t")), single(failed("t")), [dated])
    assert judged == Judged(verdict=verdict, own_fault=True, own=("t",))


def test_a_cell_is_outdated_only_if_all_of_it_is() -> None:
    row = single(failed("t", "u"), failed("t", "u"), failed("t", "u", "v"))
    assert [each.verdict for each in judge_row(row, (), [failed("u", green=["t"])])] == [OWN, OWN, BAD]
    assert [each.verdict for each in judge_row(row, (), [failed("v", green=["t", "u"])])] == [OUTDATED, OUTDATED, BAD]


def test_a_suite_that_loads_with_the_packages_of_its_time_only_is_outdated() -> None:
    (judged, _) = judge_row(single(unloaded, unloaded), (), [failed("tests/a.py::t")])
    assert judged.verdict is OUTDATED


# ---- steps along the edge ---------------------------------------------------------------------------------------

VERSIONS = ("1.0", "1.1", "1.2", "1.3")


def steps(*rows: Sequence[Run], versions: Sequence[str] = VERSIONS) -> list[tuple[str | None, str, str]]:
    return [(found.test, found.good, found.bad) for found in found_in(*rows, versions=versions)]


def found_in(*rows: Sequence[Run], versions: Sequence[str] = VERSIONS) -> tuple[Regression, ...]:
    names = [f"2.{number}" for number in range(len(rows))]
    return regressions(versions, {name: judged(versions, single(*row)) for name, row in zip(names, rows, strict=True)})


def judged(
    versions: Sequence[str], row: Sequence[Sequence[Run]]
) -> tuple[tuple[Judged, ...], dict[str, Sequence[Run]]]:
    return judge_row(row), dict(zip(versions, row, strict=False))


def test_a_regression_lies_between_two_neighbours() -> None:
    assert steps([passed("t"), passed("t"), failed("t"), failed("t")]) == [("t", "1.1", "1.2")]


def test_what_was_fixed_names_the_newer_version_as_good() -> None:
    assert steps([failed("t"), passed("t")]) == [("t", "1.1", "1.0")]


def test_broken_and_fixed_again_are_two_steps() -> None:
    assert steps([passed("t"), failed("t"), passed("t")]) == [("t", "1.0", "1.1"), ("t", "1.2", "1.1")]


def test_an_own_test_is_no_regression() -> None:
    assert steps([failed("t"), failed("t", "u", green=[])]) == []
    assert steps([failed("t", green=["u"]), failed("t", "u")]) == [("u", "1.0", "1.1")]


def test_the_error_is_that_of_the_bad_side() -> None:
    (found,) = found_in([failed("t"), passed("t")])
    assert found.error == "AssertionError: t"


def test_a_file_that_could_not_be_collected_regressed_where_its_tests_last_ran() -> None:
    assert steps([collected, uncollected]) == [("tests/a.py", "1.0", "1.1")]
    assert steps([failed("tests/a.py::test"), uncollected]) == [("tests/a.py", "1.0", "1.1")]


def test_a_suite_that_could_not_be_loaded_regressed_where_it_last_could() -> None:
    red = failed("tests/a.py", green=["tests/b.py::t"])
    assert steps([red, red, unloaded, unloaded]) == [("(the suite)", "1.1", "1.2")]
    assert steps([failed("tests/a.py::t"), unloaded]) == [("(the suite)", "1.0", "1.1")]
    assert steps([unloaded, uncollected]) == [("(the suite)", "1.1", "1.0")]


def test_a_step_may_lead_from_a_control_to_the_table_and_not_to_a_control() -> None:
    row = single(failed("t"), failed("t"))
    runs = dict(zip(VERSIONS, [[failed("t")], [passed("t")], *row], strict=True))
    (found,) = regressions(VERSIONS[2:], {"2.0": (judge_row(row, list(runs.values())[:2]), runs)})
    assert (found.good, found.bad) == ("1.1", "1.2")


def test_a_file_of_a_longer_name_is_another_file() -> None:
    other = failed("x", green=["tests/a.py2::test"])
    assert ("tests/a.py", "1.0", "1.1") not in steps([other, uncollected])


@pytest.mark.parametrize(
    "silent", [untested, unresolvable, timed_out, failed("u", skipped=["t"]), failed("u")], ids=lambda run: run.reason
)
def test_a_cell_that_says_nothing_of_a_test_is_stepped_over(silent: Run) -> None:
    assert ("t", "1.0", "1.2") in steps([passed("t", "u"), silent, failed("t", "u")])


def test_a_cell_whose_runs_disagree_says_nothing_of_any_test() -> None:
    row = [[passed("t")], [passed("t"), failed("t")], [failed("t")], [passed("t"), failed("t")]]
    found = regressions(VERSIONS, {"2.0": judged(VERSIONS, row)})
    assert [(each.test, each.good, each.bad) for each in found] == [("t", "1.0", "1.2")]


@pytest.mark.parametrize("run", [unresolvable, timed_out], ids=lambda run: run.status.value)
def test_a_pair_that_cannot_be_had_or_does_not_end_is_a_step_without_a_test(run: Run) -> None:
    (found,) = found_in([passed("t"), run])
    assert (found.test, found.error, found.good, found.bad) == (None, run.reason, "1.0", "1.1")
    assert steps([run, untested, passed("t")]) == [(None, "1.2", "1.0")]


def test_whole_cells_everywhere_are_no_step() -> None:
    assert steps([unresolvable, unresolvable]) == []
    assert steps([unresolvable, timed_out]) == []


def test_downstream_versions_with_the_same_step_are_told_as_ranges() -> None:
    breaks, works = [passed("t"), failed("t")], [passed("t"), passed("t")]
    (found,) = found_in(breaks, breaks, works, breaks)
    assert found.downstream == (VersionRange(first="2.0", last="2.1"), VersionRange(first="2.3", last="2.3"))


def test_another_error_is_another_step() -> None:
    other = Run.model_validate(
        failed("t").model_dump() | {"tests": [{"id": "t", "outcome": "error", "error": "NameError"}]}
    )
    found = found_in([passed("t"), failed("t")], [passed("t"), other])
    assert [each.error for each in found] == ["AssertionError: t", "NameError"]


def test_red_without_a_message_says_so() -> None:
    silent = Run.model_validate(failed().model_dump() | {"tests": [{"id": "t", "outcome": "failed"}]})
    assert [each.error for each in found_in([passed("t"), silent])] == ["no message"]


# ---- what holds for every row -----------------------------------------------------------------------------------

TESTS = ("a", "b", "c")
OUTCOMES = st.sampled_from([TestOutcome.PASSED, TestOutcome.FAILED, TestOutcome.ERROR, TestOutcome.SKIPPED, None])


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """Any run that a suite may have: its status follows from its tests."""
    status = draw(st.sampled_from([RunStatus.PASSED, *RunStatus]))
    if status not in {RunStatus.PASSED, RunStatus.FAILED}:
        return a_run(status, reason="a reason")
    drawn = {name: draw(OUTCOMES) for name in TESTS}
    tests = tuple(a_test(name, outcome) for name, outcome in drawn.items() if outcome)
    red = any(test.outcome.is_red for test in tests)
    run = a_run(RunStatus.FAILED if red else RunStatus.PASSED)
    return run.model_copy(update={"tests": tests})


ONE_RUN_EACH = st.lists(st.lists(runs(), min_size=1, max_size=1), min_size=1, max_size=6)
CELLS = st.lists(st.lists(runs(), min_size=1, max_size=3), min_size=1, max_size=6)


def is_told(run: Run) -> bool:
    return run.status in {RunStatus.PASSED, RunStatus.FAILED}


def red(run: Run) -> set[str]:
    return {test.id for test in run.red_tests}


@given(ONE_RUN_EACH)
def test_a_test_is_own_if_and_only_if_it_is_red_in_every_tested_cell_of_two_or_more(row: list[list[Run]]) -> None:
    told = [red(run) for (run,) in row if is_told(run)]
    own = set.intersection(*told) if len(told) > 1 else set()
    for (run,), judged in zip(row, judge_row(row), strict=True):
        assert set(judged.own) == (own if is_told(run) else set())
        assert set(judged.regressed) == (red(run) - own if is_told(run) else set())


@given(ONE_RUN_EACH, ONE_RUN_EACH)
def test_a_control_only_ever_takes_from_what_is_own(row: list[list[Run]], controls: list[list[Run]]) -> None:
    alone = judge_row([*row, *controls])[: len(row)]
    for cell, together in zip(judge_row(row, controls), alone, strict=True):
        assert set(cell.own) <= set(together.own)
        assert cell.own_fault <= together.own_fault
        shown = [run for (run,) in controls if is_told(run)]
        assert all(any(test in red(run) for run in shown) for test in cell.own)


@given(ONE_RUN_EACH, ONE_RUN_EACH)
def test_uncompared_is_what_no_run_shows_green(row: list[list[Run]], controls: list[list[Run]]) -> None:
    told = [run for (run,) in [*row, *controls] if is_told(run)]
    green = {test for test in TESTS if any(is_green(test, run) for run in told)}
    for cell in judge_row(row, controls):
        assert set(cell.uncompared) == set(cell.regressed) - green


def is_green(test: str, run: Run) -> bool:
    outcomes = {each.id: each.outcome for each in run.tests}
    return run.status is RunStatus.PASSED or outcomes.get(test) is TestOutcome.PASSED


@given(CELLS, st.randoms())
def test_the_order_of_the_versions_does_not_change_a_verdict(row: list[list[Run]], random: Random) -> None:
    order = list(range(len(row)))
    random.shuffle(order)
    verdicts = judge_row(row)
    assert judge_row([row[place] for place in order]) == tuple(verdicts[place] for place in order)


@given(CELLS)
def test_compatible_is_what_passed_in_all_runs_and_nothing_else(row: list[list[Run]]) -> None:
    for cell, judged in zip(row, judge_row(row), strict=True):
        assert (judged.verdict is OK) == all(run.status is RunStatus.PASSED for run in cell)


@given(ONE_RUN_EACH)
def test_a_regression_names_two_versions_with_nothing_told_between_them(row: list[list[Run]]) -> None:
    versions = [str(number) for number in range(len(row))]
    last = [cell[-1] for cell in row]
    for found in regressions(versions, {"2.0": judged(versions, row)}):
        first, second = sorted((int(found.good), int(found.bad)))
        assert first < second
        between = last[first + 1 : second]
        if found.test is None:
            assert {last[int(found.bad)].status} <= {RunStatus.UNRESOLVABLE, RunStatus.TIMED_OUT}
            assert all(run.status is RunStatus.UNTESTED for run in between)
        else:
            assert found.test in red(last[int(found.bad)])
            assert found.test not in red(last[int(found.good)])
            assert all(run.status is not RunStatus.PASSED and found.test not in red(run) for run in between)


@given(ONE_RUN_EACH)
def test_no_regression_without_something_that_works(row: list[list[Run]]) -> None:
    if all(cell.own_fault or cell.verdict is UNTESTED for cell in judge_row(row)):
        versions = [str(number) for number in range(len(row))]
        assert regressions(versions, {"2.0": judged(versions, row)}) == ()


@given(st.lists(st.integers(0, 99), unique=True).map(sorted), st.sets(st.integers(0, 99)))
def test_ranges_expand_to_what_was_chosen(numbers: list[int], chosen: set[int]) -> None:
    versions = [str(number) for number in numbers]
    wanted = {str(number) for number in chosen}
    found = ranges(versions, wanted)
    expanded = [versions[versions.index(each.first) : versions.index(each.last) + 1] for each in found]
    assert [version for part in expanded for version in part] == [each for each in versions if each in wanted]
    assert all(versions.index(a.last) + 1 < versions.index(b.first) for a, b in itertools.pairwise(found))


def test_a_flaky_neighbour_does_not_make_an_own_fault_somebody_elses() -> None:
    first, _flaky, last = judge_row([[failed("t")], [failed("u"), failed("v")], [failed("t")]])
    assert first.verdict is last.verdict is Verdict.BROKEN_BEFORE
