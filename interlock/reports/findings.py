"""What there is to say in words: what stops working, and the downstreams' own faults."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence

from packaging.version import Version

from interlock.common.frozen_model import FrozenModel
from interlock.matrix.analysis import ranges
from interlock.matrix.evidence import Evidence, State
from interlock.matrix.report import Cell, MatrixReport, Regression, Sheet
from interlock.model.verdicts import Run, Verdict
from interlock.reports import labels
from interlock.reports.grouping import Span, label
from interlock.reports.summary import cell_link

_TELL_NOTHING = {Verdict.UNTESTED, Verdict.FLAKY}
_WITH_ITS_DATE = {
    State.GREEN: "passes with the third-party packages of its release date",
    State.RED: "fails with the third-party packages of its release date too",
}
_UNKNOWN_DATE = "whether today's third-party packages are the cause is not known"
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
        others: How many other tests show the same error in the same cells.
        when: With which upstream versions, as `fails from market-data-core 1.2.11 on (passes with 1.2.9)`.
        error: The first line of what went wrong.
        whom: The downstream versions that show it.
        declared: Whether it happens inside a declared range.
        allowed_to_fail: Why it is not counted, or None when it is.
        settings: Each suite, Python and point that shows it.
        note: What else is known of it; empty for nothing.
        link: Opens one of the cells on the page.
    """

    test: str | None
    others: int = 0
    when: str
    error: str
    whom: str
    declared: bool
    allowed_to_fail: str | None
    settings: tuple[str, ...]
    note: str = ""
    link: str

    @property
    def more(self) -> str:
        """The other tests in words, to follow the test's name; empty when there are none."""
        return f" (and {labels.counted(self.others, 'more test')})" if self.others else ""


def regressions(report: MatrixReport) -> tuple[Finding, ...]:
    """What stops working somewhere along the upstream's versions; what is declared to work comes first."""
    found = [item for sheet in report.sheets for item in _regressions(sheet)]
    return tuple(sorted(_merged(found), key=lambda item: (item.allowed_to_fail is not None, not item.declared)))


def _regressions(sheet: Sheet) -> Iterator[Finding]:
    """One finding for each block of red columns, whether what works is at one of its ends or at both.

    Rows may differ in the version that works: each has its own controls.
    """
    ends: dict[Hashable, list[Regression]] = defaultdict(list)
    for item in sheet.regressions:
        ends[item.test, item.error, _block(sheet, item), _is_newly_bad(item)].append(item)
    blocks: dict[Hashable, list[Regression]] = defaultdict(list)
    for items in ends.values():
        item = items[0]
        blocks[item.test, item.error, _block(sheet, item), tuple(_rows(sheet, items))] += items
    for items in blocks.values():
        yield _regression(sheet, items)


def _regression(sheet: Sheet, items: Sequence[Regression]) -> Finding:
    item = items[0]
    columns = _block(sheet, item)
    rows = _rows(sheet, items)
    declared = any(sheet.cells[row][column].declared for row in rows for column in range(*columns))
    versions = [row.version for row in sheet.rows]
    return Finding(
        test=item.test,
        when=_when(sheet, items, columns),
        error=labels.one_line(item.error),
        whom=f"{sheet.downstream} {_listed((versions[row] for row in rows), versions)}",
        declared=declared,
        allowed_to_fail=sheet.allowed_to_fail,
        settings=(labels.setting(sheet),),
        link=cell_link(sheet, item.bad, versions[rows[-1]] if rows else ""),
    )


def _block(sheet: Sheet, item: Regression) -> Span:
    """The neighbouring columns, away from the good one, that show the same in the newest row concerned."""
    versions = sheet.upstream_versions
    bad, step = versions.index(item.bad), 1 if _is_newly_bad(item) else -1
    rows = _rows(sheet, [item])
    end = bad + step
    while rows and 0 <= end < len(versions) and _shows(sheet, rows[-1], end, item, bad):
        end += step
    return Span(bad, end) if step > 0 else Span(end + 1, bad + 1)


def _is_newly_bad(item: Regression) -> bool:
    return Version(item.good) < Version(item.bad)


def _shows(sheet: Sheet, row: int, column: int, item: Regression, bad: int) -> bool:
    cell = sheet.cells[row][column]
    return item.test in cell.regressed if item.test else cell.verdict is sheet.cells[row][bad].verdict


def _when(sheet: Sheet, items: Sequence[Regression], columns: Span) -> str:
    versions, item = sheet.upstream_versions, items[0]
    goods = sorted({each.good for each in items}, key=Version)
    works = f"{'passes' if item.test else 'works'} with {' and '.join(goods)}"
    newer = _is_newly_bad(item)
    if any(_is_newly_bad(each) is not newer for each in items):
        return f"fails with {sheet.upstream} {label(columns, versions)} only ({works})"
    if newer and columns.stop == len(versions):
        return f"fails from {sheet.upstream} {item.bad} on ({works})"
    if not newer and columns.start == 0:
        return f"fails up to {sheet.upstream} {item.bad} ({works})"
    return f"fails with {sheet.upstream} {label(columns, versions)} ({works})"


def _rows(sheet: Sheet, items: Iterable[Regression]) -> list[int]:
    """The rows that show any of them, ascending."""
    versions = [row.version for row in sheet.rows]
    spans_ = [(versions.index(each.first), versions.index(each.last)) for item in items for each in item.downstream]
    return sorted({row for first, last in spans_ for row in range(first, last + 1)})


def own_faults(report: MatrixReport) -> tuple[Finding, ...]:
    """What is red against every upstream version, and so is nobody's fault but the downstream's."""
    return _alone(report, outdated=False)


