"""What a terminal shows while a bisection goes on."""

from rich.console import Console
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from deployments.cli.displays.base import ProgressDisplay
from interlock.contracts.bisect.search import BisectProgress


class BisectDisplay(ProgressDisplay):
    """A line that says what is tried now, and how many tries are left."""

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(),
            console=console,
        )

    async def show(self, progress: BisectProgress) -> None:
        """Show how far it has come."""
        detail = f"{progress.tries + 1} of about {progress.tries + progress.left} tries" if progress.left else ""
        self._progress.update(self._task, description=progress.doing, detail=detail)
