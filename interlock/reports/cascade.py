"""A cascade for people: in the terminal as table and tree, and as Markdown with a graph for Prefect."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from interlock.cascades.dry_run import CascadePreview
from interlock.model.cascade import (
    Action,
    Advice,
    Cascade,
    CascadePlan,
    HeldBy,
    Outcome,
    Planned,
    Progress,
    State,
    advice,
    causes,
)
from interlock.model.cascade.states import NOT_RELEASING
from interlock.model.suites import UNPROVEN
from interlock.releases.notes import plain
from interlock.reports.labels import counted, moment, one_line
from interlock.reports.labels import plain as harmless
from interlock.reports.release import refusal_lines
from interlock.reports.wide_table import print_wide

# Reasons in a table are cut here; the whole text follows once.
LONGEST_REASON = 160
WAS_DONE = "it was done before, and nothing is new since; nothing was changed"
MARKS: Mapping[State, tuple[str, str]] = {
    State.PLANNED: ("·", "dim"),
    State.WAITING: ("·", "dim"),
    State.TESTING: ("…", "cyan"),
    State.AWAITING_MERGE: ("…", "cyan"),
    State.RELEASING: ("…", "cyan"),
    State.RELEASED: ("✓", "green"),
    State.UNCHANGED: ("=", "green"),
    State.HELD: ("!", "yellow"),
    State.FAILED: ("✗", "red"),
}
OUTCOMES: Mapping[Outcome, str] = {
    Outcome.RUNNING: "not over",
    Outcome.DONE: "done",
    Outcome.HELD: "over, with packages that are held",
    Outcome.FAILED: "over, with a failure",
}


def print_plan(plan: CascadePlan, console: Console) -> None:
    """Print what a cascade would do: a table with the reasons, and a tree of the packages by what they wait for."""
    rows = [(each.package, each.action.value, _versions(each), _tests(each)) for each in plan.packages]
    table = _aligned([("package", "what", "version", "tested with"), *rows])
    _print(_with_reasons(table, [(_safe(each.why),) for each in plan.packages]), console)
    console.print()
    console.print(plan_tree(plan))
    _print([f"[yellow]![/] {_safe(remark)}" for remark in plan.remarks], console)
    console.print(f"\n{plan_counts(plan)}; nothing was changed", highlight=False)


def print_cascade_preview(found: CascadePreview, console: Console) -> None:
    """Print what a cascade would do, and why it or a package of it would not be released."""
    if found.was_done:
        _print([f"[green]✓[/] {found.root} {found.root_version} and what follows: {WAS_DONE}"], console)
        return
    print_plan(found, console)
    for name, each in found.previews.items():
        if each.refusals:
            mark = "[red]✗[/]" if name == found.root else "[yellow]![/]"
            outcome = "the cascade would not be started" if name == found.root else "it would be held"
            _print([f"\n{mark} {name}: {outcome}"], console)
            _print(refusal_lines(each), console)


def print_cascade(cascade: Cascade, console: Console, *, pages: bool = True) -> None:
    """Print the states of a cascade, with the reasons, and what a person should do.

    Args:
        cascade: The cascade.
        console: The terminal.
        pages: Whether to print links to GitHub Releases: those of a rehearsal end with it.
    """
    rows, accounts = [], []
    for each in cascade.progress.values():
        mark, style = MARKS[each.state]
        rows.append((each.package, f"[{style}]{mark} {each.state}[/]", _path(cascade, each), moment(each.since)))
        link = _link(each) if pages or each.state is not State.RELEASED else ""
        accounts.append((_safe(_why(cascade, each)), link))
    _print([f"[bold]{cascade.id}[/] {_said(cascade)}"], console)
    if cascade.repeated:
        _print([WAS_DONE], console)
    _print(_with_reasons(_aligned([("package", "state", "version", "since"), *rows]), accounts), console)
    for name, why in cascade.holds.items():  # the running process has not seen it yet
        if name in cascade.progress and cascade.state(name) in NOT_RELEASING:
            _print([f"[yellow]![/] {name} will be held: {_safe(why)}"], console)
    for name, text in _long(cascade):
        _print([f"\n[bold]{name}[/]"], console)
        _print((f"    {escape(line)}" for line in harmless(text).replace("; ", ";\n").splitlines()), console)
    advised = _advised(cascade)
    _print([""] if advised else [], console)
    for found in advised:
        command = f"\n    [bold]{escape(found.command)}[/]" if found.command else ""
        _print([f"→ {found.about}: {_safe(_says(cascade, found))}{command}"], console)


def reason(cascade: Cascade, progress: Progress) -> str:
    """Why a package is in its state, in a few words; for one that others hold, only their names."""
    if progress.held_by is HeldBy.UPSTREAM:
        return "; ".join(f"{each.package} {_blocks(each)}" for each in causes(cascade, progress.package))
    awaited = cascade.plan.package(progress.package).after
    if progress.state is State.WAITING and all(cascade.state(name).is_end for name in awaited):
        return ""
    return _cut(progress.reason)


def plan_tree(plan: CascadePlan) -> Tree:
    """The plan as a tree: each package once, below the last upstream that it waits for."""
    labels = {}
    for each in plan.packages:
        doing = "" if each.action is Action.RELEASE else f"[dim]{each.action}[/]"
        parts = (each.package, _versions(each), doing)
        labels[each.package] = " ".join(part for part in parts if part not in {"", "–"})
        if others := _nearest(plan, each)[:-1]:
            labels[each.package] += f" [dim](also after {', '.join(others)})[/]"
    return _tree(plan, labels)


def progress_tree(cascade: Cascade) -> Tree:
    """The plan as a tree with the states."""
    labels = {}
    for name, progress in cascade.progress.items():
        mark, style = MARKS[progress.state]
        link = "" if progress.state is State.RELEASED else _link(progress)  # pages of releases are for the end
        why = " ".join(filter(None, (_safe(reason(cascade, progress)), link)))
        version = _version(cascade, progress)
        labels[name] = f"[{style}]{mark}[/] {name} {version} [{style}]{progress.state}[/]{why and f': {why}'}"
    return _tree(cascade.plan, labels)


def print_cascades(cascades: Iterable[Cascade], console: Console) -> None:
    """Print cascades as a table, the newest first."""
    if not (cascades := list(cascades)):
        console.print("no cascade is in the ledger")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("cascade", "began", "state", "released", "held", "failed"):
        table.add_column(title, no_wrap=True)
    for cascade in cascades:
        states = [each.state for each in cascade.progress.values()]
        counts = (str(states.count(state)) for state in (State.RELEASED, State.HELD, State.FAILED))
        table.add_row(cascade.id, moment(cascade.began_at), _short(cascade), *counts)
    print_wide(table, console)


def plan_markdown(plan: CascadePlan) -> str:
    """The plan as Markdown, with its graph; other people's text is escaped."""
    lines = [f"## Plan: {plan.root} {plan.root_version} and what follows", "", plan_counts(plan), ""]
    lines += ["| package | what | version | tested with | why |", "|---|---|---|---|---|"]
    for each in plan.packages:
        tests = plain(_tests(each))
        lines.append(f"| {each.package} | {each.action} | {_versions(each)} | {tests} | {_plain(each.why)} |")
    remarks = ["", *(f"- {_plain(remark)}" for remark in plan.remarks)] if plan.remarks else []
    return "\n".join([*lines, *remarks, "", *_fenced(plan_mermaid(plan))]) + "\n"


