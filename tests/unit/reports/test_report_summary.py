"""The answer before the table."""

import re

import pytest

from interlock.model.verdicts import Verdict
from interlock.reports.declared import proven_groups, range_groups
from interlock.reports.summary import headline, overview
from interlock.reports.symbols import MARKS
from tests.support.matrix_reports import (
    Case,
    Table,
    declare_exactly,
    family_report,
    make_report,
    pipeline_report,
    small_report,
)
from tests.support.paths import ROOT

RED = (("test_x", "AssertionError"),)


@pytest.mark.parametrize(
    ("case", "declared", "state"),
    [
        (Case(), "", "fits"),
        (Case(Verdict.INCOMPATIBLE, RED), "", "broken"),
        (Case(Verdict.UNRESOLVABLE), "", "broken"),
        (Case(Verdict.UNTESTED), "", "unknown"),
        (Case(Verdict.TIMED_OUT), "", "unknown"),
        (Case(Verdict.FLAKY, RED), "", "unknown"),
        (Case(), "==0.1", "unknown"),
        (Case(Verdict.BROKEN_BEFORE, RED, own=True), "", "unknown"),
    ],
)
def test_only_declared_pairs_that_were_shown_to_work_make_it_fit(case: Case, declared: str, state: str) -> None:
    assert headline(small_report(case, declared=declared)).state == state


def test_a_report_without_cells_proves_nothing() -> None:
    assert headline(make_report()).state == "unknown"


def test_old_breakage_is_told_from_todays() -> None:
    answer = headline(pipeline_report())
    assert answer.state == "older-broken"
    assert answer.detail == (
        "561 of 3,640 declared pairs do not work. 186 declared pairs fail by the downstream's own fault."
    )


def test_the_answer_never_contradicts_the_exit_code() -> None:
    small = small_report(Case()), small_report(Case(Verdict.UNTESTED))
    for report in (pipeline_report(), family_report(), *small):
        assert (headline(report).state == "fits") <= (report.exit_code == 0)


def test_a_point_that_may_fail_does_not_count() -> None:
    report = small_report(Case(Verdict.INCOMPATIBLE, RED), declared="")
    allowed = report.sheets[0].model_copy(update={"allowed_to_fail": "an experiment"})
    assert headline(report.model_copy(update={"sheets": (allowed,)})).state == "unknown"


def test_own_faults_do_not_keep_the_family_apart_and_are_not_hidden() -> None:
    def judge(row: int, _: int) -> Case:
        return Case(Verdict.BROKEN_BEFORE, RED, own=True) if row == 0 else Case()

    report = make_report(Table("store", ("1.0", "1.1"), judge, lambda _: "", columns=("2.0",)))
    answer = headline(report)
    assert (answer.state, report.exit_code) == ("fits", 0)
    assert answer.detail == "1 of 2 declared pairs works. 1 declared pair fails by the downstream's own fault."


def test_a_newest_release_that_is_broken_by_itself_is_named_before_anything_is_said_to_fit() -> None:
    def judge(row: int, _: int) -> Case:
        return Case(Verdict.BROKEN_BEFORE, RED, own=True) if row == 1 else Case()

    report = make_report(Table("store", ("1.0", "1.1"), judge, lambda _: "", columns=("2.0",)))
    answer = headline(report)
    assert (answer.state, report.exit_code) == ("own-faults", 0)
    assert "1.1 is broken" in answer.title
    assert report.sheets[0].downstream in answer.title


@pytest.mark.parametrize(
    ("green", "rows", "detail"),
    [
        (1, 1, "The one declared pair works."),
        (2, 2, "All 2 declared pairs work."),
        (1, 3, "1 of 3 declared pairs works. 2 declared pairs fail with today's third-party packages only."),
        (2, 3, "2 of 3 declared pairs work. 1 declared pair fails with today's third-party packages only."),
    ],
)
def test_one_is_not_many(green: int, rows: int, detail: str) -> None:
    def judge(row: int, _: int) -> Case:
        return Case() if row >= rows - green else Case(Verdict.OUTDATED, RED, own=True)

    versions = tuple(f"1.{number}" for number in range(rows))
    report = make_report(Table("store", versions, judge, lambda _: "", columns=("2.0",), classes=(1, 3)))
    assert headline(report).detail == detail


