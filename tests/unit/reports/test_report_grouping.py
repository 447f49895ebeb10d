"""Merging neighbours loses nothing."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from interlock.matrix.analysis import ranges
from interlock.matrix.report import VersionRange
from interlock.reports.grouping import Grouped, Span, group, label, spans

TABLES = st.integers(0, 8).flatmap(
    lambda width: st.tuples(
        st.lists(st.lists(st.integers(0, 2), min_size=width, max_size=width), max_size=8), st.just(width)
    )
)


def expand(grouped: Grouped[int]) -> list[list[int]]:
    return [
        [cell for cell, columns in zip(line, grouped.columns, strict=True) for _ in range(columns.size)]
        for line, rows in zip(grouped.cells, grouped.rows, strict=True)
        for _ in range(rows.size)
    ]


@given(TABLES)
def test_expanding_a_grouped_table_gives_the_table(table: tuple[list[list[int]], int]) -> None:
    rows, width = table
    assert expand(group(rows, width)) == rows


@given(TABLES)
def test_no_two_neighbours_of_a_grouped_table_are_alike(table: tuple[list[list[int]], int]) -> None:
    grouped = group(*table)
    columns = list(zip(*grouped.cells, strict=True))
    assert all(one != other for one, other in pairwise(grouped.cells))
    assert all(one != other for one, other in pairwise(columns))


@given(st.lists(st.integers(0, 2)))
def test_spans_cover_everything_once_and_in_order(items: list[int]) -> None:
    assert [place for span in spans(items) for place in range(*span)] == list(range(len(items)))


def test_a_table_without_rows_keeps_its_columns_as_one() -> None:
    assert group([], 3) == Grouped((), (Span(0, 3),), ())


def test_a_span_is_named_by_its_ends_and_its_size() -> None:
    versions = ["1.0", "1.1", "1.2"]
    assert label(Span(0, 3), versions) == "1.0 – 1.2 (3)"
    assert label(Span(1, 2), versions) == "1.1"


@given(st.sets(st.integers(0, 9)))
def test_ranges_name_exactly_the_chosen_versions(chosen: set[int]) -> None:
    versions = [str(number) for number in range(10)]
    found = ranges(versions, {str(number) for number in chosen})
    assert {n for item in found for n in range(int(item.first), int(item.last) + 1)} == chosen


def test_ranges_pass_over_versions_that_are_not_in_the_table() -> None:
    assert ranges(["1.0", "1.1"], {"1.1", "9.9"}) == (VersionRange(first="1.1", last="1.1"),)
