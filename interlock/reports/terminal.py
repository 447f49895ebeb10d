"""The matrix in a terminal: one narrow table a sheet, and beneath it in words what is wrong."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from interlock.matrix.report import MatrixReport, Sheet
from interlock.model.verdicts import Verdict
from interlock.reports import labels
from interlock.reports.changes import ChangeGroup, changes
from interlock.reports.declared import could_be_wider, falsely_allowed
from interlock.reports.findings import Finding, others, outdated, own_faults, regressions
from interlock.reports.summary import headline
from interlock.reports.symbols import MARKS, shown_as
from interlock.reports.terminal_tables import print_table

# Longer lists are not read in a terminal.
MOST_LINES = 20
_HEADLINES = {
    "fits": ("✓", "bold green"),
    "older-broken": ("!", "bold yellow"),
    "own-faults": ("!", "bold yellow"),
    "broken": ("✗", "bold red"),
    "unknown": ("?", "bold yellow"),
}


def print_report(report: MatrixReport, console: Console, *, page: Path | None = None) -> None:
    """Print everything that fits, and say what doesn't; `page` is where the HTML report is, which shows every pair."""
    partly = [_print_sheet(sheet, console, page) for sheet in report.sheets]
    _print_legend(report, console, partly=any(partly))
    _print_list("Regressions", [_finding(item, report) for item in regressions(report)], console)
    _print_list("The downstreams' own faults", [_finding(item, report) for item in own_faults(report)], console)
    _print_list("Outdated environments", [_finding(item, report) for item in outdated(report)], console)
    _print_list("Not green for other reasons", [_finding(item, report) for item in others(report)], console)
    _print_list("Declared, and seen not to work", _range_lines(report, falsely_allowed, "red"), console)
    _print_list("Could be wider", _range_lines(report, could_be_wider, "yellow"), console)
    _print_list("Changed since the last run", [_change(item) for item in changes(report)], console)
    _print_list("Notes", [Text(labels.one_line(note)) for note in report.notes], console)
    _print_answer(report, console, page)


def _print_sheet(sheet: Sheet, console: Console, page: Path | None) -> bool:
    """Print one table with its title; whether marks for what is declared in part were needed."""
    console.print(Rule(Text(labels.edge(sheet), style="bold"), align="left", style="bright_black"))
    console.print(Text(labels.setting(sheet), style="bright_black"))
    if sheet.allowed_to_fail is not None:
        console.print(Text(f"allowed to fail: {labels.one_line(sheet.allowed_to_fail)}", style="yellow"))
    if not (sheet.rows and sheet.upstream_versions):
        console.print(Text("no version pair to show\n"))
        return False
    partly = print_table(sheet, console, page)
    console.print()
    return partly


def _print_legend(report: MatrixReport, console: Console, *, partly: bool) -> None:
    """Explain the symbols that were used, and no others."""
    cells = [cell for sheet in report.sheets for row in sheet.cells for cell in row]
    used = {shown_as(cell) for cell in cells}
    for verdict in (verdict for verdict in Verdict if verdict in used):
        mark = MARKS[verdict]
        console.print(Text.assemble((f" {mark.symbol}  ", mark.style), (f"{verdict:<21}", "bold"), mark.meaning))
    if any(cell.declared for cell in cells):
        console.print(Text.assemble((f"[ ] {'declared':<21}", "bold"), "the downstream declares this"))
    if partly:
        console.print(Text.assemble((f"( ) {'partly':<21}", "bold"), "it declares some of these versions"))
    console.print()


def _finding(item: Finding, report: MatrixReport) -> Text:
    subject = item.test or "the suite"
    text = Text.assemble((labels.one_line(subject), "bold"), f"{item.more} {item.when}")
    text.append(f": {item.error}" if item.error else "", style="red")
    text.append(f", with {item.whom}")
    if item.declared:
        text.append(" (declared)", style="bold")
    if item.allowed_to_fail is not None:
        text.append(f" (allowed to fail: {labels.one_line(item.allowed_to_fail)})", style="yellow")
    text.append(f" ({item.note})" if item.note else "")
    return text.append(*_settings(item.settings, report))


def _range_lines(report: MatrixReport, said: Callable[[Sheet], Iterable[str]], style: str) -> list[Text]:
    """Each line once, with the settings that show it where there are several."""
    lines: dict[str, list[str]] = {}
    for sheet in report.sheets:
        for line in said(sheet):
            lines.setdefault(line, []).append(labels.setting(sheet))
    return [Text.assemble((line, style), _settings(shown, report)) for line, shown in lines.items()]


def _settings(shown: Sequence[str], report: MatrixReport) -> tuple[str, str]:
    """The settings that show something, if the report has others."""
    several = len({labels.setting(sheet) for sheet in report.sheets}) > 1
    return (f" [{'; '.join(shown)}]" if several else "", "bright_black")


def _change(item: ChangeGroup) -> Text:
    before, after = MARKS[item.before], MARKS[item.after]
    return Text.assemble(
        (f"{before.symbol} {item.before}", before.style),
        " → ",
        (f"{after.symbol} {item.after}", after.style),
        f": {item.whom} ({labels.counted(item.cells, 'cell')}, last seen {labels.moment(item.since)})",
    )


def _print_list(title: str, lines: list[Text], console: Console) -> None:
    if not lines:
        return
    console.print(Text(f"{title} ({len(lines)})", style="bold underline"))
    for line in lines[:MOST_LINES]:
        console.print(Text.assemble("• ", line), soft_wrap=False)
    if len(lines) > MOST_LINES:
        console.print(Text(f"  and {len(lines) - MOST_LINES} more: the HTML report lists them all", style="italic"))
    console.print()


def _print_answer(report: MatrixReport, console: Console, page: Path | None) -> None:
    """Print the last lines, which stay visible."""
    answer = headline(report)
    symbol, style = _HEADLINES[answer.state]
    console.print(Text.assemble((f"{symbol} {answer.title}. ", style), answer.detail))
    took = labels.duration((report.finished_at - report.started_at).total_seconds())
    console.print(Text(f"{labels.totals_line(report.totals)} ({labels.counted(report.totals.runs, 'run')} in {took})"))
    if page is not None:
        console.print(Text(f"every pair: {page}"), soft_wrap=True)