@pytest.mark.parametrize("rows", [("0.9",), ("0.8", "0.9")], ids=["on a whole edge", "in the newest row"])
def test_a_newest_downstream_that_admits_nothing_of_the_table_is_not_proven(rows: tuple[str, ...]) -> None:
    def declare(row: int) -> str:
        return "<1.0" if row == len(rows) - 1 else ""

    works = Table("store", ("1.0",), lambda *_: Case(), lambda _: "", columns=("2.0",), classes=(1, 1))
    other = Table("pipeline", rows, lambda *_: Case(), declare, columns=("2.0",), classes=(1, 1))
    report = make_report(works, other)
    assert (headline(report).state, report.exit_code) == ("unknown", 1)
    assert headline(report).detail.endswith(" pipeline 0.9 admits no market-data-core that was tested.")


def test_a_downstream_that_does_not_require_the_upstream_admits_nothing_and_keeps_nothing_from_fitting() -> None:
    tables = [
        Table(name, ("1.0",), lambda *_: Case(), lambda _: "", columns=("2.0",), classes=(1, 1))
        for name in ("store", "pipeline")
    ]
    report = make_report(*tables)
    (row,), ((cell,),) = report.sheets[1].rows, report.sheets[1].cells
    rows = (row.model_copy(update={"declared": None}),)
    cells = ((cell.model_copy(update={"declared": False}),),)
    undeclared = report.sheets[1].model_copy(update={"rows": rows, "cells": cells})
    report = report.model_copy(update={"sheets": (report.sheets[0], undeclared)})
    assert (headline(report).state, report.exit_code) == ("fits", 0)


def test_red_with_every_tested_version_does_not_fit_while_nothing_is_known_elsewhere() -> None:
    def judge(row: int, _: int) -> Case:
        return Case(Verdict.INCOMPATIBLE, RED, unknown=True) if row == 0 else Case()

    report = make_report(Table("store", ("1.0", "1.1"), judge, lambda _: "", columns=("2.0", "2.1"), classes=(1, 2)))
    assert (headline(report).state, report.exit_code) == ("older-broken", 1)


def test_red_by_its_own_fault_is_drawn_as_such_and_not_as_the_pairs() -> None:
    report = small_report(Case(Verdict.INCOMPATIBLE, RED, own=True))
    assert overview(report.sheets[0]).shown == {Verdict.BROKEN_BEFORE: 4}


def test_the_overview_counts_what_is_drawn() -> None:
    line = overview(pipeline_report().sheets[0])
    assert (line.newest_pair, line.declared, line.proven) == ("1.4.61 × 0.8.70", 3640, 2893)
    assert line.shown == {
        Verdict.COMPATIBLE: 3722,
        Verdict.INCOMPATIBLE: 561,
        Verdict.BROKEN_BEFORE: 213,
        Verdict.UNRESOLVABLE: 261,
    }


def test_downstream_versions_that_declare_and_prove_the_same_are_one_row() -> None:
    groups = range_groups(pipeline_report().sheets[0])
    assert [item.versions for item in groups] == [
        "0.8.1 – 0.8.3 (3)",
        "0.8.4 – 0.8.14 (11)",
        "0.8.15 – 0.8.38 (22)",
        "0.8.39 – 0.8.40 (2)",
        "0.8.41 – 0.8.66 (25)",
        "0.8.67 – 0.8.70 (4)",
    ]


def test_neighbours_that_were_proven_the_same_stay_together_though_they_declare_otherwise() -> None:
    rows = [str(number) for number in range(90)]
    report = make_report(Table("market-data-store", rows, lambda *_: Case(), declare_exactly))
    (only,) = proven_groups(report.sheets[0])
    assert len(only) == len({item.row.declared for item in only}) > 60


@pytest.mark.parametrize("verdict", Verdict)
def test_the_documents_explain_each_symbol_as_the_reports_do(verdict: Verdict) -> None:
    text = (ROOT / "docs" / "reading-the-matrix.md").read_text(encoding="utf-8")
    symbol, _, meaning = MARKS[verdict]
    assert re.search(rf"\| {re.escape(symbol)} \| {verdict} \| .*{re.escape(meaning[-20:])} \|", text)
