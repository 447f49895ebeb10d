"""Reports as the engine would make them, of a family that looks like a real one; the same each time."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from packaging.specifiers import SpecifierSet

from interlock.matrix.analysis import ranges
from interlock.matrix.report import (
    Cell,
    Change,
    DownstreamRow,
    MatrixReport,
    Regression,
    SharedWith,
    Sheet,
    Totals,
    VersionRange,
)
from interlock.model.verdicts import CellKey, Run, RunStatus, TestOutcome, TestResult, Verdict

STARTED = datetime(2026, 11, 20, 10, 41, tzinfo=UTC)
CORE = (
    *(f"1.2.{n}" for n in range(20) if n != 10),
    "1.2.99",
    *(f"1.3.{n}" for n in range(10)),
    *(f"1.4.{n}" for n in range(20, 62) if n != 33),
)
PIPELINE = tuple(f"0.8.{n}" for n in range(1, 71) if n not in {17, 18, 44})
STORE = tuple(f"0.6.{n}" for n in range(74) if n not in {5, 6, 31, 50})
ORCHESTRATOR = (*(f"0.8.{n}" for n in range(1, 90) if n not in {4, 40, 41}), "0.9.0", "0.9.1", "0.9.2", "0.9.3")
IBKR = ("1.1.0", "1.1.2", "1.1.3", "1.1.5", "1.1.7")

OWN_TEST = "tests/contracts/test_sink_contract.py::test_sink_writes_in_order"
LOST_TEST = "tests/contracts/test_feedback.py::test_feedback_event_roundtrip"
GREEN_TESTS = tuple(f"tests/contracts/test_schema_registry.py::test_schema_{name}" for name in "abcdefghijklmno")
OWN_ERROR = "NameError: name 'x' is not defined"
LOST_ERROR = "ImportError: cannot import name 'FeedbackEvent' from 'market_data_core.telemetry'"
LOCK = tuple(
    f"{name}==2.1" for name in ("anyio", "fastapi", "httpx", "numpy", "pandas", "pydantic", "pytest", "tzdata")
)


@dataclass(frozen=True)
class Case:
    """What a pair shows: the verdict, and the red tests with their errors; own ones, or not known elsewhere."""

    verdict: Verdict = Verdict.COMPATIBLE
    red: tuple[tuple[str, str], ...] = ()
    own: bool = False
    unknown: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class Table:
    """How one sheet comes about; `classes` are the numbers of distinct contents on either side."""

    downstream: str
    rows: Sequence[str]
    judge: Callable[[int, int], Case]
    declares: Callable[[int], str | None]
    columns: Sequence[str] = CORE
    classes: tuple[int, int] = (10, 6)
    suite: str = "contracts"
    point: dict[str, str] = field(default_factory=dict)
    regressions: tuple[Regression, ...] = ()
    log: str = ""


def make_sheet(table: Table, runs: dict[str, Run]) -> Sheet:
    """The sheet of a table; the runs that its cells name are added to `runs`."""
    first: dict[str, SharedWith] = {}
    cells = tuple(
        tuple(_cell(table, row, column, first, runs) for column in range(len(table.columns)))
        for row in range(len(table.rows))
    )
    return Sheet(
        upstream="market-data-core",
        downstream=table.downstream,
        suite=table.suite,
        python="3.11.7",
        point=table.point,
        upstream_versions=tuple(table.columns),
        rows=tuple(_row(table, row, cells[row]) for row in range(len(table.rows))),
        cells=cells,
        regressions=table.regressions,
    )


def _cell(table: Table, row: int, column: int, first: dict[str, SharedWith], runs: dict[str, Run]) -> Cell:
    case = table.judge(row, column)
    kinds = column * table.classes[0] // len(table.columns), row * table.classes[1] // len(table.rows)
    fingerprint = hashlib.sha256(repr((table.downstream, table.suite, table.point, kinds, case)).encode()).hexdigest()
    here = SharedWith(upstream_version=table.columns[column], downstream_version=table.rows[row])
    source = first.setdefault(fingerprint, here)
    runs.setdefault(fingerprint, make_run(fingerprint, case, log=table.log))
    red = tuple(test for test, _ in case.red)
    return Cell(
        verdict=case.verdict,
        declared=_is_declared(table.declares(row), table.columns[column]),
        own_fault=case.own,
        run=None if case.verdict is Verdict.UNTESTED else fingerprint,
        shared_with=None if source == here else source,
        regressed=() if case.own else red,
        own=red if case.own else (),
        uncompared=red if case.unknown else (),
    )


def make_run(fingerprint: str, case: Case, log: str = "") -> Run:
    """A run that shows a case."""
    reds = [TestResult(id=test, outcome=TestOutcome.FAILED, seconds=0.12, error=error) for test, error in case.red]
    greens = [TestResult(id=test, outcome=TestOutcome.PASSED, seconds=0.01 * n) for n, test in enumerate(GREEN_TESTS)]
    ran = case.verdict not in {Verdict.UNRESOLVABLE, Verdict.UNTESTED}
    status = RunStatus.FAILED if case.red else RunStatus.PASSED
    if case.verdict is Verdict.TIMED_OUT:
        status = RunStatus.TIMED_OUT
    return Run(
        fingerprint=fingerprint,
        status=status if ran else RunStatus(case.verdict.value),
        reason=case.reason,
        tests=(*greens[:8], *reds, *greens[8:]) if ran else (),
        seconds=2.61,
        lock=LOCK if ran else (),
        reads=frozenset({"market-data-core"}) if case.own else frozenset(),
        log=f"============ test session starts ============\n{log}{len(greens)} passed\n" if ran else "",
        started_at=STARTED + timedelta(seconds=30),
        confirmed=case.verdict is not Verdict.FLAKY,
    )


def _is_declared(specifier: str | None, version: str) -> bool:
    return specifier is None or version in SpecifierSet(specifier)


def _row(table: Table, row: int, cells: tuple[Cell, ...]) -> DownstreamRow:
    pairs = list(zip(table.columns, cells, strict=True))
    works = [version for version, cell in pairs if cell.verdict is Verdict.COMPATIBLE]
    declared = {version for version, cell in pairs if cell.declared}
    return DownstreamRow(
        version=table.rows[row],
        declared=table.declares(row),
        proven=ranges(table.columns, set(works)),
        falsely_allowed=ranges(table.columns, declared - set(works)),
        needlessly_forbidden=ranges(table.columns, set(works) - declared),
    )


def judge_pipeline(row: int, column: int) -> Case:
    """0.8.1 to 0.8.3 fail by their own fault; some pairs can't be installed; a block lost an import."""
    if row < 3:
        return Case(Verdict.BROKEN_BEFORE, ((OWN_TEST, OWN_ERROR),), own=True)
    if row >= 38 and column < 9:
        return Case(Verdict.UNRESOLVABLE, reason="pipeline requires pydantic>=2.7, core requires pydantic<2.6")
    if 3 <= row < 14 and column >= 20:
        return Case(Verdict.INCOMPATIBLE, ((LOST_TEST, LOST_ERROR),))
    return Case()


