"""Makes what takes part: the upstream at the ref and at the baseline, and what of each downstream is tested."""

from collections.abc import Awaitable, Callable

from interlock.candidates import Found, build_candidate, default_branch, offer
from interlock.errors import BuildError, InterlockError
from interlock.untrusted import one_line
from interlock.verification.comparison import Comparison, last_release, newest_release
from interlock.verification.sides import Compared, Downstream, Side
from interlock.verification.stand import Stand

BuildBranch = Callable[[str], Awaitable[Side]]


async def build(stand: Stand, comparison: Comparison) -> Compared:
    """Build the upstream at the ref and at the baseline; what was built before, or is released, is not built.

    A merge base that can't be built is no reason to compare with nothing: the last release takes its place.

    Raises:
        BuildError: The ref, or the baseline that was asked for, can't be built.
    """
    ref = await _side(stand, stand.upstream, comparison.found)
    baseline, note = await _baseline(stand, comparison)
    notes = (*comparison.notes, note) if note else comparison.notes
    return Compared(upstream=stand.upstream, ref=ref, baseline=baseline, notes=notes)


async def _baseline(stand: Stand, comparison: Comparison) -> tuple[Side | None, str | None]:
    if comparison.baseline is None:
        return None, None
    try:
        return await _side(stand, stand.upstream, comparison.baseline), None
    except BuildError as error:
        if stand.request.baseline is not None or error.transient:
            raise
        instead = await last_release(stand, comparison.found)
        note = f"{comparison.baseline.described} can't be built, so it is compared with the last release instead"
        return (await _side(stand, stand.upstream, instead) if instead else None), note


async def build_branch(stand: Stand, downstream: str) -> Side:
    """Build the newest commit of a downstream's default branch.

    Raises:
        InterlockError: It can't be had or built.
    """
    return await _side(stand, downstream, await default_branch(stand.workshop, downstream))


async def prepare_downstream(stand: Stand, name: str, build: BuildBranch) -> Downstream:
    """The newest release of a downstream and its default branch; that there is no branch is trouble of it alone.

    Args:
        stand: What is worked with.
        name: The downstream.
        build: Builds its branch: `build_branch`, with whatever patience is wanted.

    Raises:
        IndexUnavailableError: The index did not answer.
    """
    sides, trouble, notes = [], None, []
    if release := await newest_release(stand.index, name):
        sides.append(Side(release=release, described=str(release.version), named=str(release.version)))
    else:
        notes.append(f"{name} has no release yet")
    if not stand.request.released_only:
        try:
            sides.append(await build(name))
        except InterlockError as error:
            trouble = f"its branch {stand.family.package(name).branch} can't be tested: {one_line(error.message)}"
    return Downstream(name=name, sides=tuple(sides), trouble=trouble, notes=tuple(notes))


async def _side(stand: Stand, package: str, found: Found) -> Side:
    if found.version is not None:
        release = (await stand.index.releases(package))[found.version]
        return Side(release=release, described=found.described, named=str(found.version))
    release = await offer(stand.workshop, await build_candidate(stand.workshop, package, found))
    return Side(release=release, described=found.described, named=str(found.folder or found.sha))
