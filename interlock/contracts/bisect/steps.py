"""The steps of a bisection: the releases from one to another, or the commits, and how each is obtained."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from packaging.version import Version

from interlock.adapters.git.history import first_parents
from interlock.adapters.index.client import Release
from interlock.contracts.bisect.models import BisectRequest, Step
from interlock.contracts.candidates import CandidateBuilder, Kind, Ref, ResolvedRef, build_and_offer, find, parse_ref
from interlock.errors import BuildError, UsageError
from interlock.model.versions import tag_name


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
    """The releases between two versions, or the commits between two refs along the branch.

    Raises:
        UsageError: A ref does not exist, or the good one is not before the bad one.
        RepositoryError, IndexUnavailableError: The repository or the index can't be read.
    """
    good, bad = [await _end(builder, request.upstream, text) for text in (request.good, request.bad)]
    if good.version is not None and bad.version is not None:
        return _releases(await builder.connections.index.releases(request.upstream), good.version, bad.version)
    return await _commits(builder, request, await _commit(builder, good), await _commit(builder, bad))


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
    name = tag_name(builder.family.package(found.package).tag, found.version)
    tagged = await find(builder, found.package, Ref(text=name, kinds=(Kind.TAG,), name=name))
    assert tagged.sha is not None
    return tagged.sha


def _releases(releases: Mapping[Version, Release], good: Version, bad: Version) -> StepRange:
    if not good < bad:
        raise UsageError(f"{good} is not before {bad}", hint="the good version is the older one")
    ends = {good, bad}
    chosen = sorted(
        version
        for version, release in releases.items()
        if good <= version <= bad
        and (version in ends or not (release.yanked or version.is_prerelease or version.local))
    )

    async def get(number: int) -> Release | str:
        return releases[chosen[number]]

    return StepRange(steps=tuple(Step(name=str(version)) for version in chosen), is_built=False, get=get)


async def _commits(builder: CandidateBuilder, request: BisectRequest, good: str, bad: str) -> StepRange:
    clone = await builder.clone(request.upstream)
    if good == bad or not await clone.checkout.is_ancestor(good, bad):
        raise UsageError(
            f"{request.good} ({good[:12]}) is not in the history of {request.bad} ({bad[:12]})",
            hint="the good commit is an older one of the same branch",
        )
    listed = await first_parents(clone.checkout.path, good, bad)
    first = (await clone.checkout.message(good)).partition("\n")[0]
    steps = (Step(name=good, subject=first), *(Step(name=each.sha, subject=each.subject) for each in listed))

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
