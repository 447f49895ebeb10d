"""What a terminal shows while a release is made, and what stays of it where nobody looks."""

import asyncio
import io
import re

import pytest
from rich.console import Console

from deployments.cli.displays.release import ReleaseDisplay
from interlock.model.release import LIFECYCLE, Step
from interlock.releases.step_timer import StepEvent, StepTimer, watcher

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def display_on(*, terminal: bool) -> tuple[ReleaseDisplay, io.StringIO]:
    out = io.StringIO()
    return ReleaseDisplay(Console(file=out, force_terminal=terminal, width=60, highlight=False)), out


async def a_whole_release(display: ReleaseDisplay, fails: Step | None = None) -> None:
    """Every step as a release has it, from the timer to the display."""
    watcher.set(display.show)
    timer = StepTimer()
    for step in Step:
        async with timer.step(step):
            if step is fails:
                raise OSError


def test_each_step_leaves_a_line_when_it_is_done() -> None:
    display, out = display_on(terminal=False)
    with display:
        asyncio.run(a_whole_release(display))
    assert out.getvalue().splitlines() == [f"✓ {LIFECYCLE[step].does}" for step in Step]


def test_a_step_that_fails_is_marked_and_is_the_last() -> None:
    display, out = display_on(terminal=False)
    with display, pytest.raises(OSError):  # noqa: PT011  it is ours, and says nothing
        asyncio.run(a_whole_release(display, fails=Step.BUMP))
    assert out.getvalue().splitlines() == [
        f"✓ {LIFECYCLE[Step.PREFLIGHT].does}",
        f"✓ {LIFECYCLE[Step.CHECKOUT].does}",
        f"✗ {LIFECYCLE[Step.BUMP].does}",
    ]


def test_a_line_is_as_long_as_it_is() -> None:
    display, out = display_on(terminal=False)
    with display:
        display.say("a b " * 50)
    assert out.getvalue() == "a b " * 50 + "\n"


def test_on_a_terminal_the_step_that_goes_on_is_named_and_gone_at_the_end() -> None:
    display, out = display_on(terminal=True)
    with display:
        display.doing("waiting for the Prefect server")
        display._progress.refresh()
        asyncio.run(display.show(Step.PUSH, StepEvent.BEGINS))
        display._progress.refresh()
        asyncio.run(display.show(Step.PUSH, StepEvent.ENDS))
        asyncio.run(display.show(Step.PUBLISH, StepEvent.WAS_DONE))
    text = ESCAPES.sub("", out.getvalue())
    assert "waiting for the Prefect server" in text
    assert re.search(rf"[^✓✗] {LIFECYCLE[Step.PUSH].does}", text)
    assert f"✓ {LIFECYCLE[Step.PUSH].does}\n" in text
    assert f"✓ {LIFECYCLE[Step.PUBLISH].does}: done before\n" in text
    assert out.getvalue().endswith("\x1b[2K") or "\x1b[2K" in out.getvalue().rpartition("✓")[2]


def test_it_is_standard_error_that_it_writes_to(capsys: pytest.CaptureFixture[str]) -> None:
    with ReleaseDisplay() as display:
        display.say("Prefect UI: http://127.0.0.1:4200")
    assert capsys.readouterr() == ("", "Prefect UI: http://127.0.0.1:4200\n")
