"""What a finished matrix says of itself: its exit code, and ranges in words."""

from datetime import UTC, datetime

import pytest

from interlock.matrix.report import Cell, DownstreamRow, MatrixReport, Sheet, Totals, VersionRange
from interlock.model.verdicts import Verdict

NOW = datetime(2026, 11, 2, tzinfo=UTC)


def a_sheet(*cells: Cell, allowed_to_fail: str | None = None) -> Sheet:
    return Sheet(
        upstream="core",
        downstream="pipeline",
        suite="contracts",
        python="3.11.7",
        allowed_to_fail=allowed_to_fail,
        upstream_versions=tuple(f"1.{number}" for number in range(len(cells))),
        rows=(DownstreamRow(version="2.0", declared=">=1"),),
        cells=(cells,),
    )


def exit_code(*sheets: Sheet) -> int:
    totals = Totals(cells=0, runs=0, run=0, shared=0, known=0, unrun=0, verdicts={})
    report = MatrixReport(
        family="trains", covers="all", started_at=NOW, finished_at=NOW, sheets=sheets, runs={}, totals=totals
    )
    return report.exit_code


GREEN = Cell(verdict=Verdict.COMPATIBLE, declared=True)
RED = Cell(verdict=Verdict.INCOMPATIBLE, declared=True)


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("own_fault", [True, False])
def test_a_declared_pairing_that_does_not_work_is_1_unless_the_downstream_is_broken_by_itself(
    verdict: Verdict, *, declared: bool, own_fault: bool
) -> None:
    cell = Cell(verdict=verdict, declared=declared, own_fault=own_fault)
    blamed = declared and not own_fault and verdict is not Verdict.COMPATIBLE
    assert exit_code(a_sheet(GREEN, cell)) == int(blamed)


def test_one_sheet_among_many_decides() -> None:
    assert exit_code(a_sheet(GREEN), a_sheet(GREEN, RED), a_sheet(GREEN)) == 1


def test_a_point_that_may_fail_is_not_counted() -> None:
    allowed = a_sheet(RED, allowed_to_fail="the backend is an experiment")
    assert exit_code(a_sheet(GREEN), allowed) == 0
    assert exit_code(a_sheet(RED), allowed) == 1


def test_where_nothing_declared_was_shown_to_work_nothing_is_said_to_fit() -> None:
    outside = Cell(verdict=Verdict.COMPATIBLE, declared=False)
    alone = Cell(verdict=Verdict.BROKEN_BEFORE, declared=True, own_fault=True)
    assert exit_code() == exit_code(a_sheet(outside)) == exit_code(a_sheet(alone)) == 1
    assert exit_code(a_sheet(outside, alone, GREEN)) == 0


def test_a_range_of_one_version_is_that_version() -> None:
    assert str(VersionRange(first="1.0", last="1.0")) == "1.0"


def test_a_range_names_both_of_its_ends() -> None:
    assert str(VersionRange(first="1.0", last="1.10")) == "1.0 – 1.10"
