"""From a matrix of two columns, the baseline and the ref, to what is said of each downstream; pure."""

from collections.abc import Iterator, Sequence

from interlock.matrix.plan import Plan, PlannedSheet
from interlock.matrix.report import Cell, MatrixReport, Sheet
from interlock.untrusted import cut
from interlock.verdicts import Run, RunStatus, Verdict
from interlock.verification.report import CellResult, DownstreamResult, RedTest
from interlock.verification.sides import Compared, Downstream

LONGEST_REASON = 300


def results(
    compared: Compared, tested: Sequence[Downstream], plan: Plan, report: MatrixReport
) -> tuple[DownstreamResult, ...]:
    """What the ref does to each downstream, in the order in which they were asked for.

    Args:
        compared: The columns of every sheet.
        tested: The rows of their sheets, by downstream.
        plan: Of the matrix.
        report: Of the matrix: its sheets are those of the plan.
    """
    sheets = list(zip(plan.sheets, report.sheets, strict=True))
    return tuple(
        DownstreamResult(
            downstream=each.name,
            cells=tuple(
                cell
                for planned, sheet in sheets
                if sheet.downstream == each.name
                for cell in _cells(compared, each, planned, sheet, report)
            ),
            trouble=each.trouble,
        )
        for each in tested
    )


def _cells(
    compared: Compared, tested: Downstream, planned: PlannedSheet, sheet: Sheet, report: MatrixReport
) -> Iterator[CellResult]:
    sides = {side.version: side.described for side in tested.sides}
    ref = sheet.upstream_versions.index(compared.ref.version)
    baseline = sheet.upstream_versions.index(compared.baseline.version) if compared.baseline else None
    python = planned.interpreter.wanted
    for row, cells in zip(sheet.rows, sheet.cells, strict=True):
        cell, run = cells[ref], report.runs.get(cells[ref].run or "")
        yield CellResult(
            downstream=sheet.downstream,
            downstream_version=row.version,
            side=sides[row.version],
            suite=sheet.suite,
            python=python,
            point=sheet.point,
            allowed_to_fail=sheet.allowed_to_fail,
            verdict=cell.verdict,
            baseline=None if baseline is None else cells[baseline].verdict,
            regressed=_regressed(cell, run),
            reason=_reason(cell, run),
            run=cell.run,
            reproduce=compared.command(sheet.downstream, python),
        )


def _regressed(cell: Cell, run: Run | None) -> tuple[RedTest, ...]:
    """The tests in the order in which they ran, so that the first is the one to look at."""
    errors = {test.id: test.error for test in run.red_tests} if run else {}
    ordered = [name for name in errors if name in cell.regressed]
    return tuple(
        RedTest(id=name, error=errors.get(name)) for name in (*ordered, *sorted({*cell.regressed} - {*errors}))
    )


def _reason(cell: Cell, run: Run | None) -> str:
    """Why there is no test to name, in a line."""
    if cell.verdict is Verdict.FLAKY:
        return "the same cell showed different things"
    if run is None or run.status in {RunStatus.PASSED, RunStatus.FAILED}:
        return ""
    return cut(run.reason or run.status.value, LONGEST_REASON)
