"""Cells as tasks, on this machine or a cluster, and the progress of a matrix, for the flows that run cells."""

import contextlib
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact

from blocks.find import load_github_credentials
from flows.dask_cells import cells_on_dask
from flows.retrying_task import patient_task
from interlock.adapters.connections import Access
from interlock.cells.recipe import Recipe
from interlock.cells.runner import run_cell
from interlock.common.tokens import Role
from interlock.errors import TokenError
from interlock.matrix.context import MatrixContext
from interlock.matrix.executor import MatrixProgress, watcher
from interlock.matrix.request import MatrixRequest, Runner
from interlock.matrix.run import CellRunner, OpenRunner
from interlock.model.family import Family
from interlock.model.verdicts import Run

SECONDS_BETWEEN_UPDATES = 2.0


@patient_task("run-cell", "{recipe.title}")
async def run_one_cell(context: MatrixContext, recipe: Recipe) -> tuple[Run, ...]:
    """Run one suite in its environment; red is confirmed in a fresh one."""
    runs = await run_cell(recipe, context.uv)
    for run in runs:
        get_run_logger().info("%s: %s %s", recipe.title, run.status, run.reason or "")
    return runs


def cells_as_tasks(key: str | None = None) -> OpenRunner:
    """Run each cell as a task of its own, where the request says.

    Args:
        key: The key of the artifact that shows the progress; None shows nothing.
    """
    return partial(_cells_as_tasks, key)


@contextlib.asynccontextmanager
async def _cells_as_tasks(key: str | None, context: MatrixContext, request: MatrixRequest) -> AsyncIterator[CellRunner]:
    observe = (await _Progress.begin(key)).show if key else None
    if request.runner is Runner.DASK:
        async with cells_on_dask(context, request.scheduler, request.jobs) as (run, jobs):
            yield CellRunner(run=run, jobs=jobs, observe=observe)
    else:
        yield CellRunner(run=partial(run_one_cell, context), jobs=request.jobs, observe=observe)


async def github_access(family: Family, *, tells: bool = False) -> Access:
    """The credentials that read on GitHub, if any: without them, repositories must be public.

    Args:
        family: The family.
        tells: Whether this process publishes on GitHub too, and needs credentials for that.
    """
    found: dict[str, Any] = {}
    error = None
    for field, role in (("credentials", Role.READ), *((("tell", Role.TELL),) if tells else ())):
        try:
            found[field] = await load_github_credentials(family, role=role)
        except TokenError as missing:
            error = missing
    return Access(**found, token_error=error)


class _Progress:
    """Shows progress to the watcher in this process, and every few seconds in the UI."""

    def __init__(self, artifact: UUID) -> None:
        self._artifact = artifact
        self._shown = 0.0

    @classmethod
    async def begin(cls, key: str) -> "_Progress":
        made = await acreate_progress_artifact(progress=0.0, key=key, description="cells settled")
        assert isinstance(made, UUID)
        return cls(made)

    async def show(self, progress: MatrixProgress) -> None:
        await watcher.get()(progress)
        now = time.monotonic()
        if now - self._shown > SECONDS_BETWEEN_UPDATES or not progress.to_run:
            self._shown = now
            settled = 100 * progress.settled / progress.cells if progress.cells else 100.0
            await aupdate_progress_artifact(artifact_id=self._artifact, progress=round(settled, 1))
