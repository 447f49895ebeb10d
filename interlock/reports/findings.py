"""What there is to say in words: what stops working, and the downstreams' own faults."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from interlock.common.frozen_model import FrozenModel
from interlock.matrix.analysis import ranges
from interlock.matrix.report import Cell, MatrixReport, Regression, Sheet, VersionRange
from interlock.model.verdicts import Run, Verdict
from interlock.reports import labels
from interlock.reports.grouping import Span, label
from interlock.reports.summary import cell_link

_SHOWS = {
    Verdict.INCOMPATIBLE: "fails",
    Verdict.FLAKY: "passes and fails",
    Verdict.UNRESOLVABLE: "cannot be installed",
    Verdict.TIMED_OUT: "does not finish",
    Verdict.UNTESTED: "was not tested",
}


class Finding(FrozenModel):
    """One thing that is wrong, for people.

    Attributes:
        test: The test that is red, or None when the suite did not get that far.
        when: With which upstream versions, as `fails from market-data-core 1.2.11 on (passes with 1.2.9)`.
        error: The first line of what went wrong.
        whom: The downstream versions that show it.
        declared: Whether it happens inside a declared range.
        allowed_to_fail: Why it is not counted, or None when it is.
        settings: Each suite, Python and point that shows it.
        link: Opens one of the cells on the page.
    """

    test: str | None
    when: str
    error: str
    whom: str
    declared: bool
    allowed_to_fail: str | None
    settings: tuple[str, ...]
    link: str


def regressions(report: MatrixReport) -> tuple[Finding, ...]:
    """What stops working somewhere along the upstream's versions; what is declared to work comes first."""
    found = [_regression(sheet, item) for sheet in report.sheets for item in sheet.regressions]
    return tuple(sorted(_merged(found), key=lambda item: (item.allowed_to_fail is not None, not item.declared)))


def _regression(sheet: Sheet, item: Regression) -> Finding:
    columns = _block(sheet, item)
    rows = _rows(sheet, item.downstream)
    declared = any(sheet.cells[row][column].declared for row in rows for column in range(*columns))
    return Finding(
        test=item.test,
        when=_when(sheet, item, columns),
        error=labels.one_line(item.error),
        whom=f"{sheet.downstream} {labels.listed(item.downstream)}",
        declared=declared,
        allowed_to_fail=sheet.allowed_to_fail,
        settings=(labels.setting(sheet),),
        link=cell_link(sheet, item.bad, item.downstream[-1].last if item.downstream else ""),
    )


def _block(sheet: Sheet, item: Regression) -> Span:
    """The neighbouring columns, away from the good one, that show the same in the newest row concerned."""
    versions = sheet.upstream_versions
    bad, step = versions.index(item.bad), 1 if versions.index(item.good) < versions.index(item.bad) else -1
    rows = _rows(sheet, item.downstream)
    end = bad + step
    while rows and 0 <= end < len(versions) and _shows(sheet, rows[-1], end, item, bad):
        end += step
    return Span(bad, end) if step > 0 else Span(end + 1, bad + 1)


def _shows(sheet: Sheet, row: int, column: int, item: Regression, bad: int) -> bool:
    cell = sheet.cells[row][column]
    return item.test in cell.regressed if item.test else cell.verdict is sheet.cells[row][bad].verdict


def _when(sheet: Sheet, item: Regression, columns: Span) -> str:
    versions = sheet.upstream_versions
    works = f"{'passes' if item.test else 'works'} with {item.good}"
    newer = versions.index(item.good) < columns.start
    if newer and columns.stop == len(versions):
        return f"fails from {sheet.upstream} {item.bad} on ({works})"
    if not newer and columns.start == 0:
        return f"fails up to {sheet.upstream} {item.bad} ({works})"
    return f"fails with {sheet.upstream} {label(columns, versions)} ({works})"


def _rows(sheet: Sheet, downstream: tuple[VersionRange, ...]) -> list[int]:
    versions = [row.version for row in sheet.rows]
    spans_ = [(versions.index(item.first), versions.index(item.last)) for item in downstream]
    return [row for first, last in spans_ for row in range(first, last + 1)]


def own_faults(report: MatrixReport) -> tuple[Finding, ...]:
    """What is red against every upstream version, and so is nobody's fault but the downstream's."""
    return tuple(_merged(item for sheet in report.sheets for item in _own_faults(sheet, report)))


