"""Resolves a ref, in the package's repository, on the index or on this disk, and finds where it left the branch."""

import asyncio
import difflib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from interlock.adapters.git import Remote
from interlock.adapters.git.history import commits_named, head_of, is_changed, parent_of
from interlock.adapters.git.history import merge_base as base_of
from interlock.common.frozen_model import FrozenModel
from interlock.contracts.candidates.context import CandidateBuilder, Clone
from interlock.contracts.candidates.refs import FORMS, Kind, Ref
from interlock.errors import DistributionError, RepositoryError, UsageError
from interlock.model.versions import VersionField, tag_among

NEAR = 3


class ResolvedRef(FrozenModel):
    """A ref that was found.

    Attributes:
        described: For people: `pull request 12 (0123456789ab)`, `1.4.61`, `folder ../core (with changes)`.
        sha: The commit; None for a released version, and for a folder that differs from every commit.
        version: The released version: there is nothing to build.
        folder: The folder, for a candidate that is built from its present files.
        head: The commit, or the one below the changes of a folder.
        pull: The number of the pull request.
        note: What else a reader must know, such as that a branch has the same name.
    """

    package: str
    kind: Kind
    described: str
    sha: str | None = None
    version: VersionField | None = None
    folder: Path | None = None
    head: str | None = None
    pull: int | None = None
    note: str | None = None


async def find(builder: CandidateBuilder, package: str, ref: Ref) -> ResolvedRef:
    """Resolve a ref of a package.

    A text that may be several things is the first of: a released version (if it starts with a digit), a tag, a branch,
    a commit, a released version, a folder.

    Raises:
        UsageError: It does not exist; the hint names similar refs. Or the family has no such package.
        RepositoryError: The repository, or the ref in it, can't be fetched.
        TokenError: Access was refused.
        IndexUnavailableError: The index did not answer.
    """
    builder.family.package(package)
    found: list[ResolvedRef] = []
    for kind in ref.kinds:
        if kind in {Kind.FOLDER, Kind.VERSION} and found:
            break
        if one := await _LOOKS[kind](builder, package, ref):
            found.append(one)
        if kind is Kind.VERSION and found:
            break
    if not found:
        raise await _nothing(builder, package, ref)
    others = [
        f"the {one.kind} {one.version or (one.head or '')[:12]}" for one in found[1:] if one.head != found[0].head
    ]
    note = f'"{ref}" was taken as the {found[0].kind}; there is {" and ".join(others)} too' if others else None
    return found[0].model_copy(update={"note": note})


async def merge_base(builder: CandidateBuilder, package: str, found: ResolvedRef) -> ResolvedRef | None:
    """Where a ref left the package's default branch; None for a ref that is in it, or has no history.

    For a folder with changes on top of a commit of the default branch it is that commit. A folder that is in the branch
    without changes, or has a history of its own, has its own parent.

    Raises:
        RepositoryError: The history can't be fetched.
    """
    if found.head is None:
        return None
    clone = await builder.clone(package)
    if found.folder is not None:
        await clone.fetch("HEAD", Remote(url=str(found.folder)))
    branch = clone.checkout.branch
    tip = clone.refs[f"refs/heads/{branch}"]
    base = await base_of(clone.checkout.path, found.head, tip)
    if base is not None and base != found.sha:
        return _commit(package, Kind.SHA, base, f"merge base with {branch}")
    return await _parent(clone, package, found) if found.folder is not None else None


async def own_parent(builder: CandidateBuilder, package: str, found: ResolvedRef) -> ResolvedRef | None:
    """The commit below a folder's files in its own Git, without the package's repository; None when there is none.

    Raises:
        RepositoryError: The folder can't be cloned.
    """
    assert found.folder is not None
    return await _parent(await builder.clone_folder(package, found.folder), package, found)


async def _parent(clone: Clone, package: str, found: ResolvedRef) -> ResolvedRef | None:
    assert found.head is not None
    sha = found.head if found.sha is None else await parent_of(clone.checkout.path, found.head)
    return _commit(package, Kind.SHA, sha, "the commit below it") if sha else None


async def default_branch(builder: CandidateBuilder, package: str) -> ResolvedRef:
    """The newest commit of a package's default branch.

    Raises:
        RepositoryError: It can't be fetched.
    """
    clone = await builder.clone(package)
    branch = clone.checkout.branch
    return _commit(package, Kind.BRANCH, await clone.checkout.head(), f"branch {branch}")


async def _version(builder: CandidateBuilder, package: str, ref: Ref) -> ResolvedRef | None:
    """A release on the index, or else the tag of one that is not there."""
    assert ref.version is not None
    try:
        release = (await builder.connections.index.releases(package)).get(ref.version)
    except DistributionError:
        release = None
    if release is not None and release.tree is None:
        text = f"{release.version}{' (yanked)' if release.yanked else ''}"
        return ResolvedRef(package=package, kind=Kind.VERSION, described=text, version=release.version)
    clone = await builder.clone(package)
    names = (name.removeprefix("refs/tags/") for name in clone.refs if name.startswith("refs/tags/"))
    name = tag_among(builder.family.package(package).tag, ref.version, names)
    return await _tagged(clone, package, name)


