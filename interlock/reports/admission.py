"""Whether a version may be released, in the terminal: the answer, and what each cell says."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from interlock.contracts.admission import Admission, Answer, CellSaid
from interlock.reports.labels import counted, one_line
from interlock.reports.symbols import MARKS

STYLES = {Answer.YES: ("✓", "bold green"), Answer.NO: ("✗", "bold red"), Answer.UNKNOWN: ("?", "bold yellow")}
MOST_TESTS = 5


def print_admission(found: Admission, console: Console) -> None:
    """Print the cells, their red tests, and the answer."""
    if found.cells:
        console.print(_table(found))
    for cell in found.saying(Answer.NO):
        _print_red(cell, console)
    for note in found.notes:
        console.print(Text(f"note: {one_line(note)}"), soft_wrap=True)
    console.print(_line(found), soft_wrap=True)
    if found.answer is Answer.UNKNOWN and (hint := hint_of(found)):
        console.print(Text(f"  cure: {hint}"), soft_wrap=True)


def _line(found: Admission) -> Text:
    mark, style = STYLES[found.answer]
    before = f" (before: {found.before})" if found.before else ""
    subject = f"{found.package} {one_line(found.described)}{before}"
    return Text.assemble((f"{mark} {found.answer}", style), f"  {subject}: {one_line(found.why)}")


def hint_of(found: Admission) -> str | None:
    """The command that finds out what is not known; None where there is no suite for it."""
    if not found.cells:
        return None
    return f"interlock contracts {found.sha or found.version or found.described} --of {found.package}"


def _table(found: Admission) -> Table:
    """The table of cells; only its last column may wrap, so that it fits into most terminals."""
    several = len({cell.evidence.cell.python for cell in found.cells}) > 1
    table = Table(box=None, pad_edge=False)
    for title in ("", "downstream", "suite", "seen"):
        table.add_column(title, no_wrap=True)
    table.add_column("says", overflow="fold")
    for cell in found.cells:
        table.add_row(*_row(cell, with_python=several))
    return table


def _row(said: CellSaid, *, with_python: bool) -> tuple[Text, ...]:
    cell, known = said.evidence.cell, said.evidence.known
    mark = MARKS[known.verdict] if known else None
    point = f" [{one_line(cell.point)}]" if cell.point else ""
    python = f", Python {cell.python}" if with_python else ""
    return (
        Text(mark.symbol, style=mark.style) if mark else Text("–"),
        Text(f"{cell.downstream} {cell.downstream_version}"),
        Text(f"{cell.suite}{point}{python}"),
        Text(f"{known.at:%Y-%m-%d}" if known else "never"),
        Text(one_line(said.why), style=STYLES[said.says][1].removeprefix("bold ") if said.says else "bright_black"),
    )


def _print_red(said: CellSaid, console: Console) -> None:
    """Print the first red tests of a cell that says no; newly red ones come first."""
    known, before = said.evidence.known, said.evidence.before
    if known is None or not known.red:
        return
    old = before.red if before else {}
    tests = sorted(known.red.items(), key=lambda item: item[0] in old)
    cell = said.evidence.cell
    console.print(Text(f"{cell.downstream} {cell.downstream_version}, {cell.suite}:", style="bold"))
    for test, error in tests[:MOST_TESTS]:
        words = f": {one_line(error)}" if error else ""
        console.print(Text.assemble(("  ✗ ", "red"), one_line(test), (words, "red")), soft_wrap=True)
    if len(tests) > MOST_TESTS:
        console.print(Text(f"  and {counted(len(tests) - MOST_TESTS, 'other red test')}"))
