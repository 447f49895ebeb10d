"""What a terminal shows while a release is made: its steps, each with its mark."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from interlock.lifecycle import LIFECYCLE, Step
from interlock.releases.progress import Moment


class ReleaseDisplay:
    """A line of the step that goes on, below the marks of those that are done; on standard error."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        # Where nobody looks, as in the log of a job, only lines that stay are written.
        self._progress = Progress(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        )
        self._task = self._progress.add_task("starting", total=None)

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
        """Name what goes on now."""
        self._progress.update(self._task, description=what)

    async def show(self, step: Step, moment: Moment) -> None:
        """Show what happens to a step."""
        if moment is Moment.BEGINS:
            self._progress.reset(self._task, description=LIFECYCLE[step].does)
        elif moment is Moment.ENDS:
            self.say(f"[green]✓[/] {LIFECYCLE[step].does}")
        elif moment is Moment.STUMBLES:
            self.say(f"[yellow]![/] {LIFECYCLE[step].does}: in trouble, and tried again if that may help")
        else:
            self.say(f"[red]✗[/] {LIFECYCLE[step].does}")