def _own_faults(sheet: Sheet, report: MatrixReport) -> Iterator[Finding]:
    versions = [row.version for row in sheet.rows]
    for (test, error), found in _own_by_cause(sheet, report).items():
        yield Finding(
            test=test,
            when=f"fails with every {sheet.upstream}" if test else f"cannot be run with any {sheet.upstream}",
            error=labels.one_line(error),
            whom=f"{sheet.downstream} {_listed((row for row, _ in found), versions)}",
            declared=False,
            allowed_to_fail=sheet.allowed_to_fail,
            settings=(labels.setting(sheet),),
            link=cell_link(sheet, found[-1][1], found[-1][0]),
        )


def _own_by_cause(sheet: Sheet, report: MatrixReport) -> dict[tuple[str | None, str], list[tuple[str, str]]]:
    """By test and error: each downstream version that shows it, with the newest upstream version as the example."""
    causes: dict[tuple[str | None, str], list[tuple[str, str]]] = defaultdict(list)
    for row, cells in zip(sheet.rows, sheet.cells, strict=True):
        faulty = [column for column, cell in enumerate(cells) if cell.own_fault]
        if faulty:
            cell, version = cells[faulty[-1]], sheet.upstream_versions[faulty[-1]]
            run = report.runs.get(cell.run or "")
            for test in cell.own or (None,):
                causes[test, _error(run, test)].append((row.version, version))
    return causes


def others(report: MatrixReport) -> tuple[Finding, ...]:
    """What is not green and neither a regression nor the downstream's own fault, so that every red cell is named."""
    return tuple(_merged(item for sheet in report.sheets for item in _others(sheet, report)))


def _others(sheet: Sheet, report: MatrixReport) -> Iterator[Finding]:
    named = {item.test for item in sheet.regressions}
    causes: dict[tuple[str | None, str, str], list[tuple[str, str]]] = defaultdict(list)
    for row, cells in zip(sheet.rows, sheet.cells, strict=True):
        for version, cell in zip(sheet.upstream_versions, cells, strict=True):
            for test in _unnamed(cell, named):
                error = _error(report.runs.get(cell.run or ""), test)
                causes[test, _SHOWS.get(cell.verdict, ""), error].append((row.version, version))
    for (test, shows, error), found in causes.items():
        yield Finding(
            test=test,
            when=f"{shows} with {sheet.upstream} {_listed((v for _row, v in found), sheet.upstream_versions)}",
            error=labels.one_line(error),
            whom=f"{sheet.downstream} {_listed((v for v, _column in found), [row.version for row in sheet.rows])}",
            declared=False,
            allowed_to_fail=sheet.allowed_to_fail,
            settings=(labels.setting(sheet),),
            link=cell_link(sheet, found[-1][1], found[-1][0]),
        )


def _unnamed(cell: Cell, named: Collection[str | None]) -> tuple[str | None, ...]:
    """The red tests of a cell that no regression names; None for a cell that is not green as a whole."""
    if cell.own_fault or cell.verdict not in _SHOWS:
        return ()
    if cell.regressed:
        return tuple(test for test in cell.regressed if test not in named)
    return () if None in named and cell.verdict is not Verdict.UNTESTED else (None,)


def _listed(chosen: Iterable[str], versions: Sequence[str]) -> str:
    return labels.listed(ranges(versions, set(chosen)))


def _error(run: Run | None, test: str | None) -> str:
    """The first line of what went wrong in a test, or in the run as a whole; uv's words without its headings."""
    if run is None:
        return ""
    found = next((item.error for item in run.tests if item.id == test), run.reason)
    return labels.one_line(found or "").removeprefix("error: ").replace(" cause: ", ": ").removesuffix(".")


def _merged(found: Iterable[Finding]) -> list[Finding]:
    """Merge equal findings of several settings."""
    alike: dict[tuple[str | None, ...], Finding] = {}
    for item in found:
        key = (item.test, item.when, item.error, item.whom, item.allowed_to_fail)
        first = alike.setdefault(key, item)
        if first is not item:
            both = {"settings": first.settings + item.settings, "declared": first.declared or item.declared}
            alike[key] = first.model_copy(update=both)
    return list(alike.values())
