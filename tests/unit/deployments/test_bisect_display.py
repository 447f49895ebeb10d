"""A bisection in the terminal: what is tried now, and how many tries are left."""

import asyncio
import io

from rich.console import Console

from deployments.cli.displays.bisect import BisectDisplay
from interlock.contracts.bisect.search import BisectProgress


def shown(*hunts: BisectProgress) -> str:
    console = Console(file=io.StringIO(), width=100)
    display = BisectDisplay(console)
    for hunt in hunts:
        asyncio.run(display.show(hunt))
    with console.capture() as captured:
        console.print(display._progress.get_renderable())
    return captured.get()


def test_it_says_what_is_tried_and_how_many_tries_are_left() -> None:
    text = shown(BisectProgress(doing="trying 1.4 [red]", tries=2, left=4))
    assert "trying 1.4 [red]" in text
    assert "3 of about 6 tries" in text


def test_while_the_ends_are_tried_nobody_knows_how_many() -> None:
    assert "tries" not in shown(BisectProgress(doing="trying the ends, 1.0 and 1.9"))
