"""Looks up what the ledger knows of a version. It reads the ledger and the index; nothing is run."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.version import Version

from interlock.adapters.index.client import PackageIndex, Release
from interlock.adapters.ledger import KnownCell, Ledger
from interlock.common.frozen_model import FrozenModel
from interlock.contracts.admission.decide import OWN_FAULTS, decide, say
from interlock.contracts.admission.models import Admission, Answer, CellSaid, Evidence, Shown
from interlock.errors import DistributionError, UsageError
from interlock.model.family import Edge, Family
from interlock.model.suites import Suite
from interlock.model.verdicts import CellKey, Run, TestOutcome, Verdict, point_text
from interlock.model.versions import Selection

SHORT_SHA = 12
_HAS_RED_TESTS = frozenset({Verdict.INCOMPATIBLE, *OWN_FAULTS, Verdict.FLAKY})


class AdmissionRequest(FrozenModel):
    """The version or commit that may be released, or not.

    Attributes:
        described: For people: `1.4.61`, or `branch main (0123456789ab)`.
        sha: A commit that no index has as a release.
        version: The version of a release.
    """

    package: str
    described: str
    sha: str | None = None
    version: str | None = None


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A suite of a downstream that tests the package, at one point, on one Python."""

    downstream: str
    suite: Suite
    python: str
    point: Mapping[str, str]

    def key(self, upstream: str, upstream_version: str, downstream_version: str) -> CellKey:
        """The cell that pairs two versions."""
        return CellKey(
            upstream=upstream,
            upstream_version=upstream_version,
            downstream=self.downstream,
            downstream_version=downstream_version,
            suite=self.suite.name,
            python=self.python,
            point=point_text(self.point),
        )


def what_tests(family: Family, package: str, downstream: Sequence[str] = ()) -> tuple[Tested, ...]:
    """Everything that tests a package, in the order of the family.

    Raises:
        UsageError: The family has no such package, or a name is not one of its downstreams.
    """
    downstreams = family.downstreams(package)
    for name in downstream:
        family.package(name)
        if name not in downstreams:
            raise UsageError(f"{name} does not require {package}", hint=f"its downstreams: {', '.join(downstreams)}")
    return tuple(
        Tested(downstream=name, suite=suite, python=python, point=point)
        for name in downstreams
        if not downstream or name in downstream
        for suite in family.tried_with(Edge(upstream=package, downstream=name))
        for python in family.python
        for point in suite.points()
    )


async def known_as(ledger: Ledger, request: AdmissionRequest) -> str | None:
    """The version under which the ledger has cells of the request; None when it has none."""
    versions = await asyncio.to_thread(ledger.versions_of, request.package)
    if request.sha is None:
        return next((version for version in versions if version == request.version), None)
    # A commit has one version, unless tags were added since; then the highest is the newest.
    found = [version for version in versions if version.partition("+")[2] == f"g{request.sha[:SHORT_SHA]}"]
    return max(found, key=Version, default=None)


async def admission(
    family: Family,
    ledger: Ledger,
    index: PackageIndex,
    request: AdmissionRequest,
    *,
    downstream: Sequence[str] = (),
    downstream_versions: str | None = None,
) -> Admission:
    """Whether a version or commit may be released.

    Args:
        family: The family of the packages.
        ledger: Has the verdicts.
        index: Has the newest releases.
        request: The version or commit.
        downstream: Only these downstreams; all when empty.
        downstream_versions: Which of their releases, as for a matrix; None for those that count.

    Raises:
        UsageError: A name is not in the family, or not a downstream.
        IndexUnavailableError: The index did not answer.
        LedgerError: The ledger can't be read.
    """
    tests = what_tests(family, request.package, downstream)
    version = await known_as(ledger, request)
    before = _before(await _releases(index, request.package), version or request.version)
    wanted = {
        name: tuple(str(each.version) for each in await releases_that_count(index, name, downstream_versions, family))
        for name in dict.fromkeys(each.downstream for each in tests)
    }
    lookup = _Lookup(ledger, request, version, before)
    cells = [say(each) for each in await asyncio.to_thread(lookup.evidence, tests, wanted)]
    answer = decide(cells)
    return Admission(
        package=request.package,
        described=request.described,
        sha=request.sha,
        version=version,
        before=before,
        answer=answer,
        why=reason(request, answer, cells),
        cells=tuple(cells),
        notes=tuple(index.notes),
    )


async def _releases(index: PackageIndex, package: str) -> Mapping[Version, Release]:
    """The releases of a package on the index; none for a package that it does not have yet."""
    try:
        return await index.releases(package)
    except DistributionError:
        return {}


def _final(releases: Mapping[Version, Release]) -> list[Version]:
    """The versions from which an installer chooses by itself."""
    served = [version for version, release in releases.items() if not release.yanked and version.local is None]
    return [version for version in served if not version.is_prerelease] or served


