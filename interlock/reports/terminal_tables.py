"""The tables of the terminal report: neighbours that are alike merged until the width is enough."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from interlock.matrix.report import Cell, Sheet
from interlock.model.verdicts import Verdict
from interlock.reports.grouping import Grouped, Span, group, label
from interlock.reports.symbols import MARKS, shown_as

_GAP = 1  # blank columns between two columns


class Look(NamedTuple):
    """What a cell of the terminal's table says; `declared` is None while tables are merged without it."""

    verdict: Verdict
    declared: bool | None


def print_table(sheet: Sheet, console: Console, page: Path | None) -> bool:
    """Print a sheet in the first form that fits, from the plainest to the most compact.

    Ranges as headers; numbers as headers with a key below; the same without splitting ranges by what is declared;
    and at last the newest columns alone, with a word on the others.

    Returns:
        Whether cells that are declared were merged with some that are not.
    """
    for exact in (True, False):
        grouped = _grouped(sheet, exact=exact)
        headers, numbers = _range_headers(sheet, grouped.columns), _numbers(grouped.columns)
        if _width(sheet, grouped, headers) <= console.width:
            console.print(_table(sheet, grouped, headers, range(len(headers))))
            return not exact
        if _width(sheet, grouped, numbers) <= console.width:
            console.print(_table(sheet, grouped, numbers, range(len(numbers))))
            _print_key(sheet, grouped.columns, numbers, console)
            return not exact
    _print_newest(sheet, grouped, console, page)
    return True


def _grouped(sheet: Sheet, *, exact: bool) -> Grouped[Look]:
    looks = [[Look(shown_as(cell), bool(cell.declared) if exact else None) for cell in row] for row in sheet.cells]
    return group(looks, len(sheet.upstream_versions))


def _print_newest(sheet: Sheet, grouped: Grouped[Look], console: Console, page: Path | None) -> None:
    headers = _numbers(grouped.columns)
    fitting = max(1, (console.width - _row_header_width(sheet, grouped)) // (_column_width(headers[-1]) + _GAP))
    shown = range(len(headers) - fitting, len(headers))
    console.print(_table(sheet, grouped, headers, shown))
    columns, kept = grouped.columns[shown.start :], headers[shown.start :]
    _print_key(sheet, columns, kept, console)
    where = f": {page}" if page else ""
    left_out = label(Span(0, columns[0].start), sheet.upstream_versions)
    console.print(
        Text(f"{sheet.upstream} {left_out} did not fit in this width; the HTML report shows all{where}", style="italic")
    )


def _table(sheet: Sheet, grouped: Grouped[Look], headers: Sequence[str], shown: range) -> Table:
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bright_black")
    table.add_column(_corner(sheet), no_wrap=True)
    for column in shown:
        table.add_column(headers[column], no_wrap=True, justify="center")
    versions = [row.version for row in sheet.rows]
    for span, looks in zip(grouped.rows, grouped.cells, strict=True):
        marks = [_mark(sheet, span, grouped.columns[column], looks[column]) for column in shown]
        table.add_row(Text(label(span, versions)), *marks)
    return table


def _mark(sheet: Sheet, rows: Span, columns: Span, look: Look) -> Text:
    mark = MARKS[look.verdict]
    cells = [cell for row in sheet.cells[rows.start : rows.stop] for cell in row[columns.start : columns.stop]]
    left, right = _brackets(cells)
    return Text.assemble((left, "bold"), (mark.symbol, mark.style), (right, "bold"))


def _brackets(cells: Sequence[Cell]) -> tuple[str, str]:
    """`[]` around what is declared, `()` around what is so in part."""
    declared = {bool(cell.declared) for cell in cells}
    if declared == {True, False}:
        return "(", ")"
    return ("[", "]") if declared == {True} else (" ", " ")


def _corner(sheet: Sheet) -> str:
    return f"↓ {sheet.downstream}\n→ {sheet.upstream}"


def _range_headers(sheet: Sheet, columns: Sequence[Span]) -> list[str]:
    """`1.4.22 – 1.4.61 (32)`, stacked so that a column stays narrow."""
    return [label(span, sheet.upstream_versions).replace(" – ", "\n– ").replace(" (", "\n(") for span in columns]


def _numbers(columns: Sequence[Span]) -> list[str]:
    return [str(number) for number in range(1, len(columns) + 1)]


def _print_key(sheet: Sheet, columns: Sequence[Span], headers: Sequence[str], console: Console) -> None:
    """What the numbers in the header stand for."""
    labels = [label(span, sheet.upstream_versions) for span in columns]
    entries = [f"{header} = {text}".replace(" ", "\xa0") for header, text in zip(headers, labels, strict=True)]
    lines = wrap(f"{sheet.upstream}: {',  '.join(entries)}", console.width)  # it never breaks a line at \xa0
    console.print(Text("\n".join(lines).replace("\xa0", " "), style="bright_black"))


def _width(sheet: Sheet, grouped: Grouped[Look], headers: Sequence[str]) -> int:
    return _row_header_width(sheet, grouped) + sum(_column_width(header) + _GAP for header in headers)


def _row_header_width(sheet: Sheet, grouped: Grouped[Look]) -> int:
    versions = [row.version for row in sheet.rows]
    texts = [*(label(span, versions) for span in grouped.rows), *_corner(sheet).splitlines()]
    return max(cell_len(text) for text in texts) + _GAP


def _column_width(header: str) -> int:
    return max(3, *map(cell_len, header.splitlines()))
