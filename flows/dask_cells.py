"""Cells on a Dask cluster: a chunk of cells is one task in a worker's process.

When a worker dies, another worker runs its task again. That is right for cells, which only return an answer; no step
of a release ever runs like this.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

from prefect import get_run_logger

from flows.retrying_task import patient_task
from interlock.adapters.connections import open_connections
from interlock.adapters.uv import Uv
from interlock.cells import remote_check
from interlock.cells.recipe import Recipe
from interlock.cells.runner import RUNNER, run_cell
from interlock.errors import EnvironmentUnavailableError, UsageError
from interlock.matrix.chunks import Chunks
from interlock.matrix.context import MatrixContext
from interlock.matrix.executor import RunCell
from interlock.model.family import Family
from interlock.model.verdicts import Run

# The types of distributed's classes don't cover their asynchronous use.
Client = Any

# A task costs 129 ms and a cell of a tiny suite a second: eight cells make that negligible.
MOST_CELLS = 8
# Cells for each core, as without a cluster: suites sleep, and wait for the disk.
SIDE_BY_SIDE = 2
ANSWERS_WITHIN = 30


@patient_task("run-cells", "{recipes[0].title} and others")
async def run_chunk(recipes: tuple[Recipe, ...], family: Family, runner: str) -> tuple[tuple[Run, ...], ...]:
    """Run some suites, each in its environment, in a worker of the cluster.

    Args:
        recipes: The cells.
        family: Names the index; the rest of the index's configuration is the worker's own.
        runner: The digest of the runner that planned them.

    Raises:
        EnvironmentUnavailableError: This worker can't run them.
    """
    remote_check.check(recipes, runner)
    async with open_connections(family) as connections:
        found = await _side_by_side(recipes, connections.uv)
    for recipe, runs in zip(recipes, found, strict=True):
        for run in runs:
            get_run_logger().info("%s: %s %s", recipe.title, run.status, run.reason or "")
    return found


async def _side_by_side(recipes: Sequence[Recipe], uv: Uv) -> tuple[tuple[Run, ...], ...]:
    free = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(recipe: Recipe) -> tuple[Run, ...]:
        async with free:
            return await run_cell(recipe, uv)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(recipe)) for recipe in recipes]
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    return tuple(task.result() for task in tasks)


@contextlib.asynccontextmanager
async def cells_on_dask(context: MatrixContext, scheduler: str | None, jobs: int) -> AsyncIterator[tuple[RunCell, int]]:
    """Yield the function that runs a cell on the cluster, and how many cells to run at once.

    Args:
        context: The context of the matrix.
        scheduler: The address of a cluster's scheduler; None makes a temporary cluster on this machine.
        jobs: How many cells a cluster on this machine runs side by side.

    Raises:
        UsageError: The library for it is not installed.
        EnvironmentUnavailableError: The cluster does not answer, or has no workers.
    """
    async with _client(scheduler, jobs) as client:
        takers = sum((await client.nthreads()).values())

        async def run(recipes: tuple[Recipe, ...]) -> tuple[tuple[Run, ...], ...]:
            return await _submit(client, recipes, context.family)

        async with Chunks(run, takers=takers, most=MOST_CELLS) as chunks:
            yield chunks, takers * MOST_CELLS


async def _submit(client: Client, recipes: tuple[Recipe, ...], family: Family) -> tuple[tuple[Run, ...], ...]:
    from distributed import KilledWorker  # noqa: PLC0415

    future = client.submit(run_chunk, recipes=recipes, family=family, runner=RUNNER)
    try:
        found: tuple[tuple[Run, ...], ...] = await future
    except KilledWorker:
        names = "; ".join(recipe.title for recipe in recipes)
        raise EnvironmentUnavailableError(
            f"worker after worker died while it ran one of these: {names}",
            hint="look into the workers' logs: memory, above all; then make the matrix again, it goes on from here",
        ) from None
    except asyncio.CancelledError:
        await future.cancel()
        raise
    return found


@contextlib.asynccontextmanager
async def _client(scheduler: str | None, jobs: int) -> AsyncIterator[Client]:
    try:
        from distributed import LocalCluster  # noqa: PLC0415
        from prefect_dask.client import PrefectDaskClient  # noqa: PLC0415
    except ImportError:
        raise UsageError(
            "cells run on Dask with a library that is not installed",
            hint="in the checkout: uv pip install -e '.[dask]'",
        ) from None
    cluster: Any = LocalCluster
    connect: Any = PrefectDaskClient
    async with contextlib.AsyncExitStack() as stack:
        where = scheduler or await stack.enter_async_context(
            cluster(
                n_workers=-(-jobs // SIDE_BY_SIDE),
                threads_per_worker=1,
                memory_limit=0,  # suites are processes of their own
                dashboard_address=None,
                # A worker writes a traceback when the cluster ends in the middle of its heartbeat.
                silence_logs=logging.CRITICAL,
                asynchronous=True,
            )
        )
        client = connect(where, asynchronous=True, set_as_default=False, timeout=ANSWERS_WITHIN)
        try:
            await stack.enter_async_context(client)
            await client.wait_for_workers(1, timeout=ANSWERS_WITHIN)
        except (OSError, TimeoutError):
            raise EnvironmentUnavailableError(
                f"no Dask cluster with a worker answers at {scheduler or 'this machine'}",
                hint="dask scheduler, and dask worker tcp://HOST:8786 for each worker",
            ) from None
        yield client
