"""Builds both versions of the upstream, at the ref and at the baseline, and what is tested of each downstream."""

from collections.abc import Awaitable, Callable

from interlock.common.sandbox import check_strangers
from interlock.common.sanitize import one_line
from interlock.contracts.admission.evidence import releases_that_count
from interlock.contracts.candidates import ResolvedRef, build_and_offer, default_branch
from interlock.contracts.verify.comparison import Comparison, last_release
from interlock.contracts.verify.context import VerificationContext
from interlock.contracts.verify.subjects import ComparedBuilds, Downstream, Side
from interlock.errors import BuildError, InterlockError
from interlock.model.family import Edge

BuildBranch = Callable[[str], Awaitable[Side]]


async def build(context: VerificationContext, comparison: Comparison) -> ComparedBuilds:
    """Build the upstream at the ref and at the baseline, unless it was built before or is a release.

    When a merge base can't be built, the last release replaces it.

    Raises:
        BuildError: The ref, or the requested baseline, can't be built.
        RefusedError: A pull request or merge group, which nobody here has asked for, would not be isolated.
    """
    if context.automatic and (context.request.pull is not None or context.request.group):
        check_strangers("a merge group" if context.request.group else f"pull request #{context.request.pull}")
    ref = await _side(context, context.upstream, comparison.found)
    baseline, note = await _baseline(context, comparison)
    notes = (*comparison.notes, note) if note else comparison.notes
    return ComparedBuilds(upstream=context.upstream, ref=ref, baseline=baseline, notes=notes)


async def _baseline(context: VerificationContext, comparison: Comparison) -> tuple[Side | None, str | None]:
    if comparison.baseline is None:
        return None, None
    try:
        return await _side(context, context.upstream, comparison.baseline), None
    except BuildError as error:
        # A merge group names its base, which is no person's choice: what repairs a broken base must be testable.
        is_chosen = context.request.baseline is not None and not context.request.group
        if is_chosen or error.transient:
            raise
        instead = await last_release(context, comparison.found)
        note = f"{comparison.baseline.described} can't be built, so it is compared with the last release instead"
        return (await _side(context, context.upstream, instead) if instead else None), note


async def build_branch(context: VerificationContext, downstream: str) -> Side:
    """Build the newest commit of a downstream's default branch.

    Raises:
        InterlockError: It can't be cloned or built.
    """
    return await _side(context, downstream, await default_branch(context.candidates, downstream))


async def prepare_downstream(context: VerificationContext, name: str, build: BuildBranch) -> Downstream:
    """The releases of a downstream that count and its default branch; one that fails to build is its trouble alone.

    Args:
        context: The context of the verification.
        name: The downstream.
        build: Builds its branch: `build_branch`, perhaps with retries.

    Raises:
        IndexUnavailableError: The index did not answer.
    """
    sides: list[Side] = []
    trouble, notes = None, list[str]()
    releases = await releases_that_count(
        context.connections.index, name, context.request.downstream_versions, context.family
    )
    sides += [Side(release=each, described=str(each.version), named=str(each.version)) for each in releases]
    if not releases:
        notes.append(f"{name} has no release yet")
    if not context.request.released_only:
        try:
            sides.append(await build(name))
        except InterlockError as error:
            trouble = f"its branch {context.family.package(name).branch} can't be tested: {one_line(error.message)}"
    unproven = not context.family.suites_of(Edge(upstream=context.upstream, downstream=name))
    return Downstream(name=name, unproven=unproven, sides=tuple(sides), trouble=trouble, notes=tuple(notes))


async def _side(context: VerificationContext, package: str, found: ResolvedRef) -> Side:
    if found.version is not None:
        release = (await context.connections.index.releases(package))[found.version]
        return Side(release=release, described=found.described, named=str(found.version))
    release = await build_and_offer(context.candidates, package, found)
    return Side(release=release, described=found.described, named=str(found.folder or found.sha))
