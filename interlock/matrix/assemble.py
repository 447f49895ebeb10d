"""From executed cells to the report: verdicts, ranges, what changed, and how it came about."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from packaging.version import Version

from interlock.adapters.ledger import Ledger
from interlock.common.clock import now
from interlock.matrix.analysis import Judged, ranges, regressions
from interlock.matrix.controls import NO_CONTROLS, Controls, TriedControls
from interlock.matrix.executor import ExecutedCells
from interlock.matrix.plan import Plan, PlannedCell, PlannedRow
from interlock.matrix.report import (
    SEEN_BROKEN,
    Cell,
    Change,
    Control,
    DownstreamRow,
    MatrixReport,
    SharedWith,
    Sheet,
    Totals,
)
from interlock.model.verdicts import CellKey, Run, TestOutcome, Verdict

# Which of these a cell is depends on what else the matrix covered, so a change between them is not news.
ALIKE = {Verdict.INCOMPATIBLE, Verdict.BROKEN_BEFORE, Verdict.OUTDATED}


@dataclass(frozen=True, kw_only=True)
class MatrixMetadata:
    """What the report says of the matrix as a whole."""

    family: str
    covers: str
    started_at: datetime
    notes: tuple[str, ...] = ()


def assemble(
    plan: Plan,
    executed: ExecutedCells,
    metadata: MatrixMetadata,
    ledger: Ledger | None = None,
    controls: TriedControls = NO_CONTROLS,
) -> MatrixReport:
    """The report of a matrix.

    Args:
        plan: Its cells.
        executed: Their runs.
        metadata: What the report says of the matrix as a whole.
        ledger: Records the cells' verdicts, to be compared with next time; None where nothing is to be recorded.
        controls: What else their rows are judged by.
    """
    assembly = _Assembly(plan, executed, controls)
    sheets = tuple(assembly.sheet(number) for number in range(len(plan.sheets)))
    shown = by_key(plan, sheets)
    verdicts = {key: cell.verdict for key, cell in shown.items()}
    finished = now()
    return MatrixReport(
        family=metadata.family,
        covers=metadata.covers,
        started_at=metadata.started_at,
        finished_at=finished,
        notes=(*metadata.notes, *assembly.untested_modules()),
        sheets=sheets,
        missing=plan.missing,
        runs=assembly.shown,
        changes=_remember(shown, finished, ledger) if ledger else (),
        totals=assembly.totals(verdicts),
    )


def by_key(plan: Plan, sheets: Sequence[Sheet]) -> dict[CellKey, Cell]:
    """Each cell of a plan as its report shows it."""
    return {
        cell.key: shown
        for sheet, made in zip(plan.sheets, sheets, strict=True)
        for row, cells in zip(sheet.rows, made.cells, strict=True)
        for cell, shown in zip(row.cells, cells, strict=True)
    }


class _Assembly:
    """Looks up runs by cell, and keeps those that a cell or a control names."""

    def __init__(self, plan: Plan, executed: ExecutedCells, controls: TriedControls) -> None:
        self._plan = plan
        self._executed = executed
        self._controls = controls
        self._runs = dict(zip((cell.key for cell in plan.cells), executed.of(plan.cells), strict=True))
        self._fingerprints = {
            cell.key: fingerprint for cell, fingerprint in zip(plan.cells, executed.fingerprints, strict=True)
        }
        self._first: dict[str, PlannedCell] = {}
        for cell in plan.cells:
            if fingerprint := self._fingerprints[cell.key]:
                self._first.setdefault(fingerprint, cell)
        self.shown: dict[str, Run] = {}

    def sheet(self, number: int) -> Sheet:
        """One table, judged row by row."""
        planned = self._plan.sheets[number]
        versions = planned.upstream_versions
        controls = {row.version: self._controls.of(number, row.version) for row in planned.rows}
        tables = {row.version: [self._runs[cell.key] for cell in row.cells] for row in planned.rows}
        judged = {version: controls[version].judge(cells) for version, cells in tables.items()}
        tried = {
            version: _ascending({**controls[version].versions, **dict(zip(versions, cells, strict=True))})
            for version, cells in tables.items()
        }
        return Sheet(
            upstream=planned.edge.upstream,
            downstream=planned.edge.downstream,
            suite=planned.edge.suite.name,
            python=planned.interpreter.version,
            point=planned.point,
            allowed_to_fail=planned.edge.suite.reason_to_allow(planned.point),
            upstream_versions=versions,
            rows=tuple(self._row(versions, row, judged[row.version], controls[row.version]) for row in planned.rows),
            cells=tuple(tuple(map(self._cell, row.cells, judged[row.version])) for row in planned.rows),
            regressions=regressions(versions, {version: (judged[version], tried[version]) for version in judged}),
        )

    def _show(self, runs: Sequence[Run]) -> Run:
        """The run to look at: of a flaky suite, the red one."""
        run = next((each for each in reversed(runs) if each.red_tests), runs[-1])
        self.shown[run.fingerprint] = run
        return run

    def _cell(self, cell: PlannedCell, judged: Judged) -> Cell:
        run = self._show(self._runs[cell.key])
        return Cell(
            verdict=judged.verdict,
            declared=cell.declared,
            own_fault=judged.own_fault,
            run=run.fingerprint,
            shared_with=self._shared_with(cell),
            regressed=judged.regressed,
            own=judged.own,
            uncompared=judged.uncompared,
        )

    def _shared_with(self, cell: PlannedCell) -> SharedWith | None:
        fingerprint = self._fingerprints[cell.key]
        first = self._first[fingerprint] if fingerprint else cell
        if first is cell:
            return None
        key = first.key
        return SharedWith(upstream_version=key.upstream_version, downstream_version=key.downstream_version)

    def _row(
        self, versions: Sequence[str], row: PlannedRow, judged: Sequence[Judged], controls: Controls
    ) -> DownstreamRow:
        cells = list(zip(versions, row.cells, judged, strict=True))
        works = {version for version, _cell, verdict in cells if verdict.verdict is Verdict.COMPATIBLE}
        # A downstream that is broken by itself says nothing about its range.
        fails = {version for version, _cell, each in cells if not each.own_fault and each.verdict in SEEN_BROKEN}
        declared = {version for version, cell, _verdict in cells if cell.declared}
        return DownstreamRow(
            version=row.version,
            declared=row.declared,
            missing=row.missing,
            proven=ranges(versions, works),
            falsely_allowed=ranges(versions, fails & declared),
            needlessly_forbidden=ranges(versions, works - declared),
            controls=tuple(self._control(*tried) for tried in controls.tried()),
        )

    def _control(self, version: str, runs: Sequence[Run], as_of: datetime | None) -> Control:
        run = self._show(runs)
        return Control(upstream_version=version, as_of=as_of, status=run.status, run=run.fingerprint)

    def untested_modules(self) -> list[str]:
        """A note for each name that modules need an extra for."""
        found: dict[tuple[str, str], dict[str, None]] = {}
        for fingerprint, cell in self._first.items():
            for test in self._executed.runs[fingerprint][-1].red_tests:
                if test.outcome is TestOutcome.NEEDS_EXTRA:
                    found.setdefault((cell.key.downstream, test.error or ""), {})[test.id] = None
        return [
            f"{downstream}: untested without an extra: {next(iter(modules))}"
            f"{f' and {len(modules) - 1} more' if len(modules) > 1 else ''} ({error})"
            for (downstream, error), modules in found.items()
        ]

    def totals(self, verdicts: Mapping[CellKey, Verdict]) -> Totals:
        """How the verdicts came about."""
        run = [fingerprint for fingerprint in self._fingerprints.values() if fingerprint]
        known = sum(1 for fingerprint in run if fingerprint in self._executed.known)
        distinct = len(set(run) - self._executed.known)
        return Totals(
            cells=len(self._fingerprints),
            runs=self._executed.suites_run + self._controls.suites_run,
            run=distinct,
            shared=len(run) - known - distinct,
            known=known,
            unrun=len(self._fingerprints) - len(run),
            controls=sum(len(list(each.tried())) for each in self._controls.rows.values()),
            verdicts=Counter(verdicts.values()),
        )


def _ascending(runs: Mapping[str, tuple[Run, ...]]) -> dict[str, tuple[Run, ...]]:
    return {version: runs[version] for version in sorted(runs, key=Version)}


def _remember(shown: Mapping[CellKey, Cell], at: datetime, ledger: Ledger) -> tuple[Change, ...]:
    verdicts = {key: cell.verdict for key, cell in shown.items()}
    before = ledger.cells(list(verdicts))
    ledger.record_cells(verdicts, at, {key: cell.run for key, cell in shown.items() if cell.run})
    return tuple(
        Change(cell=key, before=known.verdict, after=verdicts[key], since=known.at)
        for key, known in before.items()
        if known.verdict is not verdicts[key] and not {known.verdict, verdicts[key]} <= ALIKE
    )