def cascade_markdown(cascade: Cascade) -> str:
    """The states of a cascade as Markdown, with its graph, and what a person should do."""
    lines = [f"## {cascade.id}", "", _said(cascade), ""]
    lines += ["| package | state | version | since | reason |", "|---|---|---|---|---|"]
    for progress in cascade.progress.values():
        link = f" ([look]({progress.link}))" if progress.link else ""
        lines.append(
            f"| {progress.package} | {MARKS[progress.state][0]} {progress.state} | {_version(cascade, progress)} "
            f"| {moment(progress.since)} | {_plain(_why(cascade, progress))}{link} |"
        )
    whole = [f"- {name}: {_plain(text)}" for name, text in _long(cascade)]
    if whole:
        lines += ["", "### In full", "", *whole]
    says = [
        f"- {_plain(_says(cascade, found))}" + (f": `{found.command}`" if found.command else "")
        for found in _advised(cascade)
    ]
    ways = ["", "### What to do", "", *says] if says else []
    return "\n".join([*lines, *ways, "", *_fenced(plan_mermaid(cascade.plan, cascade.progress))]) + "\n"


def preview_of_cascade_markdown(found: CascadePreview) -> str:
    """What a cascade would do, and what would be refused, as Markdown."""
    rows = [
        f"| {name} | {refusal.step} | {_plain(refusal.message)} | {_plain(refusal.hint or '')} |"
        for name, each in found.previews.items()
        for refusal in each.refusals
    ]
    head = ["| package | refused at | why | what to do |", "|---|---|---|---|"] if rows else []
    return "\n".join([plan_markdown(found), *head, *rows])