def outdated(report: MatrixReport) -> tuple[Finding, ...]:
    """What is red against every upstream version because today's third-party packages are too new for it."""
    return _alone(report, outdated=True)


def _alone(report: MatrixReport, *, outdated: bool) -> tuple[Finding, ...]:
    return tuple(_merged(item for sheet in report.sheets for item in _own_faults(sheet, report, outdated=outdated)))


def _own_faults(sheet: Sheet, report: MatrixReport, *, outdated: bool) -> Iterator[Finding]:
    versions = [row.version for row in sheet.rows]
    for (test, error, dated), found in _own_by_cause(sheet, report).items():
        if outdated is (dated is State.GREEN):
            yield Finding(
                test=test,
                when=f"fails with every {sheet.upstream}" if test else f"cannot be run with any {sheet.upstream}",
                note=_WITH_ITS_DATE.get(dated, _UNKNOWN_DATE) if test else "",
                error=labels.one_line(error),
                whom=f"{sheet.downstream} {_listed((row for row, _ in found), versions)}",
                declared=False,
                allowed_to_fail=sheet.allowed_to_fail,
                settings=(labels.setting(sheet),),
                link=cell_link(sheet, found[-1][1], found[-1][0]),
            )


Cause = tuple[str | None, str, State]


def _own_by_cause(sheet: Sheet, report: MatrixReport) -> dict[Cause, list[tuple[str, str]]]:
    """By test, error and state with the packages of its date: each downstream version, with an upstream version."""
    causes: dict[Cause, list[tuple[str, str]]] = defaultdict(list)
    for row, cells in zip(sheet.rows, sheet.cells, strict=True):
        faulty = [column for column, cell in enumerate(cells) if cell.own_fault]
        if faulty:
            cell, version = cells[faulty[-1]], sheet.upstream_versions[faulty[-1]]
            run = report.runs.get(cell.run or "")
            runs = [report.runs[each.run] for each in row.controls if each.as_of]
            dated = Evidence(runs) if runs else None
            for test in cell.own or (None,):
                state = dated.state(test) if dated and test else State.UNREACHED
                causes[test, _error(run, test), state].append((row.version, version))
    return causes


def others(report: MatrixReport) -> tuple[Finding, ...]:
    """What is not green and neither a regression nor the downstream's own fault, so that every red cell is named."""
    return tuple(_merged(item for sheet in report.sheets for item in _others(sheet, report)))


def _others(sheet: Sheet, report: MatrixReport) -> Iterator[Finding]:
    named = {item.test for item in sheet.regressions}
    causes: dict[tuple[str | None, str, str, bool], list[tuple[str, str]]] = defaultdict(list)
    for row, cells in zip(sheet.rows, sheet.cells, strict=True):
        everywhere = _seen_everywhere(cells)
        for version, cell in zip(sheet.upstream_versions, cells, strict=True):
            for test in _unnamed(cell, named):
                error = _error(report.runs.get(cell.run or ""), test)
                unknown = cell.verdict not in _TELL_NOTHING and (test or cell.verdict) in everywhere
                causes[test, _SHOWS.get(cell.verdict, ""), error, unknown].append((row.version, version))
    for (test, shows, error, unknown), found in causes.items():
        columns = {version for _row, version in found}
        tested = _listed(columns, sheet.upstream_versions)
        all_tested = f"all {len(columns)} versions of {sheet.upstream} that were tested ({tested})"
        with_ = all_tested if unknown and len(columns) > 1 else f"{sheet.upstream} {tested}"
        yield Finding(
            test=test,
            when=f"{shows} with {with_}{'; elsewhere not known' if unknown else ''}",
            error=labels.one_line(error),
            whom=f"{sheet.downstream} {_listed((v for v, _column in found), [row.version for row in sheet.rows])}",
            declared=False,
            allowed_to_fail=sheet.allowed_to_fail,
            settings=(labels.setting(sheet),),
            link=cell_link(sheet, found[-1][1], found[-1][0]),
        )


def _seen_everywhere(cells: Sequence[Cell]) -> Collection[str]:
    """The tests, or the one verdict, that all cells of a row show that tell anything: other versions may not."""
    telling = [cell for cell in cells if cell.verdict not in _TELL_NOTHING]
    verdicts = {cell.verdict for cell in telling}
    tests = frozenset[str]().union(*(cell.uncompared for cell in telling))
    return tests.intersection(*(cell.uncompared for cell in telling)) | (verdicts if len(verdicts) == 1 else set())


def _unnamed(cell: Cell, named: Collection[str | None]) -> tuple[str | None, ...]:
    """The red tests of a cell that no regression of its row names; None for a cell that is not green as a whole."""
    if cell.own_fault or cell.verdict not in _SHOWS:
        return ()
    if cell.regressed:
        unknown = set(cell.uncompared)
        return tuple(test for test in cell.regressed if test not in named or test in unknown)
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
    """Merge equal findings of several settings, and then those of several tests with the same error."""
    of_settings: dict[Hashable, Finding] = {}
    for item in found:
        key: Hashable = (item.test, item.when, item.error, item.whom, item.allowed_to_fail, item.note)
        first = of_settings.setdefault(key, item)
        if first is not item:
            both = {"settings": first.settings + item.settings, "declared": first.declared or item.declared}
            of_settings[key] = first.model_copy(update=both)
    of_tests: dict[Hashable, Finding] = {}
    for item in of_settings.values():
        named = item.test if not item.error else item.test is None
        key = (named, item.when, item.error, item.whom, item.allowed_to_fail, item.note, item.settings, item.declared)
        first = of_tests.setdefault(key, item)
        if first is not item:
            of_tests[key] = first.model_copy(update={"others": first.others + 1})
    return list(of_tests.values())
