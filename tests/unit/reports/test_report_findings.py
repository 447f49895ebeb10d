"""What is wrong, in words that are true of the table."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from interlock.matrix.report import Change, Control, MatrixReport, Regression, VersionRange
from interlock.model.verdicts import CellKey, Verdict
from interlock.reports.changes import changes
from interlock.reports.findings import others, outdated, own_faults, regressions
from tests.support.matrix_reports import (
    LOST_ERROR,
    OWN_ERROR,
    OWN_TEST,
    PIPELINE_TABLE,
    STARTED,
    Case,
    Table,
    make_report,
    make_run,
    pipeline_report,
)

COLUMNS = ("1.0", "1.1", "1.2", "1.3")
RED = Case(Verdict.INCOMPATIBLE, (("test_x", "KeyError: 'a'"),))


def strip(broken: set[int], good: str, bad: str, *, test: str | None = "test_x", case: Case = RED) -> MatrixReport:
    """One row in which some columns are red."""
    found = Regression(
        test=test, error="KeyError: 'a'", downstream=(VersionRange(first="2.0", last="2.0"),), good=good, bad=bad
    )
    return make_report(
        Table("store", ("2.0",), lambda _, column: case if column in broken else Case(), lambda _: "<1.2",
              columns=COLUMNS, regressions=(found,))
    )  # fmt: skip


@pytest.mark.parametrize(
    ("broken", "good", "bad", "when"),
    [
        ({2, 3}, "1.1", "1.2", "fails from market-data-core 1.2 on (passes with 1.1)"),
        ({0, 1}, "1.2", "1.1", "fails up to market-data-core 1.1 (passes with 1.2)"),
        ({1, 2}, "1.0", "1.1", "fails with market-data-core 1.1 – 1.2 (2) (passes with 1.0)"),
        ({1, 2}, "1.3", "1.2", "fails with market-data-core 1.1 – 1.2 (2) (passes with 1.3)"),
        ({3}, "1.2", "1.3", "fails from market-data-core 1.3 on (passes with 1.2)"),
    ],
)
def test_a_regression_says_from_where_to_where(broken: set[int], good: str, bad: str, when: str) -> None:
    (found,) = regressions(strip(broken, good, bad))
    assert found.when == when


def regression(good: str, bad: str, test: str | None = "test_x", error: str = "KeyError: 'a'") -> Regression:
    return Regression(test=test, error=error, downstream=(VersionRange(first="2.0", last="2.0"),), good=good, bad=bad)


def one_row(judge: Callable[[int, int], Case], *found: Regression) -> MatrixReport:
    return make_report(
        Table("store", ("2.0",), judge, lambda _: "<1.2", columns=COLUMNS, classes=(4, 1), regressions=found)
    )


@pytest.mark.parametrize(
    ("broken", "when"),
    [
        ({1}, "fails with market-data-core 1.1 only (passes with 1.0 and 1.2)"),
        ({1, 2}, "fails with market-data-core 1.1 – 1.2 (2) only (passes with 1.0 and 1.3)"),
    ],
)
def test_what_is_bad_between_good_ones_is_one_finding(broken: set[int], when: str) -> None:
    first, last = min(broken), max(broken)
    steps = regression(COLUMNS[first - 1], COLUMNS[first]), regression(COLUMNS[last + 1], COLUMNS[last])
    (found,) = regressions(one_row(lambda _, column: RED if column in broken else Case(), *steps))
    assert found.when == when


def test_rows_that_differ_only_in_their_controls_are_one_finding() -> None:
    rows = [
        regression(good, "1.0").model_copy(update={"downstream": (VersionRange(first=row, last=row),)})
        for row, good in (("2.0", "0.8"), ("2.1", "0.9"))
    ]
    table = Table("store", ("2.0", "2.1"), lambda *_: RED, lambda _: "", columns=COLUMNS, regressions=tuple(rows))
    (found,) = regressions(make_report(table))
    assert found.when == "fails from market-data-core 1.0 on (passes with 0.8 and 0.9)"
    assert found.whom == "store 2.0 – 2.1"


@pytest.mark.parametrize(
    ("good", "bad", "when"),
    [
        ("0.9", "1.0", "fails from market-data-core 1.0 on (passes with 0.9)"),
        ("2.0", "1.3", "fails up to market-data-core 1.3 (passes with 2.0)"),
    ],
)
def test_a_regression_may_lead_to_a_version_outside_of_the_table(good: str, bad: str, when: str) -> None:
    (found,) = regressions(one_row(lambda *_: RED, regression(good, bad)))
    assert found.when == when


def test_equal_errors_of_several_tests_are_one_line_with_their_number() -> None:
    reds = tuple((f"test_{name}", "KeyError" if name in "abc" else "ValueError") for name in "abcd")
    steps = [regression("1.1", "1.2", test, error) for test, error in reds]
    report = one_row(lambda _, column: Case(Verdict.INCOMPATIBLE, reds) if column > 1 else Case(), *steps)
    assert [(item.test, item.more) for item in regressions(report)] == [
        ("test_a", " (and 2 more tests)"),
        ("test_d", ""),
    ]
    own = own_faults(one_row(lambda *_: Case(Verdict.BROKEN_BEFORE, reds, own=True)))
    assert [(item.test, item.others) for item in own] == [("test_a", 2), ("test_d", 0)]


def test_what_is_red_with_all_that_was_tested_is_not_known_elsewhere() -> None:
    red = Case(Verdict.INCOMPATIBLE, (("test_x", "KeyError"),), unknown=True)
    (found,) = others(one_row(lambda *_: red))
    assert (
        found.when == "fails with all 4 versions of market-data-core that were tested (1.0 – 1.3); elsewhere not known"
    )
    (found,) = others(one_row(lambda _, column: Case(Verdict.UNTESTED) if column else red))[:1]
    assert found.when == "fails with market-data-core 1.0; elsewhere not known"
    (found,) = others(one_row(lambda *_: Case(Verdict.TIMED_OUT)))
    assert found.when.startswith("does not finish with all 4 versions")
    (found,) = others(one_row(lambda _, column: Case() if column else Case(Verdict.TIMED_OUT)))
    assert found.when == "does not finish with market-data-core 1.0"


def test_what_is_not_known_in_one_row_is_said_though_another_row_regressed() -> None:
    def judge(row: int, column: int) -> Case:
        unknown = Case(Verdict.INCOMPATIBLE, (("test_x", "KeyError"),), unknown=True)
        return unknown if row else RED if column > 1 else Case()

    versions = ("2.0", "2.1")
    table = Table("store", versions, judge, lambda _: "", columns=COLUMNS, regressions=(regression("1.1", "1.2"),))
    (found,) = others(make_report(table))
    assert found.whom == "store 2.1"


@pytest.mark.parametrize(
    ("red", "verdict", "note"),
    [
        (False, Verdict.OUTDATED, "passes with the third-party packages of its release date"),
        (True, Verdict.BROKEN_BEFORE, "fails with the third-party packages of its release date too"),
        (None, Verdict.BROKEN_BEFORE, "whether today's third-party packages are the cause is not known"),
    ],
)
def test_an_outdated_environment_is_told_from_an_own_fault(red: bool | None, verdict: Verdict, note: str) -> None:
    report = one_row(lambda *_: Case(verdict, (("test_x", "KeyError"),), own=True))
    sheet = report.sheets[0]
    if red is not None:
        run = make_run("dated", RED if red else Case())
        control = Control(upstream_version="1.0", as_of=STARTED, status=run.status, run="dated")
        row = sheet.rows[0].model_copy(update={"controls": (control,)})
        runs = {**report.runs, "dated": run}
        sheet = sheet.model_copy(update={"rows": (row,)})
        report = report.model_copy(update={"sheets": (sheet,), "runs": runs})
    found, nothing = (outdated, own_faults) if verdict is Verdict.OUTDATED else (own_faults, outdated)
    assert [item.note for item in found(report)] == [note]
    assert nothing(report) == ()


def test_a_regression_of_the_whole_suite_has_no_test() -> None:
    case = Case(Verdict.UNRESOLVABLE, reason="no such version")
    (found,) = regressions(strip({2, 3}, "1.1", "1.2", test=None, case=case))
    assert (found.test, found.when) == (None, "fails from market-data-core 1.2 on (works with 1.1)")


def test_a_regression_says_whether_it_is_declared() -> None:
    assert [regressions(strip(broken, "1.3", "1.2"))[0].declared for broken in ({1, 2}, {2})] == [True, False]


def test_what_several_points_show_alike_is_said_once() -> None:
    tables = [Table(**{**vars(PIPELINE_TABLE), "point": {"bus": bus}}) for bus in ("redis", "memory")]
    report = make_report(*tables)
    (lost,), (own,) = regressions(report), own_faults(report)
    assert (
        lost.settings == own.settings == tuple(f"contracts · Python 3.11.7 · bus={bus}" for bus in ("redis", "memory"))
    )


def test_an_own_fault_names_the_test_the_error_and_every_version() -> None:
    (own,) = own_faults(pipeline_report())
    assert (own.test, own.error, own.whom) == (OWN_TEST, OWN_ERROR, "market-data-pipeline 0.8.1 – 0.8.3")
    assert own.link.endswith("&upstream=1.4.61&downstream=0.8.3")


def test_an_own_fault_without_tests_gives_the_runs_reason() -> None:
    case = Case(Verdict.UNRESOLVABLE, own=True, reason="no version of numpy==99")
    (own,) = own_faults(make_report(Table("store", ("1.0",), lambda *_: case, lambda _: None, columns=COLUMNS)))
    assert (own.test, own.error) == (None, "no version of numpy==99")


def test_an_own_fault_without_a_run_is_told_without_a_reason() -> None:
    case = Case(Verdict.UNTESTED, own=True)
    (own,) = own_faults(make_report(Table("store", ("1.0",), lambda *_: case, lambda _: None, columns=COLUMNS)))
    assert (own.test, own.error) == (None, "")


def test_the_error_is_one_harmless_line() -> None:
    report = strip({2, 3}, "1.1", "1.2")
    noisy = report.sheets[0].regressions[0].model_copy(update={"error": "\x1b[31mKeyError\x1b[0m\nmore"})
    sheet = report.sheets[0].model_copy(update={"regressions": (noisy,)})
    assert regressions(report.model_copy(update={"sheets": (sheet,)}))[0].error == "KeyError more"


def test_cells_that_changed_alike_are_one_line() -> None:
    (found,) = changes(pipeline_report())
    assert found.whom == "market-data-pipeline 0.8.4 – 0.8.6 with market-data-core 1.3.0 – 1.3.1"
    assert (found.cells, found.before, found.after) == (6, Verdict.COMPATIBLE, Verdict.INCOMPATIBLE)
    assert found.link is not None


def test_a_change_of_a_table_that_is_gone_is_still_told() -> None:
    key = CellKey(
        upstream="core", upstream_version="1.10", downstream="gone", downstream_version="1", suite="s", python="3.11"
    )
    cells = [key, key.model_copy(update={"upstream_version": "1.9"})]
    since = STARTED - timedelta(days=1)
    lost = tuple(Change(cell=cell, before=Verdict.COMPATIBLE, after=Verdict.UNTESTED, since=since) for cell in cells)
    (found,) = changes(make_report(PIPELINE_TABLE, changes=lost))
    assert (found.whom, found.link, found.cells) == ("gone 1 with core 1.9 – 1.10", None, 2)


def test_a_change_belongs_to_the_point_that_it_names() -> None:
    tables = [Table(**{**vars(PIPELINE_TABLE), "point": {"bus": bus, "track": "v1"}}) for bus in ("redis", "memory")]
    change = pipeline_report().changes[0]
    key = change.cell.model_copy(update={"point": "track=v1,bus=memory"})
    (found,) = changes(make_report(*tables, changes=(change.model_copy(update={"cell": key}),)))
    assert found.setting == "contracts · Python 3.11.7 · bus=memory, track=v1"


def test_the_factory_tells_the_story_that_the_other_tests_rely_on() -> None:
    assert {item.error for item in regressions(pipeline_report())} == {LOST_ERROR}
