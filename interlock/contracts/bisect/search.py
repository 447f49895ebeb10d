"""Finds the first step that breaks a suite: it tries both ends first, then the step that halves what is left.

What the ledger knows is not run, and steps of equal content share one run, so few of many versions are tried.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

from interlock.adapters.connections import Connections
from interlock.adapters.index.client import Release
from interlock.common.clock import now
from interlock.common.frozen_model import FrozenModel
from interlock.common.steps import RunStep, call
from interlock.contracts.bisect.judge import JudgedRun, JudgedSheet, TargetFailures, ends, judge, seen
from interlock.contracts.bisect.models import Bisection, BisectRequest, Broken, Skipped
from interlock.contracts.bisect.narrowing import State, between, next_try, relapses, tries_left
from interlock.contracts.bisect.steps import StepRange, find_steps
from interlock.contracts.bisect.target import Target, find_target, matrix_request, reproduce
from interlock.contracts.candidates import CandidateBuilder
from interlock.errors import UsageError
from interlock.matrix.analysis import judge_row
from interlock.matrix.context import MatrixContext
from interlock.matrix.executor import known_runs
from interlock.matrix.plan import PlannedCell
from interlock.matrix.run import OpenRunner, execute, here, plan_matrix
from interlock.matrix.sources import Choice, ChosenEdge
from interlock.model.verdicts import CellKey, Run


class BisectProgress(FrozenModel):
    """How far a bisection has come.

    Attributes:
        doing: The activity at present, for people.
        tries: The number of tries so far; `left` are still needed at most, as far as is known.
    """

    doing: str
    tries: int = 0
    left: int = 0


Watch = Callable[[BisectProgress], Awaitable[None]]


async def _ignore(_progress: BisectProgress) -> None:
    return


# A flow's parameters are data, so a callback in the same process travels beside them.
watcher: ContextVar[Watch] = ContextVar("bisection_watcher", default=_ignore)


async def bisect(
    connections: Connections, request: BisectRequest, run: RunStep = call, cells: OpenRunner = here
) -> Bisection:
    """Find the first version or commit of an upstream that breaks a suite.

    Args:
        connections: The connections of the family.
        request: Where to search.
        run: Runs the steps.
        cells: Opens what runs cells.

    Raises:
        UsageError: A name does not exist, the good end is not good, or the bad one not bad.
        RepositoryError, IndexUnavailableError: The repository or the index can't be read.
        LedgerError: The ledger can't be read.
    """
    _ = connections.ledger  # fails here, before anything is downloaded, if it can't be opened
    target = await run("find-target", find_target, connections, request)
    span = await run("list-steps", find_steps, CandidateBuilder(connections), request)
    search = _Search(connections, request, span, target, run, cells)
    await search.try_the_ends()
    while (number := next_try(search.states)) is not None:
        await search.try_one(number)
    return search.result()


@dataclass
class _Search:
    """The work of one bisection."""

    context: MatrixContext
    request: BisectRequest
    span: StepRange
    target: Target
    run: RunStep
    cells: OpenRunner
    states: dict[int, State] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    runs: int = 0
    _tries: int = 0
    _recorded: set[CellKey] = field(default_factory=set)
    _cells: dict[int, dict[JudgedSheet, PlannedCell]] = field(default_factory=dict)
    _unavailable: dict[int, str] = field(default_factory=dict)
    _seen: dict[int, dict[JudgedSheet, JudgedRun]] = field(default_factory=dict)
    _targets: dict[JudgedSheet, TargetFailures] = field(default_factory=dict)

    async def try_the_ends(self) -> None:
        """Run the suites with both ends: the search is for the failures that distinguish them."""
        last = len(self.span.steps) - 1
        await self._report(f"trying the ends, {self._name(0)} and {self._name(last)}")
        await self._plan((0, last) if self.span.is_built else range(last + 1))
        for number in (0, last):
            if number in self._unavailable:
                raise UsageError(f"{self._name(number)} can't be tried: {self._unavailable[number]}")
        if not self._cells:
            what = f"whatever tests {self.request.downstream} with {self.request.upstream} is allowed to fail"
            raise UsageError(what, hint="take the point out of allowed_to_fail, or name another --suite")
        await self._run(0, last)
        names = (self._name(0), self._name(last))
        self._targets, notes = ends(self._seen[0], self._seen[last], names)
        self.notes |= dict.fromkeys(notes)
        self._judge()

    async def try_one(self, number: int) -> None:
        """Try a step; every step with the same content is known then, too."""
        await self._report(f"trying {self._name(number)}")
        self._tries += 1
        if number not in self._cells:
            await self._plan((number,))
        if number not in self._unavailable:
            await self._run(number)
        self._judge()

    async def _plan(self, numbers: Iterable[int]) -> None:
        had = {number: await self.span.get(number) for number in numbers}
        self._unavailable |= {number: why for number, why in had.items() if isinstance(why, str)}
        releases = {number: release for number, release in had.items() if isinstance(release, Release)}
        if not releases:
            return
        chosen = (
            ChosenEdge(
                edge=edge,
                upstream_versions=tuple(releases.values()),
                downstream_versions=(self.target.downstream,),
            )
            for edge in self.target.edges
        )
        choice = Choice(chosen=tuple(chosen), interpreters=self.target.interpreters)
        matrix = await plan_matrix(self.context, matrix_request(self.request), self.run, choice=choice)
        self.notes |= dict.fromkeys(matrix.notes)
        for sheet in matrix.plan.sheets:
            if sheet.edge.suite.reason_to_allow(sheet.point) is None:
                for number, cell in zip(releases, sheet.rows[0].cells, strict=True):
                    self._cells.setdefault(number, {})[_sheet(cell)] = cell

    async def _run(self, *numbers: int) -> None:
        """Bring steps to their verdict, in the suites that distinguish the ends, and note what other steps share it."""
        wanted = [cell for number in numbers for cell in self._wanted(number)]
        executed = await execute(self.context, matrix_request(self.request), wanted, self.cells)
        self.runs += executed.suites_run
        cells = [cell for number in self._cells for cell in self._wanted(number)]
        known = await known_runs(cells, self.context.ledger)
        await asyncio.to_thread(self._record, known)
        for number in self._cells:
            mine = self._wanted(number)
            self._seen[number] = {_sheet(cell): seen(known[cell.key]) for cell in mine if cell.key in known}

    def _record(self, known: Mapping[CellKey, tuple[Run, ...]]) -> None:
        """Record what each cell has shown, as a matrix of this one cell would."""
        new = {key: runs for key, runs in known.items() if key not in self._recorded}
        verdicts = {key: judge_row([runs])[0].verdict for key, runs in new.items()}
        runs = {key: runs[-1].fingerprint for key, runs in new.items()}
        self.context.ledger.record_cells(verdicts, now(), runs)
        self._recorded |= new.keys()

    def _wanted(self, number: int) -> list[PlannedCell]:
        return [cell for sheet, cell in self._cells[number].items() if not self._targets or sheet in self._targets]

    def _judge(self) -> None:
        """Update the state of every step of which enough is known."""
        self.states = dict.fromkeys(self._unavailable, State.SKIP)
        for number, found in self._seen.items():
            targets = {sheet: what for sheet, what in self._targets.items() if sheet in found}
            state = judge(found, targets) if targets else None
            if state is State.BAD or (state is not None and len(targets) == len(self._targets)):
                self.states[number] = state

    async def _report(self, doing: str) -> None:
        left = tries_left(self.states) if self.states else 0
        await watcher.get()(BisectProgress(doing=doing, tries=self._tries, left=left))

    def _name(self, number: int) -> str:
        return str(self.span.steps[number])

    def result(self) -> Bisection:
        """The result of the search."""
        found, steps = between(self.states), self.span.steps
        return Bisection(
            find=self.request.find,
            upstream=self.request.upstream,
            downstream=self.request.downstream,
            downstream_version=str(self.target.downstream.version),
            last_good=steps[found.good],
            first_bad=steps[found.bad],
            unsure=tuple(steps[number] for number in found.skipped),
            broken=tuple(self._broken(found.bad)),
            skipped=tuple(self._skipped()),
            relapses=tuple(steps[number] for number in relapses(self.states)),
            steps=len(steps),
            runs=self.runs,
            notes=(*self.notes, *self.context.index.notes),
            reproduce=reproduce(self.request, self.target, self.span, found),
        )

    def _broken(self, number: int) -> Iterable[Broken]:
        for sheet, what in self._targets.items():
            shown = self._seen[number].get(sheet)
            if shown is not None and what.state(shown) is State.BAD:
                yield Broken(sheet=sheet, tests=what.new(shown), reason=shown.reason)

    def _skipped(self) -> Iterable[Skipped]:
        for number in sorted(number for number, state in self.states.items() if state is State.SKIP):
            yield Skipped(step=self.span.steps[number], why=self._unavailable.get(number) or self._why(number))

    def _why(self, number: int) -> str:
        found = self._seen[number]
        skipped = (sheet for sheet, what in self._targets.items() if sheet in found)
        return next(found[each].description for each in skipped if self._targets[each].state(found[each]) is State.SKIP)


def _sheet(cell: PlannedCell) -> JudgedSheet:
    return JudgedSheet(suite=cell.key.suite, python=cell.key.python, point=cell.key.point)
