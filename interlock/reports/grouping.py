"""Merging what is alike: neighbouring rows and columns of a table, neighbouring versions of a list."""

from collections.abc import Hashable, Sequence
from itertools import groupby
from typing import Generic, NamedTuple, TypeVar

from interlock.matrix.report import VersionRange

T = TypeVar("T", bound=Hashable)


class Span(NamedTuple):
    """Neighbours from `start` up to, and without, `stop`."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        """How many there are."""
        return self.stop - self.start


class Grouped(NamedTuple, Generic[T]):
    """A table in which neighbours that are alike became one; `cells[row][column]` speaks for two spans."""

    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    cells: tuple[tuple[T, ...], ...]


def group(table: Sequence[Sequence[T]], width: int) -> Grouped[T]:
    """Merge the neighbouring rows of a table that are equal, and the neighbouring columns.

    The width is the number of columns, which a table without rows doesn't show.
    """
    rows = spans([tuple(row) for row in table])
    kept = [table[row.start] for row in rows]
    columns = spans([tuple(row[column] for row in kept) for column in range(width)])
    return Grouped(rows, columns, tuple(tuple(row[column.start] for column in columns) for row in kept))


def spans(items: Sequence[Hashable]) -> tuple[Span, ...]:
    """The runs of equal neighbours, in order; together they cover everything."""
    found: list[Span] = []
    for _, alike in groupby(items):
        start = found[-1].stop if found else 0
        found.append(Span(start, start + sum(1 for _ in alike)))
    return tuple(found)


def label(span: Span, versions: Sequence[str]) -> str:
    """A span of versions, as `1.4.22 – 1.4.61 (32)`."""
    text = str(VersionRange(first=versions[span.start], last=versions[span.stop - 1]))
    return text if span.size == 1 else f"{text} ({span.size})"
