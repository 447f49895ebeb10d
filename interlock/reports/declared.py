"""What is declared beside what is proven, with neighbouring downstream versions joined."""

from interlock.common.frozen_model import FrozenModel
from interlock.matrix.report import DownstreamRow, Sheet
from interlock.reports import labels
from interlock.reports.grouping import label, spans


class RangeGroup(FrozenModel):
    """Neighbouring downstream versions that declare the same and were proven the same.

    Attributes:
        versions: As `0.8.4 – 0.8.70 (64)`.
        row: One of them, which speaks for all.
    """

    versions: str
    row: DownstreamRow


def range_groups(sheet: Sheet) -> tuple[RangeGroup, ...]:
    """The rows of a sheet, with neighbours joined that differ in nothing but their version."""
    versions = [row.version for row in sheet.rows]
    keys = [
        (row.declared, row.missing, row.proven, row.falsely_allowed, row.needlessly_forbidden) for row in sheet.rows
    ]
    return tuple(RangeGroup(versions=label(span, versions), row=sheet.rows[span.start]) for span in spans(keys))


def proven_groups(sheet: Sheet) -> tuple[tuple[RangeGroup, ...], ...]:
    """The same, and those that were proven the same as one group."""
    groups = range_groups(sheet)
    return tuple(groups[span.start : span.stop] for span in spans([item.row.proven for item in groups]))


def falsely_allowed(sheet: Sheet) -> list[str]:
    """A remark where declared versions were seen not to work."""
    return [
        f"{sheet.downstream} {item.versions} declares {labels.specifier(item.row.declared)}, "
        f"and does not work with {sheet.upstream} {labels.listed(item.row.falsely_allowed)}"
        for item in range_groups(sheet)
        if item.row.falsely_allowed
    ]


def could_be_wider(sheet: Sheet) -> list[str]:
    """In one line, the newest version that forbids what works, and how many others do."""
    forbidding = [row for row in sheet.rows if row.needlessly_forbidden]
    if not forbidding:
        return []
    newest = forbidding[-1]
    works = f"{sheet.upstream} {labels.listed(newest.needlessly_forbidden)}"
    declared = f"{sheet.downstream} {newest.version} declares {labels.specifier(newest.declared)}"
    line = f"{declared}, and works with {works} as well"
    older = len(forbidding) - 1
    return [f"{line}; {labels.counted(older, 'older version')} could be wider too" if older else line]
