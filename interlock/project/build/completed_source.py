"""Completes a clone with what a build needs beside the repository's own files: submodules, and files of Git LFS.

**Which submodules a build needs** no file says. The family file may (`submodules = true` or `false`). Without a word of
it, the newest release decides: those are fetched of which its sdist has files, and the others are left alone, empty as
a clone has them. Most are tests' or docs', and a build does well without. Where there is no release yet, all are left
alone, and a remark says so before the push.

**Files of Git LFS** are fetched where git-lfs is installed. Else their pointers stay, and a built file that holds one
is refused (`pointer_files`).
"""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from interlock.adapters.git import Checkout
from interlock.adapters.git.lfs import fetch_lfs, has_lfs, lfs_paths
from interlock.adapters.git.submodules import Submodule, fetch_submodule, submodules_of
from interlock.adapters.index.client import PackageIndex
from interlock.common.archives import DAMAGE, tar_members
from interlock.common.bounded_files import UnreadableFileError, read_bounded
from interlock.common.sanitize import cut
from interlock.errors import DistributionError
from interlock.project.build.builder import FailedBuildError
from interlock.project.build.pointer_files import LONGEST, is_pointer

LONGEST_REASON = 200


class Wanted(NamedTuple):
    """The submodules that a build takes in.

    Attributes:
        taken: Those that are fetched.
        left_out: The paths of the others.
        remarks: What a person should know of the others.
    """

    taken: tuple[Submodule, ...] = ()
    left_out: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


class Completed(NamedTuple):
    """What a clone was completed with.

    Attributes:
        added: Submodules and large files: equal for equal sources.
        left_out: The paths of submodules that were left alone.
        remarks: What a person should know of large files.
    """

    added: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @contextlib.contextmanager
    def explains_failures(self) -> Iterator[None]:
        """Say of a build that fails which submodules it did not have."""
        try:
            yield
        except FailedBuildError as error:
            if not self.left_out:
                raise
            hint = f"if it needs {', '.join(self.left_out)}: submodules = true in the family file; {error.hint}"
            raise FailedBuildError(error.message, hint=hint, log=error.log) from None


async def wanted_submodules(
    clone: Path, package: str, index: PackageIndex, *, decided: bool | None, directory: str | None = None
) -> Wanted:
    """The submodules that a build of a clone's commit takes in.

    Args:
        clone: The clone.
        package: The package's name.
        index: Where its releases are.
        decided: What the family file says.
        directory: The project's directory in the clone; None for all of it.

    Raises:
        RepositoryError: The clone can't be read.
        IndexUnavailableError: The index does not answer.
    """
    found = await submodules_of(clone)
    if decided is not None or not found:
        return Wanted(found if decided else (), () if decided else tuple(each.path for each in found))
    version, names = await _released(package, index)
    above = f"{directory}/" if directory else ""
    shipped = {f"{above}{name}" for name in names}
    taken = tuple(each for each in found if any(name.startswith(f"{each.path}/") for name in shipped))
    why = f"as its files are not in the sdist of {version}" if version else "as there is no sdist of a release to go by"
    left = tuple(each.path for each in found if each not in taken)
    hint = "submodules = true in the family file takes it in"
    return Wanted(taken, left, tuple(f"the submodule {path} is left out of the build, {why}; {hint}" for path in left))


async def _released(package: str, index: PackageIndex) -> tuple[str, frozenset[str]]:
    """The newest version with an sdist, and the files of that, as they are in the project; nothing without one."""
    try:
        releases = await index.releases(package)
    except DistributionError:
        return "", frozenset()
    sdists = {version: each.sdist for version, each in releases.items() if each.sdist and not each.yanked}
    version = max((each for each in sdists if not each.is_prerelease), default=max(sdists, default=None))
    sdist = sdists.get(version) if version else None
    if sdist is None:
        return "", frozenset()
    path = await index.download(sdist)
    try:
        names = await asyncio.to_thread(lambda: [member.name for member, _ in tar_members(path)])
    except DAMAGE:
        return "", frozenset()
    return str(version), frozenset(name.partition("/")[2] for name in names)


async def complete(
    checkout: Checkout,
    package: str,
    index: PackageIndex,
    *,
    decided: bool | None,
    cache: Path,
    directory: str | None = None,
    trusted: bool = True,
) -> Completed:
    """Complete a clone in place: in its work tree alone, so that Git goes on to see the commit's own files.

    Args:
        checkout: The clone.
        package: The package's name.
        index: Where its releases are.
        decided: What the family file says of submodules.
        cache: Where repositories are while they are read.
        directory: The project's directory in the clone; None for all of it.
        trusted: Whether the commit is of the repository's own branches.

    Raises:
        RepositoryError: What is needed can't be fetched.
        IndexUnavailableError: The index does not answer.
    """
    wanted = await wanted_submodules(checkout.path, package, index, decided=decided, directory=directory)
    for each in wanted.taken:
        if not any((checkout.path / each.path).iterdir()):
            await fetch_submodule(checkout.remote, each, checkout.path, cache, trusted=trusted)
    added = tuple(f"{each.path}@{each.sha}" for each in wanted.taken)
    large, remarks = await _large_files(checkout)
    return Completed((*added, *large), wanted.left_out, remarks)


async def _large_files(checkout: Checkout) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Fetch the files of Git LFS; which of them are there, and remarks."""
    paths = await lfs_paths(checkout.path)
    if not (missing := _pointers(checkout.path, paths)):
        return paths, ()
    why = "git-lfs is not on this machine"
    if has_lfs():
        done = await fetch_lfs(checkout.remote, checkout.path)
        missing = _pointers(checkout.path, missing)
        why = cut(done.errors or done.output, LONGEST_REASON)
    there = tuple(path for path in paths if path not in missing)
    first = (
        f"{missing[0]} is" if len(missing) == 1 else f"{missing[0]} and {len(missing) - 1} more are" if missing else ""
    )
    return there, (f"{first} left as a pointer of Git LFS: {why}",) if missing else ()


def _pointers(clone: Path, paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(path for path in paths if _is_pointer(clone / path))


def _is_pointer(path: Path) -> bool:
    try:
        return not path.is_symlink() and is_pointer(read_bounded(path, LONGEST))
    except (OSError, UnreadableFileError):
        return False
