"""Controls: cells outside of a table, tried before a red row is called the downstream's own fault.

Theory of operation. The versions of a table are those that somebody chose, such as the newest ten. If a row is red with
all of them, either the downstream is broken, or every chosen version lies behind one break. Only versions outside of
the table can tell. Those that tell most are the one that was current when the downstream was released, since it was
made to work with that one, the oldest and the newest that it declares, and one that the ledger once saw work. That the
ledger did so is no evidence by itself, since third-party packages have moved since: the cell is planned like any other,
and the executor finds its run where everything that matters is the same.

A row may also be red because today's third-party packages are too new for it. Where a row is still its own fault, the
pair of its release date is tried once more, with the third-party packages of that date. A Python that is younger than
the release often finds no wheels of then: so next the last day is tried on which it was the newest release.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.version import Version

from interlock.adapters.index.client import Release
from interlock.common.steps import RunStep
from interlock.matrix.analysis import Judged, judge_row
from interlock.matrix.context import MatrixContext
from interlock.matrix.executor import ExecutedCells
from interlock.matrix.plan import Plan, PlannedCell, PlannedRow, PlannedSheet, Planner, cell_key
from interlock.matrix.sources import left_out_versions
from interlock.model.lockfile import choose_wheel
from interlock.model.requirements import admits
from interlock.model.verdicts import Run, RunStatus, Verdict

Execute = Callable[[Sequence[PlannedCell]], Awaitable[ExecutedCells]]


@dataclass
class Controls:
    """What was tried beside the cells of a row.

    Attributes:
        versions: By upstream version, ascending, the runs of each cell outside of the table.
        as_of: The date of the third-party packages with which a cell was tried, if one was.
        dated: Its runs, by its upstream version.
    """

    versions: dict[str, tuple[Run, ...]] = field(default_factory=dict)
    as_of: datetime | None = None
    dated: dict[str, tuple[Run, ...]] = field(default_factory=dict)

    @property
    def tells_date(self) -> bool:
        """Whether a cell ran with the third-party packages of a date."""
        without = {RunStatus.UNRESOLVABLE, RunStatus.UNTESTED}
        return any(runs[-1].status not in without for runs in self.dated.values())

    def judge(self, cells: Sequence[Sequence[Run]]) -> tuple[Judged, ...]:
        """The verdicts of the row's cells."""
        return judge_row(cells, list(self.versions.values()), next(iter(self.dated.values()), ()))

    def tried(self) -> Iterator[tuple[str, tuple[Run, ...], datetime | None]]:
        """Every control: its upstream version, its runs, and the date of its third-party packages."""
        yield from ((version, runs, None) for version, runs in self.versions.items())
        yield from ((version, runs, self.as_of) for version, runs in self.dated.items())


@dataclass(frozen=True, kw_only=True)
class TriedControls:
    """The controls of each row that has any, by the number of its sheet and its downstream version."""

    rows: Mapping[tuple[int, str], Controls] = field(default_factory=dict)
    suites_run: int = 0

    def of(self, sheet: int, version: str) -> Controls:
        """Those of one row."""
        return self.rows.get((sheet, version), NOTHING_TRIED)


NOTHING_TRIED = Controls()
NO_CONTROLS = TriedControls()


