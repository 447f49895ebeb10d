"""A release for people: in the terminal, and as Markdown for Prefect."""

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from interlock.model.dispatches import DispatchRecord, Receipt
from interlock.model.release import Release, ReleasedFile, Step
from interlock.releases.checks import Check, State
from interlock.releases.notes import plain
from interlock.releases.plan import Plan
from interlock.releases.preflight import Preview
from interlock.reports.labels import one_line
from interlock.reports.wide_table import print_wide


def print_release(release: Release, console: Console) -> None:
    """Print a release."""
    _print(_lines(release), console)


def _print(lines: Iterable[str], console: Console) -> None:
    for line in lines:
        console.print(line, highlight=False, emoji=False, soft_wrap=True)


def _lines(release: Release) -> Iterator[str]:
    if release.nothing_new:
        yield f"[green]✓[/] {_safe(release.nothing_new_in_words)}"
        yield "  nothing was changed; with --empty it is released all the same"
        return
    mark = "[green]✓[/]" if release.is_finished and not release.failed else "[yellow]![/]"
    since = f" (before: {release.previous})" if release.previous else ""
    resumed = _resumed(release)
    yield f"{mark} [bold]{release.package} {release.version}[/] {_outcome(release)}{since}{resumed}"
    yield f"  tag      {_safe(release.tag)} on {release.commit[:10]}, {_safe(f'{release.repository} {release.branch}')}"
    for file in release.files:
        yield _file(file)
    if release.page:
        yield f"  page     {_safe(release.page)}"
    for record in release.dispatches:
        yield f"  told     {_dispatch(record)}"
    for remark in release.remarks:
        yield f"  [yellow]![/] {_safe(remark)}"
    if seconds := release.seconds:
        steps = ", ".join(f"{step} {seconds[step]:.1f} s" for step in Step if seconds.get(step, 0) >= 0.05)
        yield f"  [dim]time     {sum(seconds.values()):.1f} s: {steps}[/]"


def _resumed(release: Release) -> str:
    if release.is_repeated and release.ended_at is not None:
        return f", out since {release.ended_at:%Y-%m-%d %H:%M} UTC; everything was done before"
    return ", finishing what an earlier run began" if release.resumed else ""


def _outcome(release: Release) -> str:
    if not release.is_finished:
        return "released, and not everybody has taken its dispatch"
    return "released, and a run that took its dispatch failed" if release.failed else "released"


def _safe(text: str) -> str:
    """Escape text for a line of the terminal, so that it can't format the line or move the cursor."""
    return escape(one_line(text))


def _file(file: ReleasedFile) -> str:
    return f"  file     {_safe(file.name)}  sha256:{file.sha256[:16]}…  {file.size:,} bytes"


def _dispatch(record: DispatchRecord) -> str:
    order, receipt = record.order, record.receipt
    what = _safe(f"{order.repository} {order.event}: ")
    if receipt is None:
        return f"[red]✗[/] {what} nobody took it"
    mark = "[green]✓[/]" if receipt.is_good else "[red]✗[/]" if receipt.conclusion else "…"
    return f"{mark} {what} {_safe(_ended(receipt))}{_likely(receipt)}  [dim]{_safe(receipt.url)}[/]"


def _ended(receipt: Receipt) -> str:
    return receipt.conclusion or receipt.status.replace("_", " ")


def _likely(receipt: Receipt) -> str:
    return "" if receipt.exact else " (the first run since: it does not name the dispatch)"


def release_markdown(release: Release) -> str:
    """A release as Markdown; other people's text is escaped."""
    state = f"{_outcome(release)}; before: {release.previous or 'nothing'}{_resumed(release)}"
    lines = [f"## {release.package} {release.version}", "", state, ""]
    lines += [f"- tag `{release.tag}` on `{release.commit}` in {plain(release.repository)}"]
    lines += [f"- [GitHub Release]({release.page})"] if release.page else []
    lines += ["", "| file | SHA-256 | bytes |", "|---|---|---|"]
    lines += [f"| {plain(file.name)} | `{file.sha256}` | {file.size:,} |" for file in release.files]
    rows = [f"| {plain(r.order.repository)} | {plain(r.order.event)} | {_receipt(r)} |" for r in release.dispatches]
    lines += ["", "| told | event | receipt |", "|---|---|---|", *rows, ""] if rows else [""]
    lines += [f"- {plain(remark)}" for remark in release.remarks]
    lines += ["", "| step | seconds |", "|---|---|"]
    lines += [f"| {step} | {release.seconds[step]:.2f} |" for step in Step if step in release.seconds]
    return "\n".join(lines) + "\n"


