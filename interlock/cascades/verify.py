"""The proof that a downstream's next release works with its upstreams' new releases, by the downstream's suites."""

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from packaging.version import Version

from interlock.cascades.candidate import offered
from interlock.cascades.context import CascadeContext
from interlock.common.frozen_model import FrozenModel
from interlock.errors import BuildError
from interlock.matrix.report import MatrixReport, Sheet
from interlock.matrix.request import MatrixRequest
from interlock.matrix.run import make_matrix
from interlock.model.cascade import Proven
from interlock.model.lockfile import Filtered, Unresolvable
from interlock.model.verdicts import CellKey, Verdict, point_text
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
    proof = (
        await _prove(context, package, moved, NEWEST) if release is None else await _prove_as(context, moved, release)
    )
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
        return proof.model_copy(update={"base": made.base})


def _unreleasable(error: BuildError | DecisionError) -> str:
    if isinstance(error, DecisionError):
        return error.message
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"it can't be built: {' / '.join(lines[:FIRST_LINES])}"


async def _prove(context: CascadeContext, package: str, moved: Sequence[Moved], versions: str) -> Proof:
    tested = [edge for edge in moved if _is_tested(context, package, edge.upstream)]
    proofs = [await _prove_edge(context, package, edge, moved, versions) for edge in tested]
    lines = dict.fromkeys(line for proof in proofs for line in proof.regressed)
    return Proof(regressed=tuple(lines), cells=tuple(cell for proof in proofs for cell in proof.cells))


def _is_tested(context: CascadeContext, package: str, upstream: str) -> bool:
    suites = context.family.package(package).suites
    return any(not suite.upstreams or upstream in suite.upstreams for suite in suites)


async def _prove_edge(
    context: CascadeContext, package: str, edge: Moved, moved: Sequence[Moved], versions: str
) -> Proof:
    together = tuple(f"{each.upstream}=={each.now}" for each in moved if each.upstream != edge.upstream)
    now = await _matrix(context, package, versions, edge.upstream, edge.now, together)
    older = tuple(f"{each.upstream}=={each.before}" for each in moved if each.before and each.upstream != edge.upstream)
    was_red = await _red_before(context, package, edge, older)
    lines = [
        _line(now, sheet, red, f"{edge.upstream} {edge.now}")
        for sheet in now.sheets
        for red in _reds(sheet)
        if red not in was_red
    ]
    return Proof(regressed=tuple(lines), cells=tuple(map(_proven, now.sheets)))


async def _red_before(context: CascadeContext, package: str, edge: Moved, together: tuple[str, ...]) -> set["Red"]:
    """What was red in the newest release with the upstreams before; empty where there was none."""
    if edge.before is None or not await _is_released(context, package):
        return set()
    before = await _matrix(context, package, NEWEST, edge.upstream, edge.before, together)
    return {red for sheet in before.sheets for red in _reds(sheet)}


async def _is_released(context: CascadeContext, package: str) -> bool:
    served = await context.connections.index.served(package)
    return any(not release.yanked and not version.is_prerelease for version, release in served.items())


def _proven(sheet: Sheet) -> Proven:
    """The one cell of a sheet."""
    key = CellKey(
        upstream=sheet.upstream,
        upstream_version=sheet.upstream_versions[0],
        downstream=sheet.downstream,
        downstream_version=sheet.rows[0].version,
        suite=sheet.suite,
        python=sheet.python,
        point=point_text(sheet.point),
    )
    return Proven(cell=key, verdict=sheet.cells[0][0].verdict)


async def _matrix(
    context: CascadeContext, package: str, versions: str, upstream: str, version: Version, together: tuple[str, ...]
) -> MatrixReport:
    request = MatrixRequest(
        upstream=upstream,
        downstream=(package,),
        upstream_versions=str(version),
        downstream_versions=versions,
        together=together,
    )
    for name in context.family.packages:  # the cascade has released new versions since
        context.connections.index.forget(name)
    # These verdicts depend on the other moved upstreams, which no matrix shows, so they are not recorded.
    return await make_matrix(context.connections, request, record=False, controls=False)


class Red(NamedTuple):
    """A red test, or a whole suite that could not be run."""

    suite: str
    python: str
    point: str
    what: str


def _reds(sheet: Sheet) -> Iterator[Red]:
    """What is red in the one cell of a sheet and not allowed to be: its tests, or the whole suite's verdict."""
    cell = sheet.cells[0][0]
    if sheet.allowed_to_fail or cell.verdict not in HOLDING:
        return
    for what in cell.regressed or (cell.verdict.value,):
        yield Red(sheet.suite, sheet.python, str(sorted(sheet.point.items())), what)


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
