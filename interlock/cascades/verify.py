"""The proof that a downstream's next release works with its upstreams' new releases, by the downstream's suites.

What it shows is recorded for `interlock check`, as that of a matrix is, where a user gets the same: at once if all of
the environment is released and admitted, and for a candidate when its very files are released.
"""

import asyncio
import contextlib
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from packaging.version import Version

from interlock.cascades.candidate import offered
from interlock.cascades.context import CascadeContext
from interlock.common.clock import now
from interlock.common.frozen_model import FrozenModel
from interlock.errors import BuildError
from interlock.matrix.assemble import by_key
from interlock.matrix.plan import Plan, PlannedCell
from interlock.matrix.report import MatrixReport, Sheet
from interlock.matrix.request import MatrixRequest
from interlock.matrix.run import plan_matrix, run_planned
from interlock.matrix.sources import choose
from interlock.model.cascade import Proven
from interlock.model.lockfile import Filtered, Unresolvable
from interlock.model.requirements import admits, declared_range, effective
from interlock.model.suites import UNPROVEN
from interlock.model.verdicts import CellKey, TestOutcome, Verdict
from interlock.model.versions import VersionField
from interlock.releases.plan import ReleaseRequest
from interlock.releases.requirements import DecisionError

# Verdicts that hold a package when they are new with the new upstream.
HOLDING = frozenset({Verdict.INCOMPATIBLE, Verdict.UNRESOLVABLE, Verdict.TIMED_OUT, Verdict.UNTESTED})
NEWEST = "latest:1"
FIRST_LINES = 4


class Proof(FrozenModel):
    """What a downstream's suites showed.

    Attributes:
        regressed: What is red with the new upstreams only, in words, or why the release can't be built; empty when
            nothing holds the package.
        cells: The verdict of each cell with the new upstreams.
        base: The commit to release; None when the newest release was proved.
    """

    regressed: tuple[str, ...] = ()
    cells: tuple[Proven, ...] = ()
    base: str | None = None

    @property
    def works(self) -> tuple[CellKey, ...]:
        """The cells in which a suite has passed."""
        passed = (each.cell for each in self.cells if each.verdict is Verdict.COMPATIBLE)
        return tuple(cell for cell in passed if cell.suite != UNPROVEN.name)


class Moved(FrozenModel):
    """An upstream with its release before the cascade and its release now."""

    upstream: str
    before: VersionField | None
    now: VersionField


async def prove(
    context: CascadeContext, package: str, moved: Sequence[Moved], release: ReleaseRequest | None = None
) -> Proof:
    """Run the suites of a package with its moved upstreams, compared with its newest release and those before.

    Cells that the ledger knows are not run again.

    Args:
        context: The context of the cascade.
        package: The downstream with the suites.
        moved: The upstreams.
        release: The release to build and prove. None proves the newest release, which stays.

    Raises:
        IndexUnavailableError: The index did not answer.
    """
    if release is None:
        proof = await _prove(context, package, moved, NEWEST)
        await remember(context, proof.cells)
    else:
        proof = await _prove_as(context, moved, release)
    for line in proof.regressed:
        context.log(logging.WARNING, f"{package}: {line}")
    return proof


async def _prove_as(context: CascadeContext, moved: Sequence[Moved], release: ReleaseRequest) -> Proof:
    """Prove a package as its release will be."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            made = await stack.enter_async_context(offered(context, release))
        except (BuildError, DecisionError) as error:
            if error.transient:
                raise
            return Proof(regressed=(_unreleasable(error),))
        proof = await _prove(context, release.package, moved, str(made.version))
        (wheel,) = (await context.connections.index.releases(release.package))[made.version].wheels
        cells = tuple(each.model_copy(update={"wheel": wheel.sha256}) for each in proof.cells)
        return proof.model_copy(update={"base": made.base, "cells": cells})


def _unreleasable(error: BuildError | DecisionError) -> str:
    if isinstance(error, DecisionError):
        return error.message
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"it can't be built: {' / '.join(lines[:FIRST_LINES])}"


async def _prove(context: CascadeContext, package: str, moved: Sequence[Moved], versions: str) -> Proof:
    tried = moved if context.family.package(package).publishes else ()
    proofs = [await _prove_edge(context, package, edge, moved, versions) for edge in tried]
    lines = dict.fromkeys(line for proof in proofs for line in proof.regressed)
    return Proof(regressed=tuple(lines), cells=tuple(cell for proof in proofs for cell in proof.cells))


async def _prove_edge(
    context: CascadeContext, package: str, edge: Moved, moved: Sequence[Moved], versions: str
) -> Proof:
    together = tuple(f"{each.upstream}=={each.now}" for each in moved if each.upstream != edge.upstream)
    plan, report = await _matrix(context, package, versions, edge.upstream, edge.now, together)
    older = tuple(f"{each.upstream}=={each.before}" for each in moved if each.before and each.upstream != edge.upstream)
    was_red = await _red_before(context, package, edge, older)
    lines = [
        _line(report, sheet, red, f"{edge.upstream} {edge.now}")
        for sheet in report.sheets
        for red in reds(report, sheet)
        if red not in was_red
    ]
    return Proof(regressed=tuple(lines), cells=_proven(plan, report, together))


async def _red_before(context: CascadeContext, package: str, edge: Moved, together: tuple[str, ...]) -> set["Red"]:
    """What was red in the newest release with the upstreams before; empty where there was none."""
    if edge.before is None or not await _is_released(context, package):
        return set()
    plan, before = await _matrix(context, package, NEWEST, edge.upstream, edge.before, together)
    if not together:  # else its environment is that of yesterday's users
        await remember(context, _proven(plan, before, together))
    return {red for sheet in before.sheets for red in reds(before, sheet)}


async def _is_released(context: CascadeContext, package: str) -> bool:
    served = await context.connections.index.served(package)
    return any(not release.yanked and not version.is_prerelease for version, release in served.items())


def _proven(plan: Plan, report: MatrixReport, together: Sequence[str]) -> tuple[Proven, ...]:
    names = {line.partition("==")[0] for line in together}
    shown = by_key(plan, report.sheets)
    return tuple(
        Proven(
            cell=cell.key,
            verdict=shown[cell.key].verdict,
            run=shown[cell.key].run,
            forced=not _is_admitted(cell, names),
        )
        for cell in plan.cells
    )


def _is_admitted(cell: PlannedCell, names: Collection[str]) -> bool:
    """Whether everything of the family in a cell's environment admits the versions that were put there."""
    recipe = cell.recipe
    if recipe is None:
        return not names
    markers = recipe.interpreter.markers
    for wheel in recipe.wheels:
        extras = recipe.suite.extras if wheel.name == recipe.downstream else ()
        requires = effective(wheel.requires, markers=markers, extras=extras)
        for name in names & cell.versions.keys():
            declared = declared_range(requires, name)
            if declared is not None and not admits(declared, Version(cell.versions[name])):
                return False
    return True


