"""How each verdict is shown: a symbol, a name and a meaning, the same in the terminal and on the page."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from interlock.matrix.report import Cell
from interlock.model.verdicts import Verdict


class Mark(NamedTuple):
    """How a verdict is shown.

    Attributes:
        style: The terminal's colour; never the only difference, since not everybody sees it.
    """

    symbol: str
    style: str
    meaning: str


MARKS: Mapping[Verdict, Mark] = MappingProxyType(
    {
        Verdict.COMPATIBLE: Mark("✓", "green", "every test passes"),
        Verdict.INCOMPATIBLE: Mark(
            "✗", "bold red", "a test fails that passes elsewhere, or of which nothing is known elsewhere"
        ),
        Verdict.BROKEN_BEFORE: Mark("○", "yellow", "fails with every upstream version: the downstream's own fault"),
        Verdict.OUTDATED: Mark(
            "◇", "yellow", "fails with today's third-party packages, and passes with those of its release date"
        ),
        Verdict.UNRESOLVABLE: Mark("⊘", "magenta", "no environment can hold both"),
        Verdict.UNTESTED: Mark("·", "bright_black", "nothing was tested"),
        Verdict.TIMED_OUT: Mark("◔", "bold magenta", "the suite did not finish in its time"),
        Verdict.FLAKY: Mark("≈", "cyan", "two runs showed different things"),
    }
)


def shown_as(cell: Cell) -> Verdict:
    """The verdict that a cell is drawn with: red by its own fault is not the pair's incompatibility."""
    return Verdict.BROKEN_BEFORE if cell.own_fault and cell.verdict is Verdict.INCOMPATIBLE else cell.verdict
