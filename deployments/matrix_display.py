"""What a terminal shows while a matrix is made."""

import asyncio
import contextlib
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from interlock.errors import IndexUnavailableError

if TYPE_CHECKING:
    from deployments.embedded_server import Record
    from interlock.matrix.request import MatrixRequest
    from interlock.matrix.settle import Tally


class MatrixDisplay:
    """A line that says what goes on, then a bar of the suites to run; on standard error, and only on a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("suites  {task.fields[tally]}"),
            TimeRemainingColumn(),
            console=console or Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("starting", total=None, tally="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._progress.console.print(text, highlight=False, soft_wrap=True)

    def doing(self, what: str) -> None:
        """Name what goes on now."""
        self._progress.update(self._task, description=what)

    async def show(self, tally: "Tally") -> None:
        """Show how far it has come."""
        parts = (
            f"{tally.settled:,} of {tally.cells:,} cells",
            f"{tally.known:,} known",
            f"{tally.shared:,} shared",
            f"{tally.failing:,} not green",
        )
        self._progress.update(
            self._task,
            description="running" if tally.to_run else "done",
            completed=tally.runs,
            total=tally.runs + tally.to_run,
            tally=", ".join(parts),
        )

    async def preview(self, request: "MatrixRequest", *, until: "asyncio.Future[Record]") -> None:
        """Plan while the server starts, and say what is known and what is to be done; mistakes are told at once."""
        await asyncio.sleep(0)
        if until.done():
            return
        from interlock.matrix.preview import preview  # noqa: PLC0415

        self.doing("planning, while the Prefect server starts")
        # An index in trouble is asked again by the flow, with patience; every other mistake is told at once.
        with contextlib.suppress(IndexUnavailableError):
            await self.show(await preview(request))
        self.doing("waiting for the Prefect server")