def plan_mermaid(plan: CascadePlan, progress: Mapping[str, Progress] | None = None) -> str:
    """The graph of what waits for what, as Mermaid; with the states, if given."""
    numbers = {each.package: f"p{number}" for number, each in enumerate(plan.packages)}
    lines = ["graph LR"]
    for each in plan.packages:
        what = progress[each.package].state.value if progress else each.action.value
        lines.append(f'    {numbers[each.package]}["{each.package}<br/>{_versions(each)}<br/>{what}"]')
    for each in plan.packages:
        lines += [f"    {numbers[upstream]} --> {numbers[each.package]}" for upstream in _nearest(plan, each)]
    return "\n".join(lines) + "\n"


def _print(lines: Iterable[str], console: Console) -> None:
    for line in lines:
        console.print(line, highlight=False, emoji=False, soft_wrap=True)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align columns, in any terminal: a reason has more room below its row than beside it."""
    widths = [max(len(_text(row[column])) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(map(_padded, row, widths)).rstrip() for row in rows]


def _text(markup: str) -> Text:
    return Text.from_markup(markup, emoji=False)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - len(_text(text)))


def _with_reasons(table: Sequence[str], reasons: Iterable[Iterable[str]]) -> Iterator[str]:
    title, *rows = table
    yield f"[bold]{title}[/]"
    for row, below in zip(rows, reasons, strict=True):
        yield row
        yield from (f"    [dim]{line}[/]" for line in below if line)


def _tree(plan: CascadePlan, labels: Mapping[str, str]) -> Tree:
    nodes: dict[str, Tree] = {}
    for planned in plan.packages:
        label = labels[planned.package]
        if not planned.after:
            nodes[planned.package] = Tree(_text(label), highlight=False)
            continue
        nodes[planned.package] = nodes[_nearest(plan, planned)[-1]].add(_text(label))
    return nodes[plan.root]


def _nearest(plan: CascadePlan, planned: Planned) -> list[str]:
    """The upstreams that it waits for directly, in dependency order; the others follow from these."""
    beyond: set[str] = set()
    ahead = list(planned.after)
    while ahead:
        new = set(plan.package(ahead.pop()).after) - beyond
        beyond |= new
        ahead += new
    return [each for each in plan.by_name if each in planned.after and each not in beyond]


def _versions(planned: Planned) -> str:
    """As `1.2.10 → 1.2.11`; `?` for a version that is not known yet, a dash for none."""
    makes_one = planned.action is Action.RELEASE or planned.next is not None
    before = str(planned.current or "")
    after = str(planned.next or "?") if makes_one and (planned.next is None or planned.next != planned.current) else ""
    return " → ".join(each for each in (before, after) if each) or "–"


def _tests(planned: Planned) -> str:
    names = (f"{name} (no suite)" if name == UNPROVEN.name else name for name in planned.suites)
    return ", ".join(names) or "–"


def _version(cascade: Cascade, progress: Progress) -> str:
    planned = cascade.plan.package(progress.package)
    if progress.version is None:
        return str(planned.current or "–") if progress.state is State.UNCHANGED else _versions(planned)
    return str(progress.version)


def _path(cascade: Cascade, progress: Progress) -> str:
    """The version before and after, where they differ."""
    current, version = cascade.plan.package(progress.package).current, _version(cascade, progress)
    is_new = progress.version is not None and current not in {None, progress.version}
    return f"{current} → {version}" if is_new else version


def _why(cascade: Cascade, progress: Progress) -> str:
    """The reason of its state; for a release by Interlock, the reason of the release too."""
    planned, now = cascade.plan.package(progress.package), reason(cascade, progress)
    says_why = progress.state is State.RELEASED and (planned.action is Action.RELEASE or not now)
    return "; ".join(filter(None, (_cut(planned.why) if says_why else "", now)))


def _link(progress: Progress) -> str:
    return _safe(progress.link) if progress.link and progress.link not in progress.reason else ""


def _blocks(progress: Progress) -> str:
    if progress.breaks:
        return "can't be installed with the others"
    return "is held" if progress.state is State.HELD else "failed"


def _cut(text: str) -> str:
    text = one_line(text)
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON].rsplit(' ', 1)[0]} …"


def _long(cascade: Cascade) -> Iterator[tuple[str, str]]:
    """The whole text of the reasons that were cut, by package."""
    for each in cascade.progress.values():
        if each.held_by is not HeldBy.UPSTREAM and _cut(each.reason) != one_line(each.reason):
            yield each.package, each.reason


def _said(cascade: Cascade) -> str:
    ended = f", ended {moment(cascade.ended_at)}" if cascade.ended_at else ""
    aborted = "aborted; " if cascade.aborted else ""
    return f"{aborted}{OUTCOMES[cascade.outcome]}; began {moment(cascade.began_at)}{ended}"


def _short(cascade: Cascade) -> str:
    styles = {Outcome.DONE: "green", Outcome.FAILED: "red"}
    text = f"{cascade.outcome}, aborted" if cascade.aborted else str(cascade.outcome)
    return f"[{styles.get(cascade.outcome, 'yellow')}]{text}[/]"


def _advised(cascade: Cascade) -> tuple[Advice, ...]:
    return () if cascade.outcome is Outcome.RUNNING else advice(cascade)


def _says(cascade: Cascade, found: Advice) -> str:
    """An advice, without a long reason that is printed above it."""
    progress = cascade.progress.get(found.about)
    is_long = progress is not None and _cut(progress.reason) != one_line(progress.reason)
    return found.says.removesuffix(f": {progress.reason}") if progress and is_long else found.says


def plan_counts(plan: CascadePlan) -> str:
    """As `3 releases, 1 test, 1 command`."""
    nouns = {Action.TEST: "test without release", Action.DISPATCH: "dispatch"}
    plurals = {Action.TEST: "tests without release", Action.DISPATCH: "dispatches"}
    parts = []
    for action in Action:
        number = sum(each.action is action for each in plan.packages)
        noun = nouns.get(action, action.value)
        if number:
            parts.append(f"{number} {plurals[action]}" if number > 1 and action in plurals else counted(number, noun))
    return ", ".join(parts)


def _fenced(mermaid: str) -> list[str]:
    return ["```mermaid", mermaid.rstrip(), "```"]


def _plain(text: str) -> str:
    return plain(one_line(text))


def _safe(text: str) -> str:
    """Escape text for a line of the terminal, so that it can't format the line or move the cursor."""
    return escape(one_line(text))
