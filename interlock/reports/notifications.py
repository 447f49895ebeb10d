"""Notifications: short texts, each with an identity, so that people are notified once.

They go to Slack, mailboxes and other channels, so text of others is made harmless: one line, cut, and without the
brackets and braces that those channels and Prefect's templates interpret.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum
from uuid import NAMESPACE_URL, UUID, uuid5

from interlock.common.frozen_model import FrozenModel
from interlock.common.sanitize import cut
from interlock.contracts.verify.report import Conclusion, ContractsReport, DownstreamResult
from interlock.matrix.report import Change, MatrixReport
from interlock.model.cascade import Cascade, HeldBy, Progress, State
from interlock.model.verdicts import Verdict
from interlock.releases.checks import Check
from interlock.releases.checks import State as CheckState
from interlock.reports.labels import counted

MOST_LINES = 5
LONGEST_LINE = 300
# The cause of a check also has the number of days left, which changes every day.
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_OBEYED = str.maketrans({"<": "‹", ">": "›", "{": "(", "}": ")", "`": "'"})


class NotificationKind(StrEnum):
    """The kinds of notification, by the names of their Prefect events."""

    HELD = "interlock.package.held"
    FAILED = "interlock.package.failed"
    TOKEN = "interlock.token.expires"  # noqa: S105  a name
    INCOMPATIBLE = "interlock.matrix.incompatible"
    REGRESSED = "interlock.cells.regressed"


class Notification(FrozenModel):
    """A notification.

    Attributes:
        kind: The name of its Prefect event.
        of: The package, token or edge that it is about.
        same: The rest of its identity; nothing in it changes while the notification holds.
        subject: A line.
        body: A few lines.
    """

    kind: NotificationKind
    of: str
    same: tuple[str, ...]
    subject: str
    body: str

    @property
    def id(self) -> UUID:
        """The id of its event, which a server keeps once: equal for equal notifications."""
        return uuid5(NAMESPACE_URL, "\0".join((self.kind, self.of, *self.same)))


def harmless(text: str, most: int = LONGEST_LINE) -> str:
    """A line of other people's text that no channel interprets."""
    return cut(text, most).translate(_OBEYED)


def stuck(cascade: Cascade) -> tuple[Notification, ...]:
    """A notification for each package that is held or failed by itself; it names the packages held with it."""
    return tuple(
        _stuck(cascade, each)
        for each in cascade.progress.values()
        # A person who holds a package or aborts knows it already.
        if each.state is State.FAILED or (each.state is State.HELD and each.held_by is HeldBy.ITSELF)
    )


def _stuck(cascade: Cascade, progress: Progress) -> Notification:
    held = progress.state is State.HELD
    name = progress.package
    after = [each.package for each in cascade.progress.values() if each.held_by is HeldBy.UPSTREAM]
    command = f"interlock cascade {f'unhold {name}' if held else f'resume {cascade.id}'}"
    lines = [
        progress.reason,
        *([f"held with it, or with others: {', '.join(after)}"] if after else []),
        f"when it is cured: {command}",
    ]
    return Notification(
        kind=NotificationKind.HELD if held else NotificationKind.FAILED,
        of=name,
        same=(cascade.id, progress.state, progress.since.isoformat()),
        subject=f"{name} {'is held' if held else 'has failed'} in the cascade {cascade.id}",
        body=_body(lines),
    )


def expiring(family: str, checks: Iterable[Check]) -> tuple[Notification, ...]:
    """A notification for each token that expires soon."""
    return tuple(
        Notification(
            kind=NotificationKind.TOKEN,
            of=check.subject,
            same=(family, *_DAY.findall(check.cause)),
            subject=f"{family}: the {harmless(check.subject)} expires soon",
            body=_body([check.cause, check.cure or ""]),
        )
        for check in checks
        if check.name == "expiry" and check.state is CheckState.WARNING
    )


def incompatible(report: MatrixReport) -> tuple[Notification, ...]:
    """A notification for each edge with cells that were compatible in the last matrix and are not now."""
    edges: defaultdict[str, list[Change]] = defaultdict(list)
    for change in report.changes:
        if change.before is Verdict.COMPATIBLE and change.after is not Verdict.COMPATIBLE:
            edges[f"{change.cell.upstream} × {change.cell.downstream}"].append(change)
    return tuple(_incompatible(report, edge, changes) for edge, changes in edges.items())


def _incompatible(report: MatrixReport, edge: str, changes: list[Change]) -> Notification:
    lines = sorted(_changed(change) for change in changes)
    return Notification(
        kind=NotificationKind.INCOMPATIBLE,
        of=edge,
        same=(report.family, *lines, max(change.since for change in changes).isoformat()),
        subject=f"{report.family}: {edge}: {counted(len(changes), 'cell')} no longer compatible",
        body=_body(lines),
    )


def _changed(change: Change) -> str:
    cell = change.cell
    setting = ", ".join(part for part in (cell.suite, f"Python {cell.python}", cell.point) if part)
    versions = f"{cell.upstream} {cell.upstream_version} × {cell.downstream} {cell.downstream_version}"
    return f"{versions}: {change.after} ({setting})"


def regressed(report: ContractsReport) -> tuple[Notification, ...]:
    """A notification when a ref breaks downstreams; none for a pull request, which shows it itself."""
    broken = [each for each in report.downstreams if each.conclusion is Conclusion.FAILURE]
    if not broken or report.pull is not None:
        return ()
    names = [each.downstream for each in broken]
    return (
        Notification(
            kind=NotificationKind.REGRESSED,
            of=report.upstream,
            same=(report.family, report.version, *names),
            subject=f"{report.upstream} {harmless(report.ref, 100)} breaks {', '.join(names)}",
            body=_body(line for each in broken for line in _broken(each)),
        ),
    )


def _broken(result: DownstreamResult) -> Iterable[str]:
    for cell in result.cells:
        if cell.conclusion is Conclusion.FAILURE:
            tests = "; ".join(f"{test.id}: {test.error or 'red'}" for test in cell.regressed)
            yield f"{result.downstream} {cell.side}, {cell.suite}: {tests or cell.reason or cell.verdict}"


def _body(lines: Iterable[str]) -> str:
    said = [harmless(line) for line in lines if line]
    more = len(said) - MOST_LINES
    return "\n".join([*said[:MOST_LINES], *([f"and {more} more"] if more > 0 else [])])
