"""The progress of a release in a terminal: its steps, each with its mark."""

from rich.console import Console
from rich.markup import escape
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from deployments.cli.displays.base import ProgressDisplay
from interlock.model.release import LIFECYCLE, Step
from interlock.releases.step_timer import StepEvent


class ReleaseDisplay(ProgressDisplay):
    """The current step, below the marks of finished ones."""

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console)

    async def wait(self, words: str) -> None:
        """Show what a step waits for."""
        self.doing(words)
        self.say(f"… {escape(words)}")

    async def show(self, step: Step, event: StepEvent) -> None:
        """Show an event of a step."""
        if event is StepEvent.BEGINS:
            self._progress.reset(self._task, description=LIFECYCLE[step].does)
        elif event is StepEvent.ENDS:
            self.say(f"[green]✓[/] {LIFECYCLE[step].does}")
        elif event is StepEvent.WAS_DONE:
            self.say(f"[green]✓[/] {LIFECYCLE[step].does}: done before")
        elif event is StepEvent.STUMBLES:
            self.say(f"[yellow]![/] {LIFECYCLE[step].does}: in trouble, and tried again if that may help")
        else:
            self.say(f"[red]✗[/] {LIFECYCLE[step].does}")
