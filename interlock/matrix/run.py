"""Making a matrix: choose the versions, fetch their files, plan every cell, execute what has to be run, assemble.

Nothing here knows what runs a step, or a cell. A flow makes a Prefect task of each step, which is tried again where
that may help; other callers call it. So a step looks before it acts, and is right when it is done twice.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import ParamSpec, TypeVar

from interlock.cells.runner import run_cell
from interlock.common.clock import now
from interlock.common.steps import RunStep, call
from interlock.matrix.assemble import MatrixMetadata, assemble
from interlock.matrix.context import MatrixContext
from interlock.matrix.executor import ExecutedCells, Observe, RunCell, execute_cells
from interlock.matrix.pair import Pair
from interlock.matrix.plan import Plan, PlannedCell, Planner, resolve_pair
from interlock.matrix.report import MatrixReport
from interlock.matrix.request import MatrixRequest
from interlock.matrix.resolutions import Resolutions
from interlock.matrix.sources import Choice, choose, fetch
from interlock.model.lockfile import Resolution

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class CellRunner:
    """What runs cells.

    Attributes:
        run: Runs one.
        jobs: How many side by side.
        observe: Is given the progress, after every run.
    """

    run: RunCell
    jobs: int
    observe: Observe | None = None


OpenRunner = Callable[[MatrixContext, MatrixRequest], contextlib.AbstractAsyncContextManager[CellRunner]]


@contextlib.asynccontextmanager
async def here(context: MatrixContext, request: MatrixRequest) -> AsyncIterator[CellRunner]:
    """Runs cells in this process, without telling anybody."""
    yield CellRunner(run=lambda recipe: run_cell(recipe, context.uv), jobs=request.jobs)


@dataclass(frozen=True, kw_only=True)
class PlannedMatrix:
    """A matrix of which nothing was run yet.

    Attributes:
        notes: What of the plan came from caches for want of the index.
    """

    request: MatrixRequest
    plan: Plan
    notes: tuple[str, ...] = ()


async def plan_matrix(
    context: MatrixContext, request: MatrixRequest, run: RunStep = call, *, choice: Choice | None = None
) -> PlannedMatrix:
    """Choose, fetch and plan. Resolutions that are kept are not made again.

    Args:
        context: What the matrix works with.
        request: What is asked for.
        run: Runs the steps.
        choice: The versions, where they are chosen already.

    Raises:
        UsageError: The request names something that does not exist.
        EnvironmentUnavailableError: There is no such Python here.
        IndexUnavailableError: The index did not answer, and nothing serves instead.
    """
    if choice is None:
        choice = await run("choose-versions", choose, context, request)
    sources = await run("fetch-distributions", fetch, context, choice)
    resolutions = Resolutions(context.cache / "resolutions" / context.index.index.key(), fresh=request.fresh)

    async def resolve(pair: Pair) -> Resolution:
        step = partial(run, f"resolve {pair.title}", resolve_pair, pair, context.uv)
        return await resolutions.get(pair.key(), step)

    planner = Planner(frozenset(context.family.packages), sources, resolve, request.together)
    plan = await planner.plan(choice)
    return PlannedMatrix(request=request, plan=plan, notes=(*context.index.notes, *resolutions.notes))


async def execute(
    context: MatrixContext, request: MatrixRequest, planned: Sequence[PlannedCell], cells: OpenRunner = here
) -> ExecutedCells:
    """Bring cells to their verdicts.

    Raises:
        LedgerError: The ledger can't be read or written.
    """
    async with cells(context, request) as runner:
        return await execute_cells(
            planned,
            ledger=context.ledger,
            run=runner.run,
            jobs=runner.jobs,
            fresh=request.fresh,
            observe=runner.observe,
        )


async def run_planned(
    context: MatrixContext,
    matrix: PlannedMatrix,
    cells: OpenRunner = here,
    *,
    started_at: datetime,
    record: bool = True,
) -> MatrixReport:
    """Bring every cell to its verdict, and say what all of them say together.

    Args:
        context: What the matrix works with.
        matrix: What is planned.
        cells: Opens what runs cells.
        started_at: When the matrix was begun.
        record: Whether the cells' verdicts are kept, to be compared with next time. Their runs always are.

    Raises:
        LedgerError: The ledger can't be read or written.
    """
    covers = matrix.request.covers()
    occasion = MatrixMetadata(family=context.family.name, covers=covers, started_at=started_at, notes=matrix.notes)
    settled = await execute(context, matrix.request, matrix.plan.cells, cells)
    return assemble(matrix.plan, settled, occasion, context.ledger if record else None)


async def make_matrix(
    context: MatrixContext,
    request: MatrixRequest,
    run: RunStep = call,
    cells: OpenRunner = here,
    *,
    started_at: datetime | None = None,
    record: bool = True,
) -> MatrixReport:
    """Make a matrix; the arguments and errors are those of `plan_matrix` and `run_planned`."""
    _ = context.ledger  # one that can't be opened is known before anything is downloaded
    planned = await plan_matrix(context, request, run)
    return await run_planned(context, planned, cells, started_at=started_at or now(), record=record)
