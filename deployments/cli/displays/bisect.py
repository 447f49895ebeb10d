"""The progress of a bisection in a terminal."""

from rich.console import Console
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from deployments.cli.displays.base import ProgressDisplay
from interlock.contracts.bisect.search import BisectProgress


class BisectDisplay(ProgressDisplay):
    """A line with the version or commit that is tried, and how many tries are left."""

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(),
            console=console,
        )

    async def show(self, progress: BisectProgress) -> None:
        """Show the progress."""
        detail = f"{progress.tries + 1} of about {progress.tries + progress.left} tries" if progress.left else ""
        self._progress.update(self._task, description=progress.doing, detail=detail)