def choose_versions(
    window: Collection[Version],
    releases: Mapping[Version, Release],
    *,
    declared: SpecifierSet | None,
    released: datetime | None,
    tags: Collection[Tag],
) -> tuple[Version, ...]:
    """The versions outside of a window that can tell most of a row, ascending.

    Args:
        window: The versions of the table.
        releases: Every release of the upstream.
        declared: What the downstream declares.
        released: When the downstream was released; None where the index does not say.
        tags: What the interpreter supports: what has to be built is no control where anything else is.
    """
    served = _served(releases)
    outside = [version for version in served if version not in window]
    pool = [version for version in outside if admits(declared, version)] or outside
    ready = [v for v in pool if choose_wheel([file.name for file in releases[v].wheels], tags)] or pool
    if not ready:
        return ()
    current = current_version(releases, declared=declared, released=released)
    # Without a date, the middle one is the best guess at what it was made for.
    chosen = {ready[0], ready[-1], current or ready[len(ready) // 2]}
    return tuple(sorted(chosen - set(window)))


def current_version(
    releases: Mapping[Version, Release], *, declared: SpecifierSet | None, released: datetime | None
) -> Version | None:
    """The upstream version that an installer took when the downstream was released; None where that is not known."""
    if released is None:
        return None
    there = [version for version in _served(releases) if _is_older(releases[version], released)]
    return max([version for version in there if admits(declared, version)] or there, default=None)


def _served(releases: Mapping[Version, Release]) -> list[Version]:
    """What an installer chooses from by itself, ascending."""
    served = [version for version, release in releases.items() if not release.yanked and release.tree is None]
    return sorted([version for version in served if not version.is_prerelease] or served)


def _is_older(release: Release, than: datetime) -> bool:
    return release.uploaded is not None and release.uploaded <= than


async def find_controls(
    context: MatrixContext, plan: Plan, planner: Planner, executed: ExecutedCells, execute: Execute, step: RunStep
) -> TriedControls:
    """Try controls for every row in which something is red that was seen green nowhere.

    Args:
        context: The context of the matrix.
        plan: The cells of the table.
        planner: Plans further cells.
        executed: The runs of the table's cells.
        execute: Executes further cells.
        step: Runs the steps.

    Raises:
        IndexUnavailableError: The index did not answer.
    """
    runs = dict(zip((cell.key for cell in plan.cells), executed.of(plan.cells), strict=True))
    rows = [
        _Row(context, planner, sheet, row, (number, row.version), [runs[cell.key] for cell in row.cells])
        for number, sheet in enumerate(plan.sheets)
        for row in sheet.rows
    ]
    rows = [row for row in rows if any(cell.is_open for cell in row.judged())]
    search = _Search(execute, step)
    for row, found in zip(rows, await search.tried("other-versions", rows, _Row.plan_versions), strict=True):
        row.controls.versions = found
    for what, plan_row in (("release-date", _Row.plan_release_date), ("last-day", _Row.plan_last_day)):
        own = [row for row in rows if not row.controls.tells_date and any(cell.own for cell in row.judged())]
        for row, found in zip(own, await search.tried(what, own, plan_row), strict=True):
            row.controls.dated = found or row.controls.dated
    return TriedControls(rows={row.name: row.controls for row in rows}, suites_run=search.suites_run)


@dataclass
class _Row:
    """A row of the table, with what tells which controls there are."""

    context: MatrixContext
    planner: Planner
    sheet: PlannedSheet
    row: PlannedRow
    name: tuple[int, str]
    runs: Sequence[Sequence[Run]]
    controls: Controls = field(default_factory=Controls)

    def judged(self) -> tuple[Judged, ...]:
        """The verdicts, by what is known now."""
        return self.controls.judge(self.runs)

    async def plan_versions(self) -> tuple[PlannedCell, ...]:
        """The cells with upstream versions outside of the table."""
        upstream, downstream = await self._releases()
        window = set(map(Version, self.sheet.upstream_versions))
        chosen = choose_versions(
            window,
            upstream,
            declared=self._declared,
            released=downstream.uploaded,
            tags=self.sheet.interpreter.tags(),
        )
        once_good = await self._once_good(set(_served(upstream)) - window, downstream)
        return await self._plan(sorted({*chosen, *once_good}))

    async def plan_release_date(self) -> tuple[PlannedCell, ...]:
        """The cell of the release date, with the third-party packages of then."""
        _, downstream = await self._releases()
        return await self._plan_as_of(downstream.uploaded)

    async def plan_last_day(self) -> tuple[PlannedCell, ...]:
        """The cell of the time when the downstream's next release came out, with the third-party packages of then."""
        _, downstream = await self._releases()
        releases = await self.context.index.releases(self.sheet.edge.downstream)
        later = [release.uploaded for v, release in releases.items() if v > downstream.version and release.uploaded]
        return await self._plan_as_of(min(later, default=None))

    async def _plan_as_of(self, day: datetime | None) -> tuple[PlannedCell, ...]:
        upstream, _ = await self._releases()
        current = current_version(upstream, declared=self._declared, released=day)
        if current is None:
            return ()
        self.controls.as_of = day
        return await self._plan([current], day)

    async def _releases(self) -> tuple[Mapping[Version, Release], Release]:
        edge, index = self.sheet.edge, self.context.index
        downstream = await index.releases(edge.downstream)
        upstream, left_out = await index.releases(edge.upstream), left_out_versions(self.context.family, edge.upstream)
        considered = {version: release for version, release in upstream.items() if version not in left_out}
        return considered, downstream[Version(self.row.version)]

    @property
    def _declared(self) -> SpecifierSet | None:
        return None if self.row.declared is None else SpecifierSet(self.row.declared)

    async def _once_good(self, versions: Collection[Version], downstream: Release) -> list[Version]:
        """The newest of some versions that the ledger once saw work, if it has one."""
        sheet = self.sheet
        keys = {cell_key(sheet.edge, v, downstream.version, sheet.interpreter, sheet.point): v for v in versions}
        known = await asyncio.to_thread(self.context.ledger.cells, list(keys))
        return sorted(keys[key] for key, cell in known.items() if cell.verdict is Verdict.COMPATIBLE)[-1:]

    async def _plan(self, versions: Sequence[Version], as_of: datetime | None = None) -> tuple[PlannedCell, ...]:
        upstream, downstream = await self._releases()
        releases = [upstream[version] for version in versions]
        sheet = self.sheet
        row = await self.planner.row(sheet.edge, releases, downstream, sheet.interpreter, sheet.point, as_of)
        return row.cells


PlanRow = Callable[[_Row], Awaitable[tuple[PlannedCell, ...]]]


@dataclass
class _Search:
    """Plans and executes further cells of rows."""

    execute: Execute
    step: RunStep
    suites_run: int = 0

    async def tried(self, what: str, rows: Sequence[_Row], plan: PlanRow) -> list[dict[str, tuple[Run, ...]]]:
        """For each row, the runs of its further cells by upstream version."""
        if not rows:
            return []
        cells = await self.step(f"plan-controls {what}", _planned, rows, plan)
        every = [cell for found in cells for cell in found]
        executed = await self.execute(every)
        self.suites_run += executed.suites_run
        runs = executed.of(every)
        return [{cell.key.upstream_version: next(runs) for cell in found} for found in cells]


async def _planned(rows: Sequence[_Row], plan: PlanRow) -> list[tuple[PlannedCell, ...]]:
    return await asyncio.gather(*map(plan, rows))
