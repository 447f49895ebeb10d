"""The progress of a matrix in a terminal."""

import asyncio
import contextlib

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeRemainingColumn

from deployments.cli.displays.base import ProgressDisplay
from deployments.embedded_server import Record
from interlock.errors import IndexUnavailableError
from interlock.matrix.executor import MatrixProgress
from interlock.matrix.preview import preview
from interlock.matrix.request import MatrixRequest


class MatrixDisplay(ProgressDisplay):
    """A line that names the current work, then a bar of the suites to run."""

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("suites  {task.fields[detail]}"),
            TimeRemainingColumn(),
            console=console,
        )

    async def show(self, progress: MatrixProgress) -> None:
        """Show the progress."""
        parts = (
            f"{progress.settled:,} of {progress.cells:,} cells",
            f"{progress.known:,} known",
            f"{progress.shared:,} shared",
            f"{progress.failing:,} not green",
        )
        self._progress.update(
            self._task,
            description="running" if progress.to_run else "done",
            completed=progress.runs,
            total=progress.runs + progress.to_run,
            detail=", ".join(parts),
        )

    async def preview(self, request: MatrixRequest, *, until: asyncio.Future[Record]) -> None:
        """Plan while the server starts, and show what is known and what is to run; mistakes are reported at once."""
        await asyncio.sleep(0)
        if until.done():
            return
        self.doing("planning, while the Prefect server starts")
        # The flow retries an unavailable index, patiently.
        with contextlib.suppress(IndexUnavailableError):
            await self.show(await preview(request))
        self.doing("waiting for the Prefect server")
