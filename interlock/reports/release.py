"""A release for people: in the terminal, and as Markdown for Prefect."""

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from interlock.checks import Check, State
from interlock.dispatches import DispatchRecord
from interlock.lifecycle import Release, Step
from interlock.releases.notes import plain
from interlock.releases.preview import Preview


def print_release(release: Release, console: Console) -> None:
    """Print what was done."""
    for line in _lines(release):
        console.print(line, highlight=False, soft_wrap=True)


def _lines(release: Release) -> Iterator[str]:
    mark, words = (
        ("[green]✓[/]", "released") if release.is_finished else ("[yellow]![/]", "released, not all have heard")
    )
    since = f" (before: {release.previous})" if release.previous else ""
    resumed = ", finishing what an earlier run began" if release.resumed else ""
    yield f"{mark} [bold]{release.package} {release.version}[/] {words}{since}{resumed}"
    place = escape(f"{release.repository} {release.branch}")
    yield f"  tag      {escape(release.tag)} on {release.commit[:10]}, {place}"
    for file in release.files:
        yield f"  file     {escape(file.name)}  sha256:{file.sha256[:16]}…  {file.size:,} bytes"
    if release.page:
        yield f"  page     {escape(release.page)}"
    for record in release.dispatches:
        yield f"  {_dispatch(record)}"
    for remark in release.remarks:
        yield f"  [yellow]![/] {escape(remark)}"
    if release.seconds:
        yield f"  [dim]time     {_durations(release)}[/]"


def _dispatch(record: DispatchRecord) -> str:
    order, receipt = record.order, record.receipt
    what = f"told     {order.repository} {order.event}: "
    if receipt is None:
        return f"[red]✗[/] {escape(what)}nobody took it"
    ended = receipt.conclusion or receipt.status.replace("_", " ")
    likely = "" if receipt.exact else " (the first run since: it does not name the dispatch)"
    mark = "[green]✓[/] " if receipt.is_good else "[red]✗[/] " if receipt.conclusion else "… "
    return f"{mark}{escape(what)}{escape(ended)}{likely}  [dim]{escape(receipt.url)}[/]"


def _durations(release: Release) -> str:
    steps = ", ".join(f"{step} {release.seconds[step]:.1f} s" for step in Step if release.seconds.get(step, 0) >= 0.05)
    return f"{sum(release.seconds.values()):.1f} s: {steps}"


def release_markdown(release: Release) -> str:
    """The same as Markdown; whatever others wrote stands there as text."""
    state = "released" if release.is_finished else "released, and not everybody has taken its dispatch"
    lines = [f"## {release.package} {release.version}", "", f"{state}; before: {release.previous or 'nothing'}", ""]
    lines += [f"- tag `{release.tag}` on `{release.commit}` in {plain(release.repository)}"]
    lines += [f"- [GitHub Release]({release.page})"] if release.page else []
    lines += ["", "| file | SHA-256 | bytes |", "|---|---|---|"]
    lines += [f"| {plain(file.name)} | `{file.sha256}` | {file.size:,} |" for file in release.files]
    lines += _dispatch_table(release.dispatches)
    lines += [f"- {plain(remark)}" for remark in release.remarks]
    lines += ["", "| step | seconds |", "|---|---|"]
    lines += [f"| {step} | {release.seconds[step]:.2f} |" for step in Step if step in release.seconds]
    return "\n".join(lines) + "\n"


def _dispatch_table(records: Iterable[DispatchRecord]) -> list[str]:
    rows = [f"| {plain(r.order.repository)} | {plain(r.order.event)} | {_receipt(r)} |" for r in records]
    return ["", "| told | event | receipt |", "|---|---|---|", *rows, ""] if rows else [""]


def _receipt(record: DispatchRecord) -> str:
    if record.receipt is None:
        return "**nobody took it**"
    return f"[{plain(record.receipt.conclusion or record.receipt.status)}]({record.receipt.url})"


def print_releases(releases: Iterable[Release], console: Console) -> None:
    """Print releases as a table, the newest first."""
    table = Table(box=None, pad_edge=False)
    for title in ("package", "version", "began", "state", "told"):
        table.add_column(title, no_wrap=True)
    for release in releases:
        table.add_row(
            release.package,
            str(release.version),
            f"{release.began_at:%Y-%m-%d %H:%M}",
            _state(release),
            _heard(release),
        )
    console.print(table)


def _state(release: Release) -> str:
    if release.is_finished:
        return "[green]finished[/]"
    return f"[yellow]unfinished[/]: interlock release {release.package}"


def _heard(release: Release) -> str:
    taken = sum(record.receipt is not None for record in release.dispatches)
    failed = f", {len(release.failed)} failed" if release.failed else ""
    return f"{taken} of {len(release.dispatches)}{failed}" if release.dispatches else "–"


def print_preview(found: Preview, console: Console) -> None:
    """Print what a release would do, and everything that was checked."""
    for check in found.checks:
        console.print(_check(check), highlight=False, soft_wrap=True)
    for line in _plan_lines(found) if found.plan else ["[red]✗[/] it would not be started; nothing was changed"]:
        console.print(line, highlight=False, soft_wrap=True)


MARKS = {State.OK: "[green]✓[/]", State.WARNING: "[yellow]![/]", State.FAILED: "[red]✗[/]", State.UNKNOWN: "?"}


def _check(check: Check) -> str:
    line = f"{MARKS[check.state]} {escape(f'{check.subject}: {check.name}: {check.cause}')}"
    return f"{line}\n    cure: {escape(check.cure)}" if check.cure and check.state is not State.OK else line


def _plan_lines(found: Preview) -> Iterator[str]:
    plan = found.plan
    assert plan is not None
    verb = "would finish" if plan.resumed else "would be released"
    yield f"\n[bold]{plan.package} {plan.version}[/] {verb} (before: {plan.previous or 'nothing'}); nothing was changed"
    yield f"  version  from {escape(plan.place)}; files to change: {escape(', '.join(plan.changed)) or 'none'}"
    place = escape(f"{plan.repository} {plan.branch}")
    yield f"  tag      {escape(plan.tag)} on top of {plan.base[:10]}, {place}"
    for file in found.files:
        yield f"  file     {escape(file.name)}  sha256:{file.sha256[:16]}…  {file.size:,} bytes"
    for order in found.orders:
        payload = ", ".join(f"{name}: {value}" for name, value in order.payload.items())
        yield escape(f"  tell     {order.repository} {order.event} {{{payload}}}")
    for remark in plan.remarks:
        yield f"  [yellow]![/] {escape(remark)}"
