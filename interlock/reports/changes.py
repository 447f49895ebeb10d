"""What changed since the last run: cells that changed alike, said in one line."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from datetime import datetime

from packaging.version import Version

from interlock.common.frozen_model import FrozenModel
from interlock.matrix.analysis import ranges
from interlock.matrix.report import Change, MatrixReport, Sheet
from interlock.model.verdicts import Verdict
from interlock.reports import labels
from interlock.reports.grouping import spans
from interlock.reports.summary import cell_link


class ChangeGroup(FrozenModel):
    """Cells that changed in the same way: some downstream versions, each with the same upstream versions.

    Attributes:
        whom: As `market-data-pipeline 0.8.1 – 0.8.3 with market-data-core 1.2.11`.
        link: Opens one of the cells on the page; None when the table no longer has it.
    """

    before: Verdict
    after: Verdict
    since: datetime
    cells: int
    whom: str
    setting: str
    link: str | None


def changes(report: MatrixReport) -> tuple[ChangeGroup, ...]:
    """Everything that changed, in the order in which the report names it."""
    alike = ((found, sheet) for sheet, table in by_sheet(report) for found in _alike(table))
    return tuple(group for found, sheet in alike for group in _groups(found, sheet))


def by_sheet(report: MatrixReport) -> list[tuple[Sheet | None, list[Change]]]:
    """The changes of each table, with its sheet if the report has it."""
    tables: dict[Hashable, list[Change]] = defaultdict(list)
    for change in report.changes:
        key = change.cell
        tables[key.upstream, key.downstream, key.suite, key.python, key.point].append(change)
    return [
        (next((sheet for sheet in report.sheets if _belongs(found[0], sheet)), None), found)
        for found in tables.values()
    ]


def _alike(table: list[Change]) -> list[list[Change]]:
    found: dict[Hashable, list[Change]] = defaultdict(list)
    for change in table:
        found[change.before, change.after, change.since].append(change)
    return list(found.values())


def _belongs(change: Change, sheet: Sheet) -> bool:
    key = change.cell
    point = {f"{axis}={value}" for axis, value in sheet.point.items()}
    return (
        (sheet.upstream, sheet.downstream, sheet.suite) == (key.upstream, key.downstream, key.suite)
        and f"{sheet.python}.".startswith(f"{key.python}.")  # the key holds what was asked for, as 3.11
        and set(filter(None, key.point.split(","))) == point
    )


def _groups(found: list[Change], sheet: Sheet | None) -> Iterator[ChangeGroup]:
    """Neighbouring downstream versions that changed with the same upstream versions become one group."""
    upstream: dict[str, set[str]] = defaultdict(set)
    for change in found:
        upstream[change.cell.downstream_version].add(change.cell.upstream_version)
    rows = [row.version for row in sheet.rows] if sheet else _ascending(upstream)
    columns = list(sheet.upstream_versions) if sheet else _ascending(set().union(*upstream.values()))
    with_ = [frozenset(upstream.get(row, ())) for row in rows]
    for span in spans(with_):
        if with_[span.start]:
            yield _group(found[0], sheet, rows[span.start : span.stop], [v for v in columns if v in with_[span.start]])


def _group(example: Change, sheet: Sheet | None, downstream: list[str], upstream: list[str]) -> ChangeGroup:
    key = example.cell
    rows = [row.version for row in sheet.rows] if sheet else downstream
    columns = list(sheet.upstream_versions) if sheet else upstream
    whom = labels.listed(ranges(rows, downstream)), labels.listed(ranges(columns, upstream))
    return ChangeGroup(
        before=example.before,
        after=example.after,
        since=example.since,
        cells=len(downstream) * len(upstream),
        whom=f"{key.downstream} {whom[0]} with {key.upstream} {whom[1]}",
        setting=labels.setting(sheet) if sheet else " · ".join(filter(None, (key.suite, key.python, key.point))),
        link=cell_link(sheet, upstream[-1], downstream[-1]) if sheet and upstream else None,
    )


def _ascending(versions: Iterable[str]) -> list[str]:
    return sorted(versions, key=Version)
