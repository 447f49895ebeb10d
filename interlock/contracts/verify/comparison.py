"""The ref and its baseline: found in the upstream's repository, on the index, or on this disk."""

from packaging.version import Version

from interlock.adapters.index.client import PackageIndex, Release
from interlock.common.frozen_model import FrozenModel
from interlock.contracts.candidates import Kind, ResolvedRef, find, merge_base, own_parent, parse_ref
from interlock.contracts.verify.context import VerificationContext
from interlock.errors import DistributionError, RepositoryError, TokenError, UsageError


class Comparison(FrozenModel):
    """The ref, and its baseline.

    Attributes:
        baseline: None when there is nothing to compare with: no release yet.
        notes: What else a reader must know.
    """

    found: ResolvedRef
    baseline: ResolvedRef | None
    notes: tuple[str, ...] = ()

    @property
    def is_on_github(self) -> bool:
        """Whether it is a commit on which results can be published."""
        return self.found.sha is not None and self.found.kind is not Kind.FOLDER


def named_commit(context: VerificationContext) -> Comparison | None:
    """The commit that the request names by its whole SHA, before anything is looked for; None for any other ref."""
    sha = context.request.sha
    if sha is None:
        return None
    return Comparison(found=ResolvedRef(package=context.upstream, kind=Kind.SHA, described=sha, sha=sha), baseline=None)


async def find_comparison(context: VerificationContext) -> Comparison:
    """Find the ref and its baseline: the requested one, else the merge base, else the last release.

    Raises:
        UsageError: The ref or the baseline does not exist, or both are the same.
        RepositoryError: The repository can't be fetched.
        TokenError: Access was refused.
        IndexUnavailableError: The index did not answer.
    """
    found = await _found(context, context.request.ref)
    baseline, note = await _baseline(context, found)
    if baseline is not None and _name(baseline) == _name(found):
        raise UsageError(f"{found.described} would be compared with itself", hint="give another --against")
    notes = (found.note, baseline.note if baseline else None, note)
    return Comparison(found=found, baseline=baseline, notes=tuple(filter(None, notes)))


def _name(found: ResolvedRef) -> object:
    return found.version or found.sha or found.folder


async def _found(context: VerificationContext, text: str) -> ResolvedRef:
    return await find(context.candidates, context.upstream, parse_ref(text))


async def _baseline(context: VerificationContext, found: ResolvedRef) -> tuple[ResolvedRef | None, str | None]:
    if context.request.baseline is not None:
        return await _found(context, context.request.baseline), None
    base, note = await _merge_base(context, found)
    return base or await last_release(context, found), note


async def _merge_base(context: VerificationContext, found: ResolvedRef) -> tuple[ResolvedRef | None, str | None]:
    """The merge base; for a folder whose repository can't be reached, the parent in its own Git."""
    try:
        return await merge_base(context.candidates, context.upstream, found), None
    except (RepositoryError, TokenError) as error:
        if found.kind is not Kind.FOLDER:
            raise
        why = f"there is no merge base with the package's repository: {error.message}"
        return await _own_parent(context, found), why


async def _own_parent(context: VerificationContext, found: ResolvedRef) -> ResolvedRef | None:
    try:
        return await own_parent(context.candidates, context.upstream, found)
    except RepositoryError:
        return None


async def last_release(context: VerificationContext, found: ResolvedRef | None = None) -> ResolvedRef | None:
    """The newest final release of the upstream; when a release is verified, the one before it."""
    release = await newest_release(context.connections.index, context.upstream, before=found.version if found else None)
    if release is None:
        return None
    version, which = release.version, "the release before" if found and found.version else "the last release"
    return ResolvedRef(package=context.upstream, kind=Kind.VERSION, described=f"{version}, {which}", version=version)


async def newest_release(index: PackageIndex, package: str, *, before: Version | None = None) -> Release | None:
    """The newest final release of a package that is not yanked; a pre-release if none is final.

    Args:
        index: The index.
        package: The package's name.
        before: Only releases older than this version.

    Returns:
        The release; None when there is none.

    Raises:
        IndexUnavailableError: The index did not answer.
    """
    try:
        releases = (await index.releases(package)).values()
    except DistributionError:
        return None
    served = [each for each in releases if each.tree is None and not each.yanked]
    final = [each for each in served if not each.version.is_prerelease] or served
    older = (each for each in final if before is None or each.version < before)
    return max(older, key=lambda release: release.version, default=None)
