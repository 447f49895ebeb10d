"""Assembles the report of a verification, whether suites were run or skipped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from interlock.common.clock import now
from interlock.common.sandbox import not_isolated
from interlock.common.sanitize import cut
from interlock.contracts.verify.comparison import Comparison
from interlock.contracts.verify.context import VerificationContext
from interlock.contracts.verify.contract import Contract
from interlock.contracts.verify.report import CellResult, Conclusion, ContractsReport, DownstreamResult, RedTest
from interlock.contracts.verify.request import ContractsRequest
from interlock.contracts.verify.subjects import ComparedBuilds, Downstream
from interlock.matrix.plan import Plan, PlannedSheet
from interlock.matrix.report import Cell, MatrixReport, Sheet
from interlock.matrix.run import PlannedMatrix
from interlock.model.verdicts import Run, RunStatus, Verdict

LONGEST_REASON = 300
NO_BASELINE = "nothing: there is no release yet"


@dataclass(frozen=True, kw_only=True)
class Known:
    """Everything that is known of the upstream before a suite is run."""

    comparison: Comparison
    compared: ComparedBuilds
    contract: Contract

    def with_contract(self, contract: Contract) -> Self:
        """A copy with more known of the contract."""
        return replace(self, contract=contract)


def report_of(
    context: VerificationContext,
    known: Known,
    downstreams: Sequence[Downstream],
    planned: PlannedMatrix,
    matrix: MatrixReport,
) -> ContractsReport:
    """The report after suites were run."""
    found = results(context.request, known.compared, downstreams, planned.plan, matrix)
    said = (
        *planned.notes,
        *(note for each in downstreams for note in each.notes),
        *troubles(found),
    )
    return _report(context, known, downstreams=found, more=said)


def troubles(found: Sequence[DownstreamResult]) -> tuple[str, ...]:
    """The troubles that no status shows, since something else is more important there."""
    hidden = (each for each in found if each.trouble and each.conclusion is not Conclusion.ERROR)
    return tuple(f"{each.downstream}: {each.trouble}" for each in hidden)


def skipped_report(context: VerificationContext, known: Known, why: str) -> ContractsReport:
    """The report when no suite was run."""
    return _report(context, known, skipped=why)


def _report(context: VerificationContext, known: Known, *, more: Sequence[str] = (), **fields: Any) -> ContractsReport:  # noqa: ANN401
    compared, contract = known.compared, known.contract
    return ContractsReport(
        **_facts(context, known.comparison),
        version=compared.ref.version,
        baseline=compared.baseline.described if compared.baseline else NO_BASELINE,
        change=contract.change,
        notes=tuple(dict.fromkeys((*compared.notes, *contract.notes, *filter(None, [not_isolated()]), *more))),
        **fields,
    )


def _facts(context: VerificationContext, comparison: Comparison) -> dict[str, Any]:
    """The fields that are known before anything is built."""
    return {
        "family": context.family.name,
        "upstream": context.upstream,
        "repository": context.family.repository(context.upstream),
        "ref": comparison.found.described,
        "sha": comparison.found.sha,
        "pull": context.request.pull or comparison.found.pull,
        "started_at": context.started_at,
        "finished_at": now(),
    }


def results(
    request: ContractsRequest,
    compared: ComparedBuilds,
    tested: Sequence[Downstream],
    plan: Plan,
    report: MatrixReport,
) -> tuple[DownstreamResult, ...]:
    """What the ref does to each downstream, in the order of `tested`.

    Args:
        request: What was asked for, to write commands.
        compared: The columns of every sheet.
        tested: The rows of their sheets, by downstream.
        plan: The plan of the matrix.
        report: The report of the matrix: its sheets are those of the plan.
    """
    sheets = list(zip(plan.sheets, report.sheets, strict=True))
    return tuple(
        DownstreamResult(
            downstream=each.name,
            unproven=each.unproven,
            cells=tuple(
                cell
                for planned, sheet in sheets
                if sheet.downstream == each.name
                for cell in _cells(request, compared, each, planned, sheet, report)
            ),
            trouble=each.trouble,
        )
        for each in tested
    )


def _cells(
    request: ContractsRequest,
    compared: ComparedBuilds,
    tested: Downstream,
    planned: PlannedSheet,
    sheet: Sheet,
    report: MatrixReport,
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
            reproduce=compared.command(request, sheet.downstream, python),
        )


def _regressed(cell: Cell, run: Run | None) -> tuple[RedTest, ...]:
    """The tests in the order in which they ran, so that the first is the one to look at."""
    errors = {test.id: test.error for test in run.red_tests} if run else {}
    ordered = [name for name in errors if name in cell.regressed]
    return tuple(
        RedTest(id=name, error=errors.get(name)) for name in (*ordered, *sorted({*cell.regressed} - {*errors}))
    )


def _reason(cell: Cell, run: Run | None) -> str:
    """Why no test can be named, in a line."""
    if cell.verdict is Verdict.FLAKY:
        return "the same cell showed different things"
    if run is None or run.status in {RunStatus.PASSED, RunStatus.FAILED}:
        return ""
    return cut(run.reason or run.status.value, LONGEST_REASON)
