"""The base of progress displays: a line on standard error that names the current work."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress, ProgressColumn


class ProgressDisplay:
    """A line of progress below lines that stay; without a terminal, only the lines that stay.

    Args:
        columns: The columns of the line; `task.fields[detail]` is a field for them.
        console: Default: standard error.
    """

    def __init__(self, *columns: ProgressColumn, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._progress = Progress(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        )
        self._task = self._progress.add_task("starting", total=None, detail="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(text, soft_wrap=True)

    def doing(self, what: str) -> None:
        """Name the current work."""
        self._progress.update(self._task, description=what)
