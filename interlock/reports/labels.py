"""Labels that all reports share: counts, times, names, and untrusted text made harmless."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from interlock.common.sanitize import one_line, plain
from interlock.matrix.report import DownstreamRow, Sheet, Totals, VersionRange

__all__ = [
    "controls",
    "counted",
    "declares",
    "duration",
    "edge",
    "listed",
    "moment",
    "one_line",
    "plain",
    "setting",
    "specifier",
    "totals_line",
]


def counted(number: int, noun: str) -> str:
    """As `1 cell` and `4,757 cells`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(seconds: float) -> str:
    """As `0.25 s`, `12 s`, `2 min 13 s` and `1 h 2 min`."""
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes_left = divmod(minutes, 60)
    return f"{minutes} min {rest} s" if hours == 0 else f"{hours} h {minutes_left} min"


def moment(when: datetime) -> str:
    """As `2026-11-20 10:41 UTC`."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def listed(ranges: Sequence[VersionRange], most: int = sys.maxsize) -> str:
    """Ranges in one line, the first of them and the number of the others; a dash when there are none."""
    shown = ", ".join(str(item) for item in ranges[:most]) or "—"
    return shown if len(ranges) <= most else f"{shown} and {len(ranges) - most} more"


def specifier(declared: str | None) -> str:
    """What a downstream declares, in words where there is nothing to quote."""
    if declared is None:
        return "no requirement"
    return declared or "any version"


def declares(row: DownstreamRow) -> str:
    """What a row's downstream declares, where that is known."""
    return specifier(row.declared) if row.missing is None else f"not known: {one_line(row.missing)}"


def edge(sheet: Sheet) -> str:
    """As `market-data-core × market-data-pipeline`."""
    return f"{sheet.upstream} × {sheet.downstream}"


def controls(sheet: Sheet, row: DownstreamRow) -> str:
    """What a row was judged by beside its cells, as `market-data-core 1.2.9: passed`; empty for nothing."""
    tried = (
        f"{sheet.upstream} {each.upstream_version}"
        f"{f' with the third-party packages of {each.as_of:%Y-%m-%d}' if each.as_of else ''}: {each.status}"
        for each in row.controls
    )
    return ", ".join(tried)


def setting(sheet: Sheet) -> str:
    """What a sheet was run with, as `contracts · Python 3.11.7 · bus_backend=redis`."""
    point = ", ".join(f"{axis}={value}" for axis, value in sheet.point.items())
    return " · ".join(part for part in (sheet.suite, f"Python {sheet.python}", point) if part)


def totals_line(totals: Totals) -> str:
    """As `4,757 cells: 60 run, 4,697 shared, 0 known`."""
    line = f"{counted(totals.cells, 'cell')}: {totals.run:,} run, {totals.shared:,} shared, {totals.known:,} known"
    unrun = f", {totals.unrun:,} could not be run" if totals.unrun else ""
    return f"{line}{unrun}" + (f", and {counted(totals.controls, 'control')}" if totals.controls else "")
