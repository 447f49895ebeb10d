"""Finds the first step that breaks a suite: both ends first, then whatever halves what is left.

What the ledger knows is not run, and steps of equal content share one run, so that of many versions few are tried.
"""

from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field

from interlock.adapters.connections import Connections
from interlock.adapters.index.client import Release
from interlock.common.frozen_model import FrozenModel
from interlock.common.steps import RunStep, call
from interlock.contracts.bisect.judge import JudgedRun, JudgedSheet, TargetFailures, ends, judge, seen
from interlock.contracts.bisect.models import Bisection, BisectRequest, Broken, Skipped
from interlock.contracts.bisect.narrowing import State, between, next_try, relapses, tries_left
from interlock.contracts.bisect.steps import StepRange, find_steps
from interlock.contracts.bisect.target import Target, find_target, matrix_request, reproduce
from interlock.contracts.candidates import CandidateBuilder
from interlock.errors import UsageError
from interlock.matrix.context import MatrixContext
from interlock.matrix.executor import known_runs
from interlock.matrix.plan import PlannedCell
from interlock.matrix.run import OpenRunner, execute, here, plan_matrix
from interlock.matrix.sources import Choice, ChosenEdge


class BisectProgress(FrozenModel):
    """How far a bisection has come.

    Attributes:
        doing: What goes on now.
        tries: Made so far; `left` are needed at most, as far as is known.
    """

    doing: str
    tries: int = 0
    left: int = 0


Watch = Callable[[BisectProgress], Awaitable[None]]


async def _no_one(_hunt: BisectProgress) -> None:
    return


# A flow's parameters are data; what is to be called in the same process goes beside them.
watcher: ContextVar[Watch] = ContextVar("bisection_watcher", default=_no_one)


async def bisect(
    connections: Connections, request: BisectRequest, run: RunStep = call, cells: OpenRunner = here
) -> Bisection:
    """Find the first version or commit of an upstream that breaks a suite.

    Args:
        connections: What is outside.
        request: What is asked.
        run: Runs the steps.
        cells: Opens what runs cells.

    Raises:
        UsageError: Something that is named does not exist, the good end is not good, or the bad one not bad.
        RepositoryError, IndexUnavailableError: Something could not be looked at.
        LedgerError: The ledger can't be read.
    """
    _ = connections.ledger  # one that can't be opened is known before anything is downloaded
    target = await run("find-target", find_target, connections, request)
    line = await run("list-steps", find_steps, CandidateBuilder(connections), request)
    search = _Search(connections, request, line, target, run, cells)
    await search.try_the_ends()
    while (number := next_try(search.states)) is not None:
        await search.try_one(number)
    return search.result()


@dataclass
class _Search:
    """The work of one bisection."""

    context: MatrixContext
    request: BisectRequest
    line: StepRange
    target: Target
    run: RunStep
    cells: OpenRunner
    states: dict[int, State] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    runs: int = 0
    _tries: int = 0
    _cells: dict[int, dict[JudgedSheet, PlannedCell]] = field(default_factory=dict)
    _unhad: dict[int, str] = field(default_factory=dict)
    _seen: dict[int, dict[JudgedSheet, JudgedRun]] = field(default_factory=dict)
    _sought: dict[JudgedSheet, TargetFailures] = field(default_factory=dict)

    async def try_the_ends(self) -> None:
        """Run the suites with both ends: what is sought is what tells them apart."""
        last = len(self.line.steps) - 1
        await self._tell(f"trying the ends, {self._name(0)} and {self._name(last)}")
        await self._plan((0, last) if self.line.is_built else range(last + 1))
        for number in (0, last):
            if number in self._unhad:
                raise UsageError(f"{self._name(number)} can't be tried: {self._unhad[number]}")
        if not self._cells:
            what = f"whatever tests {self.request.downstream} with {self.request.upstream} is allowed to fail"
            raise UsageError(what, hint="take the point out of allowed_to_fail, or name another --suite")
        await self._run(0, last)
        names = (self._name(0), self._name(last))
        self._sought, notes = ends(self._seen[0], self._seen[last], names)
        self.notes |= dict.fromkeys(notes)
        self._judge()

    async def try_one(self, number: int) -> None:
        """Find out about a step; all that is equal to it is known then, too."""
        await self._tell(f"trying {self._name(number)}")
        self._tries += 1
        if number not in self._cells:
            await self._plan((number,))
        if number not in self._unhad:
            await self._run(number)
        self._judge()

    async def _plan(self, numbers: Iterable[int]) -> None:
        had = {number: await self.line.get(number) for number in numbers}
        self._unhad |= {number: why for number, why in had.items() if isinstance(why, str)}
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
        """Bring steps to their verdict, in the suites that tell the ends apart, and look what that says of others."""
        wanted = [cell for number in numbers for cell in self._wanted(number)]
        settled = await execute(self.context, matrix_request(self.request), wanted, self.cells)
        self.runs += settled.suites_run
        cells = [cell for number in self._cells for cell in self._wanted(number)]
        known = await known_runs(cells, self.context.ledger)
        for number in self._cells:
            mine = self._wanted(number)
            self._seen[number] = {_sheet(cell): seen(known[cell.key]) for cell in mine if cell.key in known}

    def _wanted(self, number: int) -> list[PlannedCell]:
        return [cell for sheet, cell in self._cells[number].items() if not self._sought or sheet in self._sought]

    def _judge(self) -> None:
        """What every step is, of which enough is known."""
        self.states = dict.fromkeys(self._unhad, State.SKIP)
        for number, found in self._seen.items():
            sought = {sheet: what for sheet, what in self._sought.items() if sheet in found}
            state = judge(found, sought) if sought else None
            if state is State.BAD or (state is not None and len(sought) == len(self._sought)):
                self.states[number] = state

    async def _tell(self, doing: str) -> None:
        left = tries_left(self.states) if self.states else 0
        await watcher.get()(BisectProgress(doing=doing, tries=self._tries, left=left))

    def _name(self, number: int) -> str:
        return str(self.line.steps[number])

    def result(self) -> Bisection:
        """What was found."""
        found, steps = between(self.states), self.line.steps
        return Bisection(
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
            reproduce=reproduce(self.request, self.target, self.line, found),
        )

    def _broken(self, number: int) -> Iterable[Broken]:
        for sheet, what in self._sought.items():
            shown = self._seen[number].get(sheet)
            if shown is not None and what.state(shown) is State.BAD:
                yield Broken(sheet=sheet, tests=what.new(shown), reason=shown.reason)

    def _skipped(self) -> Iterable[Skipped]:
        for number in sorted(number for number, state in self.states.items() if state is State.SKIP):
            yield Skipped(step=self.line.steps[number], why=self._unhad.get(number) or self._why(number))

    def _why(self, number: int) -> str:
        silent = {sheet: each for sheet, each in self._seen[number].items() if sheet in self._sought}
        return next(each.told for sheet, each in silent.items() if self._sought[sheet].state(each) is State.SKIP)


def _sheet(cell: PlannedCell) -> JudgedSheet:
    return JudgedSheet(suite=cell.key.suite, python=cell.key.python, point=cell.key.point)