async def releases_that_count(
    index: PackageIndex, package: str, versions: str | None, family: Family
) -> tuple[Release, ...]:
    """The releases of a downstream that its users have: the requested ones, else the supported ones, else the newest.

    Raises:
        UsageError: What was requested does not exist.
        IndexUnavailableError: The index did not answer.
    """
    releases = {
        version: release for version, release in (await _releases(index, package)).items() if release.tree is None
    }
    if not releases:
        return ()
    wanted = versions or family.package(package).supported
    if wanted is None:
        newest = max(_final(releases), default=None)
        return () if newest is None else (releases[newest],)
    yanked = {version: release.yanked for version, release in releases.items()}
    return tuple(releases[version] for version in Selection.parse(wanted).select(package, yanked))


def _before(releases: Mapping[Version, Release], version: str | None) -> str | None:
    """The last release before a version; for one that is older than all of them, or unknown, the last of all."""
    final = _final(releases)
    older = [each for each in final if version is not None and each < Version(version)]
    found = max(older or final, default=None)
    return None if found is None or str(found) == version else str(found)


class _Lookup:
    """Reads the cells of one version, and those of the release before, from a ledger."""

    def __init__(self, ledger: Ledger, request: AdmissionRequest, version: str | None, before: str | None) -> None:
        self._ledger = ledger
        self._package = request.package
        self._version = version
        self._label = version or request.version or request.described
        self._before = before

    def evidence(self, tests: Sequence[Tested], wanted: Mapping[str, Sequence[str]]) -> list[Evidence]:
        """Every cell with the releases of a downstream that count, and with its candidate that was tested last."""
        known = self._ledger.cells_of(self._package, self._version) if self._version else {}
        candidates = _candidates(known)
        pairs = [
            (each, version)
            for each in tests
            for version in dict.fromkeys((*wanted[each.downstream], candidates.get(each.downstream)))
            if version is not None
        ]
        before = self._cells_before(pairs)
        shown = self._shown({**known, **before})
        return [
            Evidence(
                cell=self._key(each, version),
                known=shown.get(self._key(each, version)),
                before=shown.get(each.key(self._package, self._before, version)) if self._before else None,
                allowed_to_fail=each.suite.reason_to_allow(each.point),
            )
            for each, version in pairs
        ]

    def _key(self, each: Tested, version: str) -> CellKey:
        return each.key(self._package, self._label, version)

    def _cells_before(self, pairs: Iterable[tuple[Tested, str]]) -> dict[CellKey, KnownCell]:
        if self._before is None:
            return {}
        return self._ledger.cells([each.key(self._package, self._before, version) for each, version in pairs])

    def _shown(self, cells: Mapping[CellKey, KnownCell]) -> dict[CellKey, Shown]:
        runs = self._ledger.runs({cell.run for cell in cells.values() if cell.run and cell.verdict in _HAS_RED_TESTS})
        return {key: _shown(cell, runs.get(cell.run or "", ())) for key, cell in cells.items()}


def _candidates(known: Mapping[CellKey, KnownCell]) -> dict[str, str]:
    """By downstream, its commit that was tested last: an older one says nothing about its present state."""
    found: dict[str, tuple[KnownCell, str]] = {}
    for key, cell in known.items():
        last = found.get(key.downstream)
        if "+" in key.downstream_version and (last is None or cell.at > last[0].at):
            found[key.downstream] = cell, key.downstream_version
    return {name: version for name, (_cell, version) in found.items()}


def _shown(cell: KnownCell, runs: Sequence[Run]) -> Shown:
    """A cell with its red tests: those of the last run that had any."""
    red = next((run.red_tests for run in reversed(runs) if run.red_tests), ())
    crashed = frozenset(test.id for test in red if test.outcome is TestOutcome.CRASHED)
    return Shown(verdict=cell.verdict, at=cell.at, red={test.id: test.error for test in red}, crashed=crashed)


def reason(request: AdmissionRequest, answer: Answer, cells: Sequence[CellSaid]) -> str:
    """The reason for the answer, in a line."""
    if not cells:
        return f"nothing in the family tests {request.package}"
    if answer is Answer.YES:
        works = sum(cell.says is Answer.YES for cell in cells)
        return f"{_count(works, 'cell')} {'works' if works == 1 else 'work'}, and nothing else says anything against it"
    wanted = [cell for cell in cells if cell.says is answer]
    if not wanted:
        return "nothing was seen to work: what was tried is red with the last release too, or not counted"
    first = wanted[0].evidence.cell
    others = f", and {_count(len(wanted) - 1, 'other cell')}" if len(wanted) > 1 else ""
    return f"{first.downstream} {first.downstream_version}, {first.suite}: {wanted[0].why}{others}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
