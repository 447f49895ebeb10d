"""Brings every cell of a plan to a verdict: known cells are not run, and equal cells are run once.

Theory of operation. Cells whose recipes have one fingerprint are a *group*: everything that can change a verdict is
equal in them, except for the versions of the family's packages, which the fingerprint leaves out. So one run settles a
group, unless its suite was seen to read a package's version. Then the group is *divided*: the fingerprint of each cell
is bound to the versions that are read, and equal cells of the parts share as before.

What it promises:

- Every fingerprint is run once at most, and never if the ledger has a run of it; with `fresh`, once.
- A run is in the ledger as soon as it ends. An interruption loses only the runs under way, and the next call continues
  with what is missing.
- A run is recorded under what is known of its group when it ends. A division is written to the ledger before the runs
  that showed it, so that no run ever stands for a cell of another version.

Why it is right: runs end in any order, and any of them may divide its group. So recording is serialised, and after each
end the groups of what ended are checked again: a cell that another run had settled may have to wait again, and one that
waits may turn out to be known. A division only ever grows, by packages of which there are few, so this ends.
Cancellation reaches runs, but never a record that has started.

How a cell is run is the caller's.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from interlock.adapters.ledger import Ledger
from interlock.cells.recipe import Recipe
from interlock.common.digest import bound_to
from interlock.common.frozen_model import FrozenModel
from interlock.matrix.plan import PlannedCell
from interlock.model.verdicts import CellKey, Run, RunStatus

RunCell = Callable[[Recipe], Awaitable[tuple[Run, ...]]]


class MatrixProgress(FrozenModel):
    """How far a matrix has come; all but `runs` and `to_run` count cells.

    Attributes:
        cells: All cells.
        settled: Those that have their verdict, run or not.
        known: Those whose verdict the ledger knew before.
        shared: Settled by another cell's run.
        failing: Settled, but not green.
        runs: Distinct cells run so far; `to_run` of them are known to be needed.
    """

    cells: int
    settled: int = 0
    known: int = 0
    shared: int = 0
    failing: int = 0
    runs: int = 0
    to_run: int = 0


Observe = Callable[[MatrixProgress], Awaitable[None]]


async def _ignore(_progress: MatrixProgress) -> None:
    return


# A flow's parameters are data, so a callback in the same process travels beside them.
watcher: ContextVar[Observe] = ContextVar("watcher", default=_ignore)


@dataclass(frozen=True, kw_only=True)
class ExecutedCells:
    """The runs of every cell.

    Attributes:
        fingerprints: One for each cell that could be run, in the order of the cells; None for the others.
        runs: For each fingerprint, its runs, oldest first.
        known: Fingerprints that the ledger knew.
        suites_run: How many runs were made for this matrix, confirmations that disagreed included.
    """

    fingerprints: tuple[str | None, ...]
    runs: Mapping[str, tuple[Run, ...]]
    known: frozenset[str]
    suites_run: int

    def of(self, cells: Sequence[PlannedCell]) -> Iterator[tuple[Run, ...]]:
        """The runs of each of the cells, which are those that were executed, oldest first."""
        for cell, fingerprint in zip(cells, self.fingerprints, strict=True):
            if fingerprint:
                yield self.runs[fingerprint]
            elif cell.unrun:
                yield (cell.unrun,)


async def execute_cells(
    cells: Sequence[PlannedCell],
    *,
    ledger: Ledger,
    run: RunCell,
    jobs: int,
    fresh: bool = False,
    observe: Observe | None = None,
) -> ExecutedCells:
    """Run what has to be run, at most `jobs` side by side, and record each run as soon as it ends.

    Args:
        cells: The cells of a plan.
        ledger: Where runs are looked up and recorded.
        run: Runs one cell.
        jobs: How many cells run at once.
        fresh: Run every distinct cell, even a known one.
        observe: Receives the progress, after every run.
    """
    execution = _Execution([cell for cell in cells if cell.recipe], ledger, run, fresh=fresh)
    await execution.look_up()
    await execution.work(jobs, observe, unrun=sum(1 for cell in cells if cell.unrun))
    return ExecutedCells(
        fingerprints=tuple(execution.fingerprint(cell) if cell.recipe else None for cell in cells),
        runs=execution.runs,
        known=frozenset(execution.known),
        suites_run=execution.suites_run,
    )


async def look_ahead(cells: Sequence[PlannedCell], ledger: Ledger, *, fresh: bool = False) -> MatrixProgress:
    """What `execute_cells` would find in the ledger, and how much it would have to run; nothing is run."""
    execution = _Execution([cell for cell in cells if cell.recipe], ledger, _never, fresh=fresh)
    await execution.look_up()
    return execution.progress(unrun=sum(1 for cell in cells if cell.unrun), to_run=len(execution.waiting()))


async def known_runs(cells: Sequence[PlannedCell], ledger: Ledger) -> dict[CellKey, tuple[Run, ...]]:
    """The runs of each cell that the ledger knows, oldest first, and of each in which nothing can be run."""
    execution = _Execution([cell for cell in cells if cell.recipe], ledger, _never, fresh=False)
    await execution.look_up()
    found = {cell.key: execution.runs.get(execution.fingerprint(cell), ()) for cell in cells if cell.recipe}
    unrun = {cell.key: (cell.unrun,) for cell in cells if cell.unrun}
    return {key: runs for key, runs in found.items() if runs} | unrun


async def _never(recipe: Recipe) -> tuple[Run, ...]:
    raise AssertionError(recipe.title)


class _Execution:
    """The work of one `execute_cells`."""

    def __init__(self, cells: Sequence[PlannedCell], ledger: Ledger, run: RunCell, *, fresh: bool) -> None:
        self._groups: dict[str, list[PlannedCell]] = defaultdict(list)
        for cell in cells:
            self._groups[_base(cell)].append(cell)
        self._ledger = ledger
        self._run = run
        self._fresh = fresh
        self._readers: dict[str, frozenset[str]] = {}
        self._done_here: set[str] = set()
        self._recording = asyncio.Lock()
        self.runs: dict[str, tuple[Run, ...]] = {}
        self.known: set[str] = set()
        self.suites_run = 0

    def fingerprint(self, cell: PlannedCell) -> str:
        """The key of a cell's verdict, by what is known now."""
        return _bound(cell, self._readers.get(_base(cell), frozenset()))

    async def look_up(self) -> None:
        """Ask the ledger what it knows of all cells."""
        self._readers |= await asyncio.to_thread(self._ledger.version_readers, list(self._groups))
        await self._look_up_runs(self.fingerprint(cell) for cells in self._groups.values() for cell in cells)

    async def _look_up_runs(self, fingerprints: Iterable[str]) -> None:
        wanted = list(set(fingerprints) - self.runs.keys())
        found = await asyncio.to_thread(self._ledger.runs, wanted)
        self.runs |= found
        if not self._fresh:
            self.known |= found.keys()

    async def work(self, jobs: int, observe: Observe | None, *, unrun: int) -> None:
        """Run distinct cells until every cell is settled."""
        waiting = self.waiting()
        running: dict[asyncio.Task[None], PlannedCell] = {}
        try:
            while True:
                if observe:
                    await observe(self.progress(unrun, len(waiting) + len(running)))
                while waiting and len(running) < jobs:
                    cell = self._take(waiting)
                    if cell:
                        running[asyncio.create_task(self._run_one(cell))] = cell
                if not running:
                    return
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                ended = {_base(running.pop(task)) for task in done}
                # The groups of what has ended may have been divided.
                others = {fingerprint: cell for fingerprint, cell in waiting.items() if _base(cell) not in ended}
                waiting = self._unsettled(ended, running.values()) | others
        finally:
            await _cancel(running)

    def waiting(self) -> dict[str, PlannedCell]:
        """By fingerprint, the distinct cells that have to be run."""
        return self._unsettled(self._groups, ())

    def _unsettled(self, bases: Iterable[str], running: Iterable[PlannedCell]) -> dict[str, PlannedCell]:
        """One cell of the groups for each fingerprint that has to be run and is not running."""
        taken = self.known | self._done_here | {self.fingerprint(cell) for cell in running}
        found: dict[str, PlannedCell] = {}
        for base in bases:
            for cell in self._groups[base]:
                found.setdefault(self.fingerprint(cell), cell)
        return {fingerprint: cell for fingerprint, cell in found.items() if fingerprint not in taken}

    def _take(self, waiting: dict[str, PlannedCell]) -> PlannedCell | None:
        """The first that waits; None if a run that is about to end has divided its group: it will wait again."""
        fingerprint, cell = next(iter(waiting.items()))
        del waiting[fingerprint]
        return cell if self.fingerprint(cell) == fingerprint else None

    async def _run_one(self, cell: PlannedCell) -> None:
        assert cell.recipe is not None
        runs = await self._run(cell.recipe)
        self.suites_run += len(runs)
        await _uninterrupted(self._record(cell, runs))

    async def _record(self, cell: PlannedCell, runs: Iterable[Run]) -> None:
        # One at a time: what is known of the run's group must not change while it is recorded.
        async with self._recording:
            await self._divide(_base(cell), frozenset[str]().union(*(run.reads for run in runs)))
            fingerprint = self.fingerprint(cell)
            recorded = tuple(run.model_copy(update={"fingerprint": fingerprint}) for run in runs)
            for run in recorded:
                await asyncio.to_thread(self._ledger.record, run)
            self._done_here.add(fingerprint)
            self.runs[fingerprint] = (*self.runs.get(fingerprint, ()), *recorded)

    async def _divide(self, base: str, reads: frozenset[str]) -> None:
        """Record that a group's suite reads versions, and look up what is known of the parts."""
        before = self._readers.get(base, frozenset())
        if reads <= before:
            return
        await asyncio.to_thread(self._ledger.record_version_reader, base, reads)
        await self._look_up_runs(_bound(cell, before | reads) for cell in self._groups[base])
        self._readers[base] = before | reads

    def progress(self, unrun: int, to_run: int) -> MatrixProgress:
        """How far the execution has come."""
        counts: dict[str, int] = defaultdict(int)
        settled = self.known | self._done_here
        for cells in self._groups.values():
            for cell in cells:
                counts[self.fingerprint(cell)] += 1
        done = {fingerprint: count for fingerprint, count in counts.items() if fingerprint in settled}
        return MatrixProgress(
            cells=sum(counts.values()) + unrun,
            settled=sum(done.values()) + unrun,
            known=sum(count for fingerprint, count in done.items() if fingerprint in self.known),
            shared=sum(count - 1 for fingerprint, count in done.items() if fingerprint in self._done_here),
            failing=sum(count for fingerprint, count in done.items() if not is_green(self.runs[fingerprint])) + unrun,
            runs=len(self._done_here),
            to_run=to_run,
        )


def _base(cell: PlannedCell) -> str:
    assert cell.recipe is not None
    return cell.recipe.fingerprint


def _bound(cell: PlannedCell, readers: frozenset[str]) -> str:
    return bound_to(_base(cell), {name: cell.versions[name] for name in sorted(readers) if name in cell.versions})


def is_green(runs: Collection[Run]) -> bool:
    """Whether every run of a cell passed."""
    return all(run.status is RunStatus.PASSED for run in runs)


async def _uninterrupted(work: Coroutine[Any, Any, None]) -> None:
    """Finish the work; only then let a cancellation through."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def _cancel(tasks: Collection[asyncio.Task[None]]) -> None:
    """End what is running; what has finished is in the ledger."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
