"""The first one that breaks a suite, or works with it, for people: in the terminal, and as Markdown for Prefect."""

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from interlock.contracts.bisect.models import Bisection, Broken, Find
from interlock.reports.labels import counted, one_line

MOST_TESTS = 5
MOST_SKIPPED = 5


def print_bisection(found: Bisection, console: Console) -> None:
    """Print what was found, what of it is red, and how to see it."""
    for line, style in _lines(found):
        console.print(Text(line, style=style), soft_wrap=True)


def bisection_markdown(found: Bisection) -> str:
    """The same as Markdown; whatever others wrote stands there as text."""
    fenced = "\n".join(line.replace("```", "'''") for line, _style in _lines(found))
    return f"## {found.upstream} × {found.downstream}\n\n```\n{fenced}\n```\n"


def _lines(found: Bisection) -> Iterator[tuple[str, str]]:
    if found.find is Find.FIRST_BAD:
        yield f"✗ {_answer(found)}", "bold red"
        yield f"  the last good one: {one_line(str(found.last_good))}", ""
    else:
        yield f"✓ {_answer(found)}", "bold green"
        yield f"  the last bad one: {one_line(str(found.first_bad))}", ""
    for broken in found.broken:
        yield from _broken(broken)
    for step in found.unsure:
        yield f"  or it is {one_line(str(step))}, which could not be tried", "yellow"
    for skipped in found.skipped[:MOST_SKIPPED]:
        yield f"  skipped {one_line(f'{skipped.step}: {skipped.why}')}", "yellow"
    if len(found.skipped) > MOST_SKIPPED:
        yield f"  and {counted(len(found.skipped) - MOST_SKIPPED, 'other')} skipped", "yellow"
    if found.relapses:
        which = "later ones that are good again" if found.find is Find.FIRST_BAD else "earlier ones that are good"
        yield f"  {which}: {', '.join(each.name[:12] for each in found.relapses)}", "yellow"
    for note in found.notes:
        yield f"  note: {one_line(note)}", ""
    yield f"  {counted(found.steps, 'step')}, {counted(found.runs, 'run')} of a suite", ""
    yield f"  reproduce: {found.reproduce}", "bold"


def _answer(found: Bisection) -> str:
    whom = f"{found.downstream} {found.downstream_version}"
    if found.find is Find.FIRST_BAD:
        what, does = found.first_bad, "known to break" if found.unsure else "that breaks"
    else:
        what, does = found.last_good, "known to work with" if found.unsure else "that works with"
    return f"{found.upstream} {one_line(str(what))} is the first {does} {whom}"


def _broken(broken: Broken) -> Iterator[tuple[str, str]]:
    tests = list(broken.tests.items())
    yield f"  {broken.sheet}: {one_line(broken.reason) if not tests else counted(len(tests), 'test')}", ""
    for test, error in tests[:MOST_TESTS]:
        yield f"    ✗ {one_line(test)}{f': {one_line(error)}' if error else ''}", "red"
    if len(tests) > MOST_TESTS:
        yield f"    and {counted(len(tests) - MOST_TESTS, 'other')}", "red"