def _receipt(record: DispatchRecord) -> str:
    if record.receipt is None:
        return "**nobody took it**"
    return f"[{plain(_ended(record.receipt))}]({record.receipt.url}){_likely(record.receipt)}"


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
            _receipts(release),
        )
    print_wide(table, console)


def _state(release: Release) -> str:
    if release.is_finished:
        return "[green]finished[/]"
    return f"[yellow]unfinished[/]: interlock release {release.package} --version {release.version}"


def _receipts(release: Release) -> str:
    taken = sum(record.receipt is not None for record in release.dispatches)
    failed = f", {len(release.failed)} failed" if release.failed else ""
    return f"{taken} of {len(release.dispatches)}{failed}" if release.dispatches else "–"


def preview_markdown(found: Preview) -> str:
    """What a release would do, as Markdown; other people's text is escaped."""
    title = f"{found.plan.package} {found.plan.version}" if found.plan else "It would not be started"
    title = found.repeats.nothing_new_in_words if found.repeats else title
    lines = [f"## {title}{', which would be refused' if found.plan and found.refusals else ''}", ""]
    lines += ["Nothing was changed.", "", "| check | state | cause |", "|---|---|---|"]
    lines += [f"| {plain(f'{c.subject}, {c.name}')} | {c.state} | {plain(c.cause)} |" for c in found.checks]
    if found.refusals:
        lines += ["", "| refused at | exit code | why | what to do |", "|---|---|---|---|"]
        lines += [
            f"| {refusal.step} | {refusal.exit_code} | {plain(refusal.message)} | {plain(refusal.hint or '')} |"
            for refusal in found.refusals
        ]
    if found.files:
        lines += ["", "| file | SHA-256 | bytes |", "|---|---|---|"]
        lines += [f"| {plain(file.name)} | `{file.sha256}` | {file.size:,} |" for file in found.files]
    if found.orders:
        lines += ["", "| would tell | event |", "|---|---|"]
        lines += [f"| {plain(order.repository)} | {plain(order.event)} |" for order in found.orders]
    if found.notes:
        lines += [
            "",
            "The notes of its GitHub Release:",
            "",
            *(f"    {one_line(line)}" for line in found.notes.splitlines()),
        ]
    return "\n".join(lines) + "\n"


def print_preview(found: Preview, console: Console) -> None:
    """Print what a release would do, and every check."""
    _print(map(_check, found.checks), console)
    if found.plan:
        _print(_plan_lines(found.plan, found), console)
    if found.repeats:
        _print(["", *_lines(found.repeats)], console)
    if found.refusals or not (found.plan or found.repeats):
        _print([*([""] if found.refusals else []), *_refusals(found)], console)


def _refusals(found: Preview) -> Iterator[str]:
    yield from refusal_lines(found)
    yield "[red]✗[/] it would not be started; nothing was changed"


def refusal_lines(found: Preview) -> Iterator[str]:
    """What would end a release, each with its hint, for the terminal."""
    for refusal in found.refusals:
        first, *others = refusal.message.splitlines() or [""]
        yield f"[red]✗[/] {refusal.step}: {_safe(first)}"
        yield from (f"    {_safe(line)}" for line in others)
        yield from (f"    hint: {_safe(line)}" for line in (refusal.hint or "").splitlines())


MARKS = {State.OK: "[green]✓[/]", State.WARNING: "[yellow]![/]", State.FAILED: "[red]✗[/]", State.UNKNOWN: "?"}


def _check(check: Check) -> str:
    line = f"{MARKS[check.state]} {_safe(f'{check.subject}: {check.name}: {check.cause}')}"
    return f"{line}\n    cure: {_safe(check.cure)}" if check.cure and check.state is not State.OK else line


def _plan_lines(plan: Plan, found: Preview) -> Iterator[str]:
    verb = "would finish" if plan.resumed else "would be released"
    yield f"\n[bold]{plan.package} {plan.version}[/] {verb} (before: {plan.previous or 'nothing'}); nothing was changed"
    yield f"  version  from {_safe(plan.source)}; files to change: {_safe(', '.join(plan.changed)) or 'none'}"
    yield f"  tag      {_safe(plan.tag)} on top of {plan.base[:10]}, {_safe(f'{plan.repository} {plan.branch}')}"
    for file in found.files:
        yield _file(file)
    for order in found.orders:
        payload = ", ".join(f"{name}: {value}" for name, value in order.payload.items())
        yield "  tell     " + _safe(f"{order.repository} {order.event} {{{payload}}}")
    for remark in plan.remarks:
        yield f"  [yellow]![/] {_safe(remark)}"
    if found.notes:
        yield "  notes"
        yield from (f"    {_safe(line)}" for line in found.notes.splitlines())
