"""The stack as a terminal shows it: a table that changes, or a line for each change where there is no terminal."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deployments.embedded_server.supervised_process import State
from deployments.stack.stack import Stack
from deployments.stack.supervised_program import ProgramStatus

STYLES = {
    State.HEALTHY: "green",
    State.UNHEALTHY: "yellow",
    State.PAUSING: "red",
    State.ABSENT: "dim",
    State.STOPPED: "dim",
}
SECONDS = 0.5


def table(stack: Stack) -> Table:
    """The programs, with their states and their logs."""
    shown = Table(box=None, pad_edge=False, caption=Text(stack.doing, "dim") if stack.doing else None)
    for title in ("what", "state", "pid", "restarts", "runs", "where", "log"):
        shown.add_column(title, overflow="fold")
    for seen in stack.seen():
        state = Text(seen.state.value, STYLES.get(seen.state, ""))
        shown.add_row(
            seen.name,
            state,
            str(seen.pid or "–"),
            str(seen.restarts),
            str(seen.runs or ""),
            Text(seen.note),
            Text(seen.log),
        )
    return shown


def line(seen: ProgramStatus) -> str:
    """A program's status in a line."""
    parts = [f"{seen.name}: {seen.state.value}"]
    parts += [f"pid {seen.pid}"] if seen.pid else []
    parts += [f"restarts {seen.restarts}"] if seen.restarts else []
    parts += [seen.note] if seen.note else []
    parts += [seen.log] if seen.log and seen.state is not State.STOPPED else []
    return ", ".join(parts)


@contextlib.asynccontextmanager
async def shown(stack: Stack, console: Console) -> AsyncIterator[None]:
    """Show a stack until the end of the block."""
    with contextlib.ExitStack() as opened:
        if console.is_terminal:
            live = opened.enter_context(Live(table(stack), console=console, refresh_per_second=4))
            refresh: Callable[[], None] = lambda: live.update(table(stack), refresh=True)  # noqa: E731
        else:
            refresh = _Lines(stack, console)
        task = asyncio.create_task(_often(refresh))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            refresh()


async def _often(refresh: Callable[[], None]) -> None:
    while True:
        refresh()
        await asyncio.sleep(SECONDS)


class _Lines:
    """Prints what has changed since the last call."""

    def __init__(self, stack: Stack, console: Console) -> None:
        self._stack = stack
        self._console = console
        self._said: dict[str, str] = {}
        self._doing = ""

    def __call__(self) -> None:
        if self._stack.doing not in {"", self._doing}:
            self._say(self._stack.doing)
        self._doing = self._stack.doing
        for seen in self._stack.seen():
            if (said := line(seen)) != self._said.get(seen.name):
                self._said[seen.name] = said
                self._say(said)

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
