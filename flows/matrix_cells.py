"""What the flows that run cells have in common: their tasks, and how far they have come."""

import contextlib
import time
from collections.abc import AsyncIterator
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact

from flows.dask_cells import cells_on_dask
from flows.patient import patient_task
from interlock.contracts.isolated import run_cell
from interlock.contracts.recipe import Recipe
from interlock.environments import Uv
from interlock.locks import Resolution
from interlock.matrix.bench import Bench
from interlock.matrix.pair import Pair
from interlock.matrix.plan import Plan, resolve_pair
from interlock.matrix.progress import watcher
from interlock.matrix.request import Runner
from interlock.matrix.settle import RunCell, Settled, Tally, settle
from interlock.matrix.sources import Choice, Sources, fetch
from interlock.verdicts import Run

SECONDS_BETWEEN_UPDATES = 2.0


@patient_task("fetch-distributions")
async def fetch_distributions(bench: Bench, choice: Choice) -> Sources:
    """Download what is not in the cache, with its hash checked."""
    return await fetch(bench, choice)


@patient_task("resolve", "resolve-{pair.title}")
async def resolve(uv: Uv, pair: Pair) -> Resolution:
    """Resolve the environment of a pair of wheels, and of all pairs that require the same."""
    return await resolve_pair(pair, uv)


@patient_task("run-cell", "{recipe.title}")
async def run_one_cell(bench: Bench, recipe: Recipe) -> tuple[Run, ...]:
    """Run one suite in its environment; red is confirmed in a fresh one."""
    runs = await run_cell(recipe, bench.uv)
    for run in runs:
        get_run_logger().info("%s: %s %s", recipe.title, run.status, run.reason or "")
    return runs


async def run_cells(
    bench: Bench,
    plan: Plan,
    *,
    jobs: int,
    fresh: bool,
    key: str,
    runner: Runner = Runner.HERE,
    scheduler: str | None = None,
) -> Settled:
    """Bring every cell of a plan to its verdict, each run in a task of its own.

    Args:
        bench: What they are run with.
        plan: The cells.
        jobs: How many at once.
        fresh: Whatever the ledger knows.
        key: Of the artifact that shows how far it has come.
        runner: Where.
        scheduler: The address of a Dask cluster's scheduler; None makes one here.
    """
    progress = await _Progress.begin(key)
    on = cells_on_dask(bench, scheduler, jobs) if runner is Runner.DASK else _here(bench, jobs)
    async with on as (run, at_once):
        return await settle(plan.cells, ledger=bench.ledger, run=run, jobs=at_once, fresh=fresh, observe=progress.show)


@contextlib.asynccontextmanager
async def _here(bench: Bench, jobs: int) -> AsyncIterator[tuple[RunCell, int]]:
    yield (lambda recipe: run_one_cell(bench, recipe)), jobs


class _Progress:
    """Shows a tally to whoever watches, and now and then in the UI."""

    def __init__(self, artifact: UUID) -> None:
        self._artifact = artifact
        self._shown = 0.0

    @classmethod
    async def begin(cls, key: str) -> "_Progress":
        made = await acreate_progress_artifact(progress=0.0, key=key, description="cells settled")
        assert isinstance(made, UUID)
        return cls(made)

    async def show(self, tally: Tally) -> None:
        await watcher.get()(tally)
        now = time.monotonic()
        if now - self._shown > SECONDS_BETWEEN_UPDATES or not tally.to_run:
            self._shown = now
            settled = 100 * tally.settled / tally.cells if tally.cells else 100.0
            await aupdate_progress_artifact(artifact_id=self._artifact, progress=round(settled, 1))
