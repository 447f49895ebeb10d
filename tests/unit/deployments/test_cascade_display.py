"""What a terminal shows while a cascade is walked, and what stays of it where nobody looks."""

import asyncio
import io
import re

from rich.console import Console

from deployments.cli.displays.cascade import CascadeDisplay
from interlock.model.cascade import Cascade, State
from interlock.model.release import LIFECYCLE, Step
from interlock.releases.step_timer import StepEvent
from tests.support.cascades import a_cascade, go

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
CORE = "market-data-core"


def display_on(*, terminal: bool) -> tuple[CascadeDisplay, io.StringIO]:
    out = io.StringIO()
    return CascadeDisplay(Console(file=out, force_terminal=terminal, width=80, highlight=False)), out


def on_the_way() -> list[Cascade]:
    """Core is released, and store is red."""
    begun = a_cascade()
    releasing = go(begun, CORE, State.RELEASING)
    released = go(releasing, CORE, State.RELEASED)
    testing = go(released, "store", State.TESTING, reason="with market-data-core 1.2.11")
    red = "contracts: test_enum is red\n" + "because of this we can conclude that\n" * 20
    return [begun, releasing, released, released, testing, go(testing, "store", State.HELD, reason=red)]


async def shown(display: CascadeDisplay, cascades: list[Cascade]) -> None:
    for cascade in cascades:
        await display.show(cascade)


def test_without_a_terminal_each_change_is_a_line() -> None:
    display, out = display_on(terminal=False)
    with display:
        display.say("Prefect UI: http://127.0.0.1:4270 " + "[x] " * 20)
        display.doing("planning")
        asyncio.run(shown(display, on_the_way()))
    lines = out.getvalue().splitlines()
    assert lines[0] == "Prefect UI: http://127.0.0.1:4270 " + "[x] " * 20
    assert lines[1:4] == [
        f"{CORE} releasing",
        f"{CORE} 1.2.11 released",
        "store testing: with market-data-core 1.2.11",
    ]
    assert lines[4].startswith("store held: contracts: test_enum is red because of this")
    assert lines[4].endswith(" …")
    assert lines[5:] == ["tip held: store is held", "infra held: store is held"]


def test_on_a_terminal_there_is_a_tree_with_what_goes_on_beneath_it() -> None:
    display, out = display_on(terminal=True)
    with display:
        asyncio.run(display.step(Step.BUILD, StepEvent.BEGINS))
        asyncio.run(display.step(Step.CHECK, StepEvent.ENDS))
        asyncio.run(shown(display, on_the_way()))
    drawn = ESCAPES.sub("", out.getvalue())
    assert f"✓ {CORE} 1.2.11 released" in drawn
    assert "tip ? held: store is held" in drawn
    assert LIFECYCLE[Step.BUILD].does in drawn
    assert LIFECYCLE[Step.CHECK].does not in drawn


def test_before_there_is_a_plan_it_says_what_goes_on() -> None:
    display, out = display_on(terminal=True)
    with display:
        display.doing("waiting for the Prefect server")
    assert "waiting for the Prefect server" in ESCAPES.sub("", out.getvalue())