async def _tag(builder: CandidateBuilder, package: str, ref: Ref) -> ResolvedRef | None:
    return await _tagged(await builder.clone(package), package, ref.name)


async def _tagged(clone: Clone, package: str, name: str) -> ResolvedRef | None:
    whole = f"refs/tags/{name}"
    sha = clone.refs.get(f"{whole}^{{}}") or clone.refs.get(whole)
    if sha is None or sha not in await commits_named(clone.checkout.path, sha):
        return None  # the tag of something else than a commit can't be built
    return _commit(package, Kind.TAG, sha, f"tag {name}")


async def _branch(builder: CandidateBuilder, package: str, ref: Ref) -> ResolvedRef | None:
    clone = await builder.clone(package)
    whole = f"refs/heads/{ref.name}"
    if (sha := clone.refs.get(whole)) is None:
        return None
    await clone.fetch(whole)
    return _commit(package, Kind.BRANCH, sha, f"branch {ref.name}")


async def _sha(builder: CandidateBuilder, package: str, ref: Ref) -> ResolvedRef | None:
    clone, prefix = await builder.clone(package), ref.name.lower()
    if tip := next((name for name, sha in clone.refs.items() if sha.startswith(prefix)), None):
        await clone.fetch(tip.removesuffix("^{}"))
        # An annotated tag is an object with a SHA of its own: what is meant is its commit.
        prefix = clone.refs.get(f"{tip}^{{}}", prefix)
    else:
        await clone.fetch_branches()
    found = await commits_named(clone.checkout.path, prefix)
    if len(found) > 1:
        raise UsageError(f'"{ref}" is the beginning of several commits: {", ".join(found)}', hint="write more digits")
    if not found and len(prefix) == len(max(clone.refs.values(), key=len)):
        # It is in no branch and no tag; GitHub still serves it by its full SHA.
        try:
            await clone.fetch(prefix)
        except RepositoryError:
            return None
        found = await commits_named(clone.checkout.path, prefix)
    return _commit(package, Kind.SHA, found[0], "commit") if found else None


async def _pull(builder: CandidateBuilder, package: str, ref: Ref) -> ResolvedRef | None:
    """The head of a pull request, also from a fork; not its merge commit, which moves with the branch."""
    repository = builder.family.repository(package)
    if ref.repository is not None and ref.repository.lower() != repository.lower():
        raise UsageError(
            f"{ref} is a pull request of {ref.repository}, and {package} is in {repository}",
            hint="name the package whose repository it is",
        )
    clone, whole = await builder.clone(package), f"refs/pull/{ref.number}/head"
    if (sha := clone.refs.get(whole)) is None:
        return None
    await clone.fetch(whole)
    found = _commit(package, Kind.PULL, sha, f"pull request {ref.number}")
    return found.model_copy(update={"pull": ref.number})


async def _folder(_builder: CandidateBuilder, package: str, ref: Ref) -> ResolvedRef | None:
    folder = Path(ref.text)
    if not await asyncio.to_thread(folder.is_dir):
        return None
    folder = folder.resolve()
    head = await head_of(folder)
    changed = head is not None and await is_changed(folder)
    words = "with changes" if changed else head[:12] if head else "without Git"
    return ResolvedRef(
        package=package,
        kind=Kind.FOLDER,
        described=f"folder {folder} ({words})",
        sha=None if changed else head,
        folder=folder,
        head=head,
    )


_LOOKS: Mapping[Kind, Callable[[CandidateBuilder, str, Ref], Awaitable[ResolvedRef | None]]] = {
    Kind.VERSION: _version,
    Kind.TAG: _tag,
    Kind.BRANCH: _branch,
    Kind.SHA: _sha,
    Kind.PULL: _pull,
    Kind.FOLDER: _folder,
}


def _commit(package: str, kind: Kind, sha: str, words: str) -> ResolvedRef:
    return ResolvedRef(package=package, kind=kind, described=f"{words} ({sha[:12]})", sha=sha, head=sha)


async def _nothing(builder: CandidateBuilder, package: str, ref: Ref) -> UsageError:
    """The error for a ref that does not exist, with what was probably meant."""
    if ref.kinds == (Kind.FOLDER,):
        return UsageError(f"there is no folder {ref}", hint=f"write {FORMS}")
    clone = await builder.clone(package)
    where = builder.family.repository(package)
    if ref.number is not None:
        return UsageError(f"{where} has no pull request {ref.number}", hint=f"write {FORMS}")
    return UsageError(f'{where} has no "{ref}": {_looked_for(ref)}', hint=_near(clone, ref))


def _looked_for(ref: Ref) -> str:
    *first, last = [f"no {kind}" for kind in ref.kinds]
    return f"{', '.join(first)} and {last}" if first else last


def _near(clone: Clone, ref: Ref) -> str:
    if ref.text.isdigit() and f"refs/pull/{ref.text}/head" in clone.refs:
        return f'did you mean the pull request "#{ref.text}"?'
    known = [*clone.names("refs/heads/"), *clone.names("refs/tags/")]
    near = difflib.get_close_matches(ref.name, known, n=NEAR) or list(clone.names("refs/heads/"))[:NEAR]
    return f"did you mean {' or '.join(near)}? write {FORMS}" if near else f"write {FORMS}"
