"""The output of doctor: checks by subject, each with its mark, its cause and its hint."""

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from interlock.releases.checks import Check, State, all_good

MARKS = {
    State.OK: ("✓", "green"),
    State.WARNING: ("!", "yellow"),
    State.FAILED: ("✗", "bold red"),
    State.UNKNOWN: ("?", "cyan"),
}
WORDS = {State.OK: "in order", State.WARNING: "to look at", State.FAILED: "failed", State.UNKNOWN: "not known"}


def print_checks(checks: Sequence[Check], console: Console) -> None:
    """Show the checks by subject, in their order, and their sum."""
    for subject, group in itertools.groupby(checks, key=lambda check: check.subject):
        console.print(Text(subject, style="bold"))
        for check in group:
            console.print(_line(check), soft_wrap=True)
    console.print(_sum(checks), soft_wrap=True)


def _line(check: Check) -> Text:
    mark, style = MARKS[check.state]
    text = Text.assemble("  ", (mark, style), f" {check.name}: {check.cause}")
    if check.cure and check.state is not State.OK:
        text.append(f"\n      cure: {check.cure}", style="dim")
    return text


def _sum(checks: Iterable[Check]) -> Text:
    counts = Counter(check.state for check in checks)
    parts = [f"{counts[state]} {WORDS[state]}" for state in WORDS if counts[state]]
    return Text(", ".join(parts) or "nothing to check", style="bold")


def as_json(checks: Sequence[Check]) -> str:
    """The checks as JSON."""
    said = {"good": all_good(checks), "checks": [check.model_dump(mode="json") for check in checks]}
    return json.dumps(said, indent=2, ensure_ascii=False)
