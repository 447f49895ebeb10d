"""A table that is printed as wide as its lines, in any terminal: half an id is worse than a wrapped line."""

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

WIDEST = 500


def print_wide(table: Table, console: Console) -> None:
    """Print a table without cutting its lines at the terminal's width."""
    wide = Measurement.get(console, console.options.update(max_width=WIDEST), table).maximum
    console.width, before = max(wide, console.width), console.width
    console.print(table, crop=False)
    console.width = before