def declare_pipeline(row: int) -> str:
    """What the real releases declare, in three steps."""
    return ">=1.2.9,<2.0.0" if row < 36 else ">=1.2.99,<2.0.0" if row < 63 else ">=1.4.61,<2.0.0"


PIPELINE_TABLE = Table(
    downstream="market-data-pipeline",
    rows=PIPELINE,
    judge=judge_pipeline,
    declares=declare_pipeline,
    regressions=(
        Regression(
            test=LOST_TEST,
            error=LOST_ERROR,
            downstream=(VersionRange(first=PIPELINE[3], last=PIPELINE[13]),),
            good=CORE[19],
            bad=CORE[20],
        ),
    ),
)


def judge_others(row: int, column: int) -> Case:
    """A little of every verdict, scattered in blocks."""
    match (row // 9 + column // 11) % 13:
        case 3:
            return Case(Verdict.INCOMPATIBLE, (("market_data_store.sink", LOST_ERROR),))
        case 7:
            return Case(Verdict.UNRESOLVABLE, reason="no version of market-data-core==1.2.10")
        case 9:
            return Case(Verdict.TIMED_OUT, reason="the suite did not finish in 600 s")
        case 10:
            return Case(Verdict.FLAKY, (("market_data_store.clock", "AssertionError: 0.1 != 0.2"),))
        case 11:
            return Case(Verdict.UNTESTED)
    return Case()


def declare_exactly(row: int) -> str:
    """As orchestrator does: one version each."""
    return f"=={CORE[row * len(CORE) // len(ORCHESTRATOR)]}"


def declare_store(row: int) -> str:
    """One step."""
    return ">=1.3.0" if row > 20 else ">=1.2.0"


OTHER_TABLES = (
    Table("market-data-store", STORE, judge_others, declare_store, suite="imports", classes=(10, 8)),
    Table("market-data-orchestrator", ORCHESTRATOR, judge_others, declare_exactly, suite="imports", classes=(10, 8)),
    Table("market-data-ibkr", IBKR, lambda *_: Case(), lambda _: None, suite="imports", classes=(10, 5)),
)


def make_report(*tables: Table, changes: tuple[Change, ...] = (), notes: tuple[str, ...] = ()) -> MatrixReport:
    """A report of these tables, with totals that fit."""
    runs: dict[str, Run] = {}
    sheets = tuple(make_sheet(table, runs) for table in tables)
    cells = [cell for sheet in sheets for row in sheet.cells for cell in row]
    unrun = sum(cell.run is None for cell in cells)
    shared = sum(cell.shared_with is not None and cell.run is not None for cell in cells)
    run = len(cells) - shared - unrun
    totals = Totals(
        cells=len(cells), runs=run + 4, run=run, shared=shared, known=0, unrun=unrun,
        verdicts=Counter(cell.verdict for cell in cells),
    )  # fmt: skip
    return MatrixReport(
        family="market-data",
        covers=f"{len(sheets)} edges, every version",
        started_at=STARTED,
        finished_at=STARTED + timedelta(minutes=2, seconds=13),
        notes=notes,
        sheets=sheets,
        runs=runs,
        changes=changes,
        totals=totals,
    )


@cache
def pipeline_report() -> MatrixReport:
    """71 x 67 versions."""
    lost = [(row, column) for row in range(3, 6) for column in (20, 21)]
    changed = tuple(
        Change(
            cell=CellKey(
                upstream="market-data-core", upstream_version=CORE[column], downstream="market-data-pipeline",
                downstream_version=PIPELINE[row], suite="contracts", python="3.11",
            ),
            before=Verdict.COMPATIBLE, after=Verdict.INCOMPATIBLE, since=STARTED - timedelta(days=7),
        )
        for row, column in lost
    )  # fmt: skip
    return make_report(PIPELINE_TABLE, changes=changed, notes=("The index was read from the cache: offline.",))


@cache
def family_report(log: str = "") -> MatrixReport:
    """71 x 232 versions in four sheets, and each run with a log."""
    tables = (PIPELINE_TABLE, *OTHER_TABLES)
    return make_report(*(Table(**{**vars(table), "log": log}) for table in tables))


def small_report(case: Case, *, declared: str | None = None, log: str = "") -> MatrixReport:
    """Two by two versions that all show the same."""
    return make_report(Table("market-data-store", ("0.6.0", "0.6.1"), lambda *_: case, lambda _: declared,
                             columns=("1.4.60", "1.4.61"), classes=(1, 1), log=log))  # fmt: skip
