"""Making a matrix: choose the versions, fetch their files, plan every cell, execute it, try controls, assemble.

The caller supplies what runs a step, or a cell. A flow makes a Prefect task of each step, which is tried again where
that may help; other callers call it. So a step looks before it acts, and may be done twice.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import ParamSpec, TypeVar

from interlock.cells.runner import run_cell
from interlock.common.clock import now
from interlock.common.sandbox import not_isolated
from interlock.common.steps import RunStep, call
from interlock.matrix.assemble import MatrixMetadata, assemble
from interlock.matrix.context import MatrixContext
from interlock.matrix.controls import NO_CONTROLS, find_controls
from interlock.matrix.executor import ExecutedCells, Observe, RunCell, execute_cells
from interlock.matrix.pair import Pair
from interlock.matrix.plan import Plan, PlannedCell, Planner, resolve_pair
from interlock.matrix.report import MatrixReport
from interlock.matrix.request import MatrixRequest
from interlock.matrix.resolutions import Resolutions
from interlock.matrix.sources import Choice, choose, fetch, left_out_versions
from interlock.model.family import Family
from interlock.model.lockfile import Resolution

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class CellRunner:
    """How cells are run.

    Attributes:
        run: Runs one.
        jobs: How many run side by side.
        observe: Receives the progress, after every run.
    """

    run: RunCell
    jobs: int
    observe: Observe | None = None


OpenRunner = Callable[[MatrixContext, MatrixRequest], contextlib.AbstractAsyncContextManager[CellRunner]]


@contextlib.asynccontextmanager
async def here(context: MatrixContext, request: MatrixRequest) -> AsyncIterator[CellRunner]:
    """Runs cells in this process, without an observer."""
    yield CellRunner(run=lambda recipe: run_cell(recipe, context.uv), jobs=request.jobs)


@dataclass(frozen=True, kw_only=True)
class PlannedMatrix:
    """A matrix before its first run.

    Attributes:
        planner: What planned it, and can plan further cells.
        notes: Which parts of the plan came from caches because the index did not answer.
    """

    request: MatrixRequest
    plan: Plan
    planner: Planner
    notes: tuple[str, ...] = ()


async def plan_matrix(
    context: MatrixContext, request: MatrixRequest, run: RunStep = call, *, choice: Choice | None = None
) -> PlannedMatrix:
    """Choose, fetch and plan. Stored resolutions are not made again.

    Args:
        context: The context of the matrix.
        request: Which cells it covers.
        run: Runs the steps.
        choice: The versions, if they are chosen already.

    Raises:
        UsageError: The request names something that does not exist.
        EnvironmentUnavailableError: There is no such Python here.
        IndexUnavailableError: The index did not answer, and no cache replaces it.
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
    notes = (*context.index.notes, *resolutions.notes, *_left_out(context.family, choice))
    return PlannedMatrix(request=request, plan=plan, planner=planner, notes=notes)


def _left_out(family: Family, choice: Choice) -> list[str]:
    """What the family file leaves out of this choice, so that nobody takes it for covered."""
    names = dict.fromkeys(name for each in choice.chosen for name in (each.edge.upstream, each.edge.downstream))
    return [
        f"{name} {version} is left out: {reason}"
        for name in names
        for version, reason in left_out_versions(family, name).items()
    ]


async def execute(
    context: MatrixContext, request: MatrixRequest, planned: Sequence[PlannedCell], cells: OpenRunner = here
) -> ExecutedCells:
    """Bring cells to their verdicts.

    Raises:
        LedgerError: The ledger can't be read or written.
    """
    async with cells(context, request) as runner:
        return await _execute(context, request, runner, planned)


async def _execute(
    context: MatrixContext, request: MatrixRequest, runner: CellRunner, planned: Sequence[PlannedCell]
) -> ExecutedCells:
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
    controls: RunStep | None = None,
) -> MatrixReport:
    """Bring every cell to its verdict, and assemble the report.

    Args:
        context: The context of the matrix.
        matrix: Its plan.
        cells: Opens what runs cells.
        started_at: When the matrix was started.
        record: Whether the cells' verdicts are recorded, to be compared with next time. Their runs always are.

        controls: Runs the steps that find controls; None judges each row by its own cells alone.

    Raises:
        LedgerError: The ledger can't be read or written.
    """
    covers = matrix.request.covers()
    notes = (*matrix.notes, *filter(None, [not_isolated()]))
    metadata = MatrixMetadata(family=context.family.name, covers=covers, started_at=started_at, notes=notes)
    async with cells(context, matrix.request) as runner:
        run_cells = partial(_execute, context, matrix.request, runner)
        executed = await run_cells(matrix.plan.cells)
        tried = NO_CONTROLS
        if controls:
            tried = await find_controls(context, matrix.plan, matrix.planner, executed, run_cells, controls)
    return assemble(matrix.plan, executed, metadata, context.ledger if record else None, tried)


async def make_matrix(
    context: MatrixContext,
    request: MatrixRequest,
    run: RunStep = call,
    cells: OpenRunner = here,
    *,
    started_at: datetime | None = None,
    record: bool = True,
    controls: bool = True,
) -> MatrixReport:
    """Make a matrix; the arguments and errors are those of `plan_matrix` and `run_planned`."""
    _ = context.ledger  # fails here, before anything is downloaded, if it can't be opened
    planned = await plan_matrix(context, request, run)
    return await run_planned(
        context, planned, cells, started_at=started_at or now(), record=record, controls=run if controls else None
    )
