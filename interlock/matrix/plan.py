"""The plan of a matrix: which cells there are, and what each of them would run. Nothing is run."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from interlock.adapters.distributions import Wheel
from interlock.adapters.index.client import Release
from interlock.adapters.interpreter import Interpreter
from interlock.adapters.uv import Uv
from interlock.cells.recipe import Recipe
from interlock.cells.runner import RUNNER
from interlock.common.clock import now
from interlock.common.digest import Ingredients, digest
from interlock.common.single_flight import SingleFlight
from interlock.matrix.pair import Pair, declared_by
from interlock.matrix.report import MissingRelease
from interlock.matrix.request import TestedEdge
from interlock.matrix.sources import Choice, ChosenEdge, Sources, Tests, why_missing
from interlock.model.lockfile import Filtered, Lock, Resolution, Unresolvable
from interlock.model.requirements import admits, written
from interlock.model.suites import HIGHEST, RESOLUTION
from interlock.model.verdicts import CellKey, Run, RunStatus, point_text

RESOLVING = 4

Resolve = Callable[[Pair], Awaitable[Resolution]]


@dataclass(frozen=True, kw_only=True)
class PlannedCell:
    """One cell, with everything that decides what it will show.

    Attributes:
        declared: Whether the downstream admits the upstream's version; None when what it declares is not known.
        recipe: How it is run; None when nothing can be run, and then `unrun` says why.
        versions: The version of each package of the family in its environment.
    """

    key: CellKey
    declared: bool | None
    recipe: Recipe | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    unrun: Run | None = None


@dataclass(frozen=True, kw_only=True)
class PlannedRow:
    """One downstream version: the specifier that it declares on the upstream, and its cells.

    Attributes:
        missing: Why it can't be had, so that what it declares is not known.
    """

    version: str
    declared: str | None
    missing: str | None = None
    cells: tuple[PlannedCell, ...]


@dataclass(frozen=True, kw_only=True)
class PlannedSheet:
    """One edge, suite, Python and point: rows of cells."""

    edge: TestedEdge
    interpreter: Interpreter
    point: Mapping[str, str]
    upstream_versions: tuple[str, ...]
    rows: tuple[PlannedRow, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Every sheet of a matrix.

    Attributes:
        missing: The newest releases of either end that can't be had.
    """

    sheets: tuple[PlannedSheet, ...]
    missing: tuple[MissingRelease, ...] = ()

    @property
    def cells(self) -> tuple[PlannedCell, ...]:
        """Every cell, in the order of the sheets."""
        return tuple(cell for sheet in self.sheets for row in sheet.rows for cell in row.cells)


async def resolve_pair(pair: Pair, uv: Uv) -> Resolution:
    """The environment that a user would get who installs this pair of wheels, or got at the pair's date.

    For the lowest versions, the pair is resolved first without what the suite requires for itself. What was found of
    the downstream's own requirements, or of all, is then fixed, and the rest is the highest as ever. A requirement
    without a lower bound promises nothing, and stays the highest with `lowest-direct`.

    Raises:
        IndexUnavailableError: The index did not answer.
    """
    resolve = partial(uv.resolve, interpreter=pair.interpreter, as_of=pair.as_of)
    (upstream, downstream, *others), forced = pair.lines()
    if pair.resolution == HIGHEST:
        return await resolve((upstream, downstream, *others), forced=forced)
    bounded = pair.bounded()
    lowest = await resolve((upstream, downstream, *bounded), forced=forced, mode=pair.resolution)
    if not isinstance(lowest, Lock):
        return lowest
    direct = {canonicalize_name(Requirement(line).name) for line in bounded}
    fixed = [str(pin) for pin in lowest.pins if pair.resolution == "lowest" or pin.name in direct]
    wheels = {pair.upstream.name, pair.downstream.name}
    others += [line for line in fixed if line.partition("==")[0] not in wheels]
    return await resolve((upstream, downstream, *others), forced=forced)


