"""The answer before the table: does the family fit together, and how each sheet contributes to that."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal
from urllib.parse import urlencode

from interlock.common.frozen_model import FrozenModel
from interlock.matrix.report import SEEN_BROKEN, Cell, MatrixReport, Sheet
from interlock.model.verdicts import Verdict, point_text
from interlock.reports import labels
from interlock.reports.symbols import shown_as


class Headline(FrozenModel):
    """The answer in one line, and what it rests on."""

    state: Literal["fits", "older-broken", "own-faults", "broken", "unknown"]
    title: str
    detail: str


class Overview(FrozenModel):
    """One sheet in one line.

    Attributes:
        newest: The cell of both newest versions; None when there is no cell.
        declared: How many pairs are declared; `proven` of them were shown to work.
        shown: How many cells are drawn with each verdict, in the order of the verdicts.
    """

    edge: str
    setting: str
    link: str
    allowed_to_fail: str | None
    newest: Cell | None
    newest_pair: str
    declared: int
    proven: int
    shown: dict[Verdict, int]


def headline(report: MatrixReport) -> Headline:
    """Whether everything that is declared works; without evidence that is unknown, never yes."""
    declared = [cell for cell in _cells(sheet for sheet in report.sheets if sheet.counts) if cell.declared]
    blamed = [cell for cell in declared if not cell.own_fault and cell.verdict is not Verdict.COMPATIBLE]
    broken = sum(cell.verdict in SEEN_BROKEN for cell in blamed)
    aside = _own_faults_aside(declared) + _missing_aside(report) + _undeclared_aside(report)
    if broken:
        verb = "does" if broken == 1 else "do"
        detail = f"{broken:,} of {labels.counted(len(declared), 'declared pair')} {verb} not work.{aside}"
        if _newest_fit(report):
            title = "The newest releases fit together, older ones do not"
            return Headline(state="older-broken", title=title, detail=detail)
        return Headline(state="broken", title="The family does not fit together", detail=detail)
    if blamed:
        detail = f"{len(blamed):,} of {labels.counted(len(declared), 'declared pair')} could not be judged.{aside}"
        return Headline(state="unknown", title="Not proven", detail=detail)
    works = any(cell.verdict is Verdict.COMPATIBLE for cell in declared)
    if not works or report.missing or report.undeclared:
        detail = _all_work(declared) if works else "No declared pair was shown to work."
        return Headline(state="unknown", title="Not proven", detail=f"{detail}{aside}")
    if alone := _newest_broken_alone(report):
        title = f"Nothing broke along the edges, but {' and '.join(alone)} {'is' if len(alone) == 1 else 'are'} broken"
        return Headline(state="own-faults", title=title, detail=f"{_all_work(declared)}{aside}")
    return Headline(state="fits", title="The family fits together", detail=f"{_all_work(declared)}{aside}")


def _own_faults_aside(declared: list[Cell]) -> str:
    outdated = sum(cell.verdict is Verdict.OUTDATED for cell in declared)
    number = sum(cell.own_fault for cell in declared) - outdated
    why = ((number, "by the downstream's own fault"), (outdated, "with today's third-party packages only"))
    return "".join(
        f" {labels.counted(count, 'declared pair')} {'fails' if count == 1 else 'fail'} {words}."
        for count, words in why
        if count
    )


def _missing_aside(report: MatrixReport) -> str:
    return "".join(
        f" {item.package} {item.version} can't be had: {labels.one_line(item.reason)}." for item in report.missing
    )


def _undeclared_aside(report: MatrixReport) -> str:
    return "".join(
        f" {sheet.downstream} {sheet.rows[-1].version} admits no {sheet.upstream} that was tested."
        for sheet in report.undeclared
    )


def _all_work(declared: list[Cell]) -> str:
    """Says "all" only where it is all."""
    proven = sum(cell.verdict is Verdict.COMPATIBLE for cell in declared)
    if proven == len(declared):
        return f"All {proven:,} declared pairs work." if proven > 1 else "The one declared pair works."
    verb = "works" if proven == 1 else "work"
    return f"{proven:,} of {labels.counted(len(declared), 'declared pair')} {verb}."


def _newest_fit(report: MatrixReport) -> bool:
    """Old releases stay broken for ever, so the answer is about the newest ones."""
    newest = [newest_cell(sheet) for sheet in report.sheets if sheet.counts]
    return all(cell is not None and cell.verdict is Verdict.COMPATIBLE for cell in newest)


def _newest_broken_alone(report: MatrixReport) -> list[str]:
    """Downstreams with a newest release that is red with every upstream version: broken, though no edge broke them."""
    found = ((sheet, newest_cell(sheet)) for sheet in report.sheets if sheet.counts)
    return list(
        dict.fromkeys(
            f"{sheet.downstream} {sheet.rows[-1].version}" for sheet, cell in found if cell and cell.own_fault
        )
    )


def overview(sheet: Sheet) -> Overview:
    """What one sheet says in one line."""
    declared = [cell for cell in _cells([sheet]) if cell.declared]
    shown = Counter(shown_as(cell) for cell in _cells([sheet]))
    pair = (sheet.upstream_versions[-1:], tuple(row.version for row in sheet.rows[-1:]))
    return Overview(
        edge=labels.edge(sheet),
        setting=labels.setting(sheet),
        link=sheet_link(sheet),
        allowed_to_fail=sheet.allowed_to_fail,
        newest=newest_cell(sheet),
        newest_pair=" × ".join(version for versions in pair for version in versions),
        declared=len(declared),
        proven=sum(cell.verdict is Verdict.COMPATIBLE for cell in declared),
        shown={verdict: shown[verdict] for verdict in Verdict if shown[verdict]},
    )


def newest_cell(sheet: Sheet) -> Cell | None:
    """The cell of both newest versions, if there is one."""
    return sheet.cells[-1][-1] if sheet.cells and sheet.cells[-1] else None


def sheet_link(sheet: Sheet) -> str:
    """What names a sheet in the address of a page; the same in the next report."""
    parts = (sheet.upstream, sheet.downstream, sheet.suite, sheet.python, point_text(sheet.point))
    return ":".join(parts).rstrip(":")


def cell_link(sheet: Sheet, upstream_version: str, downstream_version: str) -> str:
    """The part of a page's address, from the `#` on, that opens a cell."""
    return "#" + urlencode({"sheet": sheet_link(sheet), "upstream": upstream_version, "downstream": downstream_version})


def _cells(sheets: Iterable[Sheet]) -> Iterator[Cell]:
    for sheet in sheets:
        for row in sheet.cells:
            yield from row