async def remember(context: CascadeContext, proven: Iterable[Proven], wheels: Collection[str] = ()) -> None:
    """Record the verdicts that hold for what users get.

    Args:
        context: The context of the cascade.
        proven: What was shown.
        wheels: The SHA-256 of the released wheels; of a candidate with another one, nothing is known.

    Raises:
        LedgerError: The ledger can't be written.
    """
    cells = [each for each in proven if not each.forced and (each.wheel is None or each.wheel in wheels)]
    verdicts = {each.cell: each.verdict for each in cells}
    runs = {each.cell: each.run for each in cells if each.run}
    await asyncio.to_thread(context.connections.ledger.record_cells, verdicts, now(), runs)


async def _matrix(
    context: CascadeContext, package: str, versions: str, upstream: str, version: Version, together: tuple[str, ...]
) -> tuple[Plan, MatrixReport]:
    request = MatrixRequest(
        upstream=upstream,
        downstream=(package,),
        upstream_versions=str(version),
        downstream_versions=versions,
        together=together,
    )
    for name in context.family.packages:  # the cascade has released new versions since
        context.connections.index.forget(name)
    choice = await choose(context.connections, request, unproven=True)
    planned = await plan_matrix(context.connections, request, choice=choice)
    return planned.plan, await run_planned(context.connections, planned, started_at=now(), record=False)


class Red(NamedTuple):
    """A red test, or a whole suite that could not be run."""

    suite: str
    python: str
    point: str
    what: str
    crashed: bool = False  # then other tests may be red that were not reached


def reds(report: MatrixReport, sheet: Sheet) -> Iterator[Red]:
    """What is red in the one cell of a sheet and not allowed to be: its tests, or the whole suite's verdict."""
    cell = sheet.cells[0][0]
    if sheet.allowed_to_fail or cell.verdict not in HOLDING:
        return
    if sheet.suite == UNPROVEN.name and cell.verdict is Verdict.UNTESTED:  # no evidence, as without it
        return
    run = report.runs.get(cell.run or "")
    crashed = {test.id for test in run.red_tests if test.outcome is TestOutcome.CRASHED} if run else set()
    for what in cell.regressed or (cell.verdict.value,):
        yield Red(sheet.suite, sheet.python, str(sorted(sheet.point.items())), what, what in crashed)


def _line(report: MatrixReport, sheet: Sheet, red: Red, upstream: str) -> str:
    cell = sheet.cells[0][0]
    run = report.runs.get(cell.run or "")
    if red.what not in cell.regressed:
        why = " ".join((run.reason or "").split())[:300] if run else ""
        return f"{sheet.suite}: {cell.verdict} with {upstream}{why and f': {why}'}"
    error = next((each.error for each in run.tests if each.id == red.what and each.error), None) if run else None
    return f"{sheet.suite}: {red.what} is red with {upstream}{f': {error}' if error else ''}"


async def installable(context: CascadeContext, released: Mapping[str, Version]) -> str | None:
    """Why the released versions can't be installed together, in uv's words; None when they can, if not here.

    What is released is installed by others too: a setting of this machine that leaves out packages holds nothing.
    """
    interpreter = await context.connections.uv.interpreter(context.family.python[0])
    lines = [f"{name}=={version}" for name, version in released.items()]
    found = await context.connections.uv.resolve(lines, forced=(), interpreter=interpreter)
    return found.reason if isinstance(found, Unresolvable) and not isinstance(found, Filtered) else None