class Planner:
    """Makes the plan of a matrix; every resolution and every fingerprint is made once.

    Args:
        family: The names of the family's packages.
        sources: The wheels and the tests.
        resolve: Resolves the environment of a pair; called once for all pairs of equal requirements.
        together: Versions of other packages that come with each pair, as `name==1.0`.
    """

    def __init__(
        self, family: frozenset[str], sources: Sources, resolve: Resolve, together: tuple[str, ...] = ()
    ) -> None:
        self._together = together
        self._family = family
        self._sources = sources
        self._resolve = resolve
        self._resolutions: SingleFlight[str, Resolution] = SingleFlight()
        self._fingerprints: dict[tuple[str, ...], str] = {}
        self._resolving = asyncio.Semaphore(RESOLVING)
        self._started = now()

    async def plan(self, choice: Choice) -> Plan:
        """Plan every cell of a choice."""
        sheets = [
            await self._sheet(chosen, interpreter, point)
            for chosen in choice.chosen
            for interpreter in choice.interpreters
            for point in chosen.edge.suite.points()
        ]
        return Plan(sheets=tuple(sheets), missing=await self._missing(choice))

    async def _missing(self, choice: Choice) -> tuple[MissingRelease, ...]:
        ends = [end for each in choice.chosen for end in (each.upstream_versions, each.downstream_versions) if end]
        newest = {(end[-1].package, end[-1].version): end[-1] for end in ends}
        found = []
        for release in newest.values():
            reason = why_missing([await self._sources.wheel(release, python) for python in choice.interpreters])
            if reason is not None:
                version = str(release.version)
                found.append(MissingRelease(package=release.package, version=version, reason=reason))
        return tuple(found)

    async def _sheet(self, chosen: ChosenEdge, interpreter: Interpreter, point: Mapping[str, str]) -> PlannedSheet:
        edge, upstream = chosen.edge, chosen.upstream_versions
        rows = await asyncio.gather(
            *(self.row(edge, upstream, release, interpreter, point) for release in chosen.downstream_versions)
        )
        return PlannedSheet(
            edge=chosen.edge,
            interpreter=interpreter,
            point=point,
            upstream_versions=tuple(str(release.version) for release in chosen.upstream_versions),
            rows=tuple(rows),
        )

    async def row(
        self,
        edge: TestedEdge,
        versions: Sequence[Release],
        release: Release,
        interpreter: Interpreter,
        point: Mapping[str, str],
        as_of: datetime | None = None,
    ) -> PlannedRow:
        """Plan the cells of one downstream version.

        Args:
            edge: What is tested.
            versions: The upstream's.
            release: The downstream's.
            interpreter: The Python.
            point: The point on the suite's axes.
            as_of: Packages outside of the family are as they were then; None for now.
        """
        downstream = await self._sources.wheel(release, interpreter)
        declared = None if isinstance(downstream, str) else declared_by(downstream, edge, interpreter)
        cells = []
        for each in versions:
            upstream = await self._sources.wheel(each, interpreter)
            key = cell_key(edge, each.version, release.version, interpreter, point)
            if isinstance(upstream, str) or isinstance(downstream, str):
                missing = upstream if isinstance(upstream, str) else str(downstream)
                known = None if isinstance(downstream, str) else admits(declared, each.version)
                cells.append(self._unrun_cell(key, RunStatus.UNTESTED, missing, declared=known))
                continue
            pair = Pair(
                edge=edge,
                upstream=upstream,
                downstream=downstream,
                interpreter=interpreter,
                together=self._together,
                as_of=as_of,
                resolution=edge.suite.resolution_at(point),
            )
            cells.append(await self._cell(key, pair, release, point))
        text = None if declared is None else written(declared)
        why = downstream if isinstance(downstream, str) else None
        return PlannedRow(version=str(release.version), declared=text, missing=why, cells=tuple(cells))

    async def _cell(self, key: CellKey, pair: Pair, release: Release, point: Mapping[str, str]) -> PlannedCell:
        declared = admits(pair.declared, pair.upstream.version)
        tests = await self._sources.tests(pair.edge, release, pair.downstream)
        if tests.missing:
            return self._unrun_cell(key, RunStatus.UNTESTED, tests.missing, declared=declared)
        resolution = await self._resolutions.get(pair.key(), lambda: self._resolved(pair))
        if isinstance(resolution, Unresolvable):
            filtered = isinstance(resolution, Filtered)
            status = RunStatus.UNTESTED if filtered else RunStatus.UNRESOLVABLE
            return self._unrun_cell(key, status, resolution.reason, declared=declared)
        wheels = await self._wheels(pair, resolution)
        if isinstance(wheels, str):
            return self._unrun_cell(key, RunStatus.UNTESTED, wheels, declared=declared)
        recipe = Recipe(
            fingerprint=self._fingerprint(pair, resolution, wheels, tests, point),
            title=_title(key),
            upstream=pair.upstream.name,
            downstream=pair.downstream.name,
            suite=pair.edge.suite,
            point=point,
            tests=tests.folder,
            target=tests.target,
            modules=tests.modules,
            optional=tests.optional,
            wheels=wheels,
            lock=resolution.without(self._family),
            interpreter=pair.interpreter,
        )
        versions = {wheel.name: str(wheel.version) for wheel in wheels}
        return PlannedCell(key=key, declared=declared, recipe=recipe, versions=versions)

    async def _resolved(self, pair: Pair) -> Resolution:
        async with self._resolving:
            return await self._resolve(pair)

    async def _wheels(self, pair: Pair, lock: Lock) -> tuple[Wheel, ...] | str:
        """The pair's wheels, and those of the family's other packages in the lock; or why one is not available."""
        edge = {pair.upstream.name, pair.downstream.name}
        others = [pin for pin in lock.pins if pin.name in self._family - edge]
        wheels = [pair.upstream, pair.downstream]
        for pin in others:
            found = await self._sources.family_wheel(pin.name, pin.version, pair.interpreter)
            if isinstance(found, str):
                return found
            wheels.append(found)
        return tuple(wheels)

    def _fingerprint(
        self, pair: Pair, lock: Lock, wheels: tuple[Wheel, ...], tests: Tests, point: Mapping[str, str]
    ) -> str:
        memo = (pair.key(), pair.edge.suite.name, tests.digest, str(point), *(wheel.content for wheel in wheels))
        if memo not in self._fingerprints:
            ingredients = Ingredients(
                contents={wheel.name: wheel.content for wheel in wheels},
                requirements=pair.shaping(self._family),
                suite_files=tests.digest,
                suite_settings=_settings(pair.edge),
                lock=lock.without(self._family).lines(pair.interpreter.tags()),
                interpreter=f"{pair.interpreter.implementation} {pair.interpreter.version}",
                platform=pair.interpreter.platform,
                runner=RUNNER,
                point=pair.edge.suite.environment(point),
            )
            self._fingerprints[memo] = ingredients.fingerprint()
        return self._fingerprints[memo]

    def _unrun_cell(self, key: CellKey, status: RunStatus, reason: str, *, declared: bool | None) -> PlannedCell:
        run = Run(fingerprint=digest(status, reason), status=status, reason=reason, started_at=self._started)
        return PlannedCell(key=key, declared=declared, unrun=run)


def cell_key(
    edge: TestedEdge, upstream: Version, downstream: Version, interpreter: Interpreter, point: Mapping[str, str]
) -> CellKey:
    """The key of the cell of two versions."""
    return CellKey(
        upstream=edge.upstream,
        upstream_version=str(upstream),
        downstream=edge.downstream,
        downstream_version=str(downstream),
        suite=edge.suite.name,
        python=interpreter.wanted,
        point=point_text(point),
    )


def _title(key: CellKey) -> str:
    point = f" [{key.point}]" if key.point else ""
    upstream = f"{key.upstream} {key.upstream_version}"
    return f"{upstream} × {key.downstream} {key.downstream_version}: {key.suite}{point}, Python {key.python}"


def _settings(edge: TestedEdge) -> dict[str, object]:
    """The settings of a suite that can change its verdict: all but names, reasons and what is merely not counted."""
    unrelated = {"name", "upstreams", "axes", "allowed_to_fail", "env", RESOLUTION}  # the lock has its versions
    settings = edge.suite.model_dump(mode="json", exclude=unrelated)
    settings["leave_out"] = [item.test for item in edge.suite.leave_out]
    return settings
