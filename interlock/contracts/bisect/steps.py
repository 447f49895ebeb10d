"""The steps of a bisection: the releases from one to another, or the commits, and how each is obtained."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from packaging.version import Version

from interlock.adapters.git.history import first_parents
from interlock.adapters.index.client import Release
from interlock.contracts.bisect.models import BisectRequest, Find, Step
from interlock.contracts.candidates import CandidateBuilder, Kind, Ref, ResolvedRef, build_and_offer, find, parse_ref
from interlock.errors import BuildError, UsageError
from interlock.model.versions import tag_among

ORDER = {
    Find.FIRST_BAD: "the good one is the older, on the same branch; to find what works again: --find first-good",
    Find.FIRST_GOOD: "the bad one is the older, on the same branch; to find what breaks it: --find first-bad",
}


@dataclass(frozen=True, kw_only=True)
class StepRange:
    """The steps between the ends, both included.

    Attributes:
        is_built: Whether each step has to be built before it can be planned.
        get: Returns the distribution of a step, or why there is none.
    """

    steps: tuple[Step, ...]
    is_built: bool
    get: Callable[[int], Awaitable[Release | str]]


async def find_steps(builder: CandidateBuilder, request: BisectRequest) -> StepRange:
    """The releases between two versions, or the commits between two refs along the branch, from the good end on.

    Raises:
        UsageError: A ref does not exist, or the two are not in the order of what is looked for.
        RepositoryError, IndexUnavailableError: The repository or the index can't be read.
    """
    old, new = [await _end(builder, request.upstream, text) for text in request.ends]
    if old.version is not None and new.version is not None:
        releases = await builder.connections.index.releases(request.upstream)
        return _releases(releases, old.version, new.version, request.find)
    return await _commits(builder, request, await _commit(builder, old), await _commit(builder, new))


async def _end(builder: CandidateBuilder, package: str, text: str) -> ResolvedRef:
    found = await find(builder, package, parse_ref(text))
    if found.version is None and found.sha is None:
        raise UsageError(f"{found.described} is neither a version nor a commit", hint="commit it first")
    if found.folder is not None and not await _is_pushed(builder, package, found):
        where = builder.family.repository(package)
        raise UsageError(f"{found.described} is at a commit that {where} has not got", hint="push it first")
    return found


async def _is_pushed(builder: CandidateBuilder, package: str, found: ResolvedRef) -> bool:
    """Whether the repository has the commit of a folder; the clone has it then, too."""
    assert found.sha is not None
    try:
        await find(builder, package, parse_ref(found.sha))
    except UsageError:
        return False
    return True


async def _commit(builder: CandidateBuilder, found: ResolvedRef) -> str:
    """The commit of an end; for a version, that of its tag."""
    if found.sha is not None:
        return found.sha
    assert found.version is not None
    refs = (await builder.clone(found.package)).refs
    names = (name.removeprefix("refs/tags/") for name in refs if name.startswith("refs/tags/"))
    name = tag_among(builder.family.package(found.package).tag, found.version, names)
    tagged = await find(builder, found.package, Ref(text=name, kinds=(Kind.TAG,), name=name))
    assert tagged.sha is not None
    return tagged.sha


def _releases(releases: Mapping[Version, Release], old: Version, new: Version, find: Find) -> StepRange:
    if not old < new:
        raise UsageError(f"{old} is not before {new}", hint=ORDER[find])
    ends = {old, new}
    chosen = sorted(
        version
        for version, release in releases.items()
        if old <= version <= new and (version in ends or not (release.yanked or version.is_prerelease or version.local))
    )
    chosen = chosen if find is Find.FIRST_BAD else chosen[::-1]

    async def get(number: int) -> Release | str:
        return releases[chosen[number]]

    return StepRange(steps=tuple(Step(name=str(version)) for version in chosen), is_built=False, get=get)


async def _commits(builder: CandidateBuilder, request: BisectRequest, old: str, new: str) -> StepRange:
    clone = await builder.clone(request.upstream)
    if old == new or not await clone.checkout.is_ancestor(old, new):
        first, second = request.ends
        what = f"{first} ({old[:12]}) is not in the history of {second} ({new[:12]})"
        raise UsageError(what, hint=ORDER[request.find])
    listed = await first_parents(clone.checkout.path, old, new)
    subject = (await clone.checkout.message(old)).partition("\n")[0]
    steps = (Step(name=old, subject=subject), *(Step(name=each.sha, subject=each.subject) for each in listed))
    steps = steps if request.find is Find.FIRST_BAD else steps[::-1]

    async def get(number: int) -> Release | str:
        sha = steps[number].name
        found = ResolvedRef(package=request.upstream, kind=Kind.SHA, described=f"commit {sha[:12]}", sha=sha, head=sha)
        try:
            return await build_and_offer(builder, request.upstream, found)
        except BuildError as error:
            if error.transient:
                raise
            return error.message

    return StepRange(steps=steps, is_built=True, get=get)
