"""The gate before a release: what the contracts say about its commit, before the release changes anything.

This reads the ledger and, where the ledger knows something, the index's lists; it runs no suite.
"""

from packaging.version import Version

from interlock.adapters.index.client import PackageIndex
from interlock.adapters.ledger import KnownContract, Ledger
from interlock.common.frozen_model import FrozenModel
from interlock.common.sanitize import one_line
from interlock.contracts.admission.evidence import AdmissionRequest, admission, known_as, what_tests
from interlock.contracts.admission.models import Admission, Answer, CellSaid
from interlock.errors import RefusedError
from interlock.model.bump import HEIGHT, Part, ReleasePart, enough
from interlock.model.family import Family

MOST_CELLS = 10
MOST_TESTS = 3


class ReleaseCandidate(FrozenModel):
    """A package and the commit to release.

    Attributes:
        sha: The commit, as it is on the branch.
        despite: A person's reason to release it whatever the contracts say; None when there is none.
    """

    package: str
    sha: str
    despite: str | None = None


async def look(family: Family, ledger: Ledger, index: PackageIndex, wanted: ReleaseCandidate) -> str | None:
    """Return a remark about the commit of a release; None when its downstreams are known to work with it.

    Raises:
        RefusedError: The commit may not be released.
        LedgerError: The ledger can't be read.
        IndexUnavailableError: The index did not answer.
    """
    if not what_tests(family, wanted.package):
        return None
    asked = AdmissionRequest(package=wanted.package, described=f"commit {wanted.sha[:12]}", sha=wanted.sha)
    if await known_as(ledger, asked) is None:
        return _unknown(family, wanted, "no suite of a downstream was run with it")
    found = await admission(family, ledger, index, asked)
    if found.answer is Answer.UNKNOWN:
        return _unknown(family, wanted, found.why)
    return None if found.answer is Answer.YES else _no(wanted, found)


def _unknown(family: Family, wanted: ReleaseCandidate, why: str) -> str:
    what = f"whether its downstreams work with commit {wanted.sha[:12]} is not known: {one_line(why)}"
    command = f"interlock contracts {wanted.sha} --of {wanted.package}"
    if wanted.despite is not None:
        return f"{what}; released despite that: {one_line(wanted.despite)}"
    if family.package(wanted.package).contract.evidence == "required":
        raise RefusedError(
            f"{wanted.package} is not released, and nothing was changed: evidence is required, and {what}",
            hint=f"find it out: {command}; or {_override(wanted)}",
        )
    return f"{what} ({command})"


def _no(wanted: ReleaseCandidate, found: Admission) -> str:
    if wanted.despite is not None:
        return f"its contracts say no: {one_line(found.why)}; released despite that: {one_line(wanted.despite)}"
    cells = found.saying(Answer.NO)
    lines = [line for cell in cells[:MOST_CELLS] for line in _lines(cell)]
    more = [f"  and {len(cells) - MOST_CELLS} other cells"] if len(cells) > MOST_CELLS else []
    what = f"{wanted.package} is not released, and nothing was changed: commit {wanted.sha[:12]} breaks its contracts"
    hint = f"fix it, or the downstream (interlock check {wanted.package} {wanted.sha})"
    raise RefusedError("\n".join((what, *lines, *more)), hint=f"{hint}; or {_override(wanted)}")


def _lines(said: CellSaid) -> list[str]:
    cell, known = said.evidence.cell, said.evidence.known
    point = f" [{cell.point}]" if cell.point else ""
    head = f"  ✗ {cell.downstream} {cell.downstream_version}, {cell.suite}{point}, Python {cell.python}: {said.why}"
    red = list(known.red.items())[:MOST_TESTS] if known else []
    return [head, *(f"      {one_line(test)}: {one_line(error or 'no message')}" for test, error in red)]


def _override(wanted: ReleaseCandidate) -> str:
    return f'say why it is released all the same: interlock release {wanted.package} --despite "…"'


def too_little(change: KnownContract, previous: Version | None, version: Version) -> str | None:
    """Return a remark when a version moves by less than its contract's changes ask for.

    Before 1.0 the second number stands for the first, so a minor version is enough for every change.
    """
    if previous is None or (asked := _moved(previous, version)) is None:
        return None
    wanted = enough(change.part, previous)
    if HEIGHT[asked] >= HEIGHT[wanted]:
        return None
    # The first line names the version that was compared, the next the worst change.
    first = "; ".join(one_line(line) for line in change.text.splitlines()[:2])
    words = f": {first}" if first.strip() else ""
    return f"{previous} to {version} is a {asked} version, and what changed in its contract asks for {wanted}{words}"


def _moved(previous: Version, version: Version) -> ReleasePart | None:
    """The highest part in which two versions differ; None where only a suffix differs."""
    names: tuple[ReleasePart, ...] = (Part.MAJOR, Part.MINOR, Part.PATCH)
    parts = zip(names, _numbers(previous), _numbers(version), strict=True)
    return next((part for part, old, new in parts if old != new), None)


def _numbers(version: Version) -> tuple[int, int, int]:
    return version.major, version.minor, version.micro
