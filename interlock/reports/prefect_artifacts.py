"""What Prefect's UI shows of a matrix: a table, and a summary in Markdown."""

import re

from interlock.matrix.report import MatrixReport
from interlock.reports import labels
from interlock.reports.changes import changes
from interlock.reports.declared import range_groups
from interlock.reports.findings import Finding, others, outdated, own_faults, regressions
from interlock.reports.summary import headline, overview

MOST_LINES = 20


def table_rows(report: MatrixReport) -> list[dict[str, str]]:
    """For each edge, the downstream versions in groups: what they declare, and what was proven."""
    return [
        {
            "edge": labels.edge(sheet),
            "setting": labels.setting(sheet),
            "downstream": group.versions,
            "declared": labels.declares(group.row),
            "proven": labels.listed(group.row.proven),
            "falsely allowed": labels.listed(group.row.falsely_allowed),
            "needlessly forbidden": labels.listed(group.row.needlessly_forbidden),
        }
        for sheet in report.sheets
        for group in range_groups(sheet)
    ]


def answer(report: MatrixReport) -> tuple[str, str]:
    """The answer in a line, and its evidence in another."""
    said = headline(report)
    return f"{said.title}.", said.detail


def markdown_summary(report: MatrixReport) -> str:
    """The answer, its evidence, and what is wrong, as Markdown; other programs' text is escaped."""
    answer = headline(report)
    lines = [
        f"# {answer.title}",
        "",
        answer.detail,
        "",
        _plain(report.covers),
        "",
        labels.totals_line(report.totals),
        "",
    ]
    for sheet in report.sheets:
        line = overview(sheet)
        shown = ", ".join(f"{count:,} {verdict}" for verdict, count in line.shown.items())
        lines.append(f"- **{_plain(line.edge)}** ({_plain(line.setting)}): {shown}")
    lines += _section("Regressions", [_finding(item) for item in regressions(report)])
    lines += _section("The downstreams' own faults", [_finding(item) for item in own_faults(report)])
    lines += _section("Outdated environments", [_finding(item) for item in outdated(report)])
    lines += _section("Not green for other reasons", [_finding(item) for item in others(report)])
    changed = [f"{item.before} → {item.after}: {_plain(item.whom)}" for item in changes(report)]
    lines += _section("Changed since the last run", changed)
    return "\n".join(lines)


def _finding(item: Finding) -> str:
    declared = (f" ({item.note})" if item.note else "") + (" (declared)" if item.declared else "")
    test = _plain(item.test or "the suite")
    return f"**{test}**{item.more} {_plain(item.when)}: {_plain(item.error)}, with {_plain(item.whom)}{declared}"


def _section(title: str, found: list[str]) -> list[str]:
    if not found:
        return []
    shown = [f"- {line}" for line in found[:MOST_LINES]]
    more = [f"- and {len(found) - MOST_LINES} more"] if len(found) > MOST_LINES else []
    return ["", f"## {title}", "", *shown, *more]


def _plain(text: str) -> str:
    """Escape text for Markdown: a test's name or an error may contain anything."""
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", labels.one_line(text))
