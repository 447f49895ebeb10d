"""What a candidate is built from: a private copy of a commit's or a folder's files."""

import asyncio
import contextlib
import hashlib
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from pathlib import Path

from packaging.version import Version

from interlock.adapters.distributions import LARGEST_METADATA
from interlock.adapters.git import Author, Checkout, Remote
from interlock.adapters.git.command import git, succeeded
from interlock.adapters.git.history import files_of
from interlock.adapters.git.tree_size import check_tree
from interlock.common.bounded_files import UnreadableFileError, open_regular, read_bounded
from interlock.common.digest import digest
from interlock.contracts.candidates.context import CandidateBuilder
from interlock.errors import RepositoryError
from interlock.model.versions import tag_version
from interlock.project.build.completed_source import complete
from interlock.project.build.source_tree import copy_tree

DIGITS = 12
# For a folder without a history: the earliest time that a zip archive can store.
NO_TIME = 315_532_800
NOBODY = Author(name="Interlock", email="interlock@localhost")


@dataclass(frozen=True, kw_only=True)
class Source:
    """The files to build.

    Attributes:
        path: A private copy, for the build.
        tree: The files as they were found.
        epoch: The commit's time, in seconds since 1970.
        mark: The identity for the version: `g` and the commit, or `d` and the digest of a folder.
        tagged: The newest version among the tags in its history.
        directory: The project's directory among the files; None for all of them.
    """

    path: Path
    tree: Path
    epoch: int
    mark: str
    tagged: Version | None = None
    directory: str | None = None


async def of_commit(builder: CandidateBuilder, package: str, sha: str) -> Source:
    """The files of a commit, in a copy of the clone with its whole history.

    Raises:
        RepositoryError: They can't be checked out, or are too large for it.
    """
    work, clone = builder.connections.work_folder(package), await builder.clone(package)
    await check_tree(clone.checkout.path, sha)
    async with clone.fetching:
        await asyncio.to_thread(shutil.copytree, clone.checkout.path, work / "source", symlinks=True)
    checkout = Checkout(clone.checkout.remote, work / "source", clone.checkout.branch)
    await checkout.switch(sha)
    await checkout.export(sha, work / "tree")
    # A pull request may name any repository there: no token is sent to one.
    await complete(
        checkout,
        package,
        builder.connections.index,
        decided=builder.family.package(package).submodules,
        directory=builder.family.package(package).directory,
        cache=work / "submodules",
        trusted=False,
    )
    return Source(
        path=checkout.path,
        tree=work / "tree",
        epoch=await checkout.commit_time(sha),
        mark=f"g{sha[:DIGITS]}",
        tagged=await _newest_tag(builder, package, checkout, sha),
        directory=builder.family.package(package).directory,
    )


async def of_folder(builder: CandidateBuilder, package: str, folder: Path, head: str | None, sha: str | None) -> Source:
    """The present files of a folder; a work tree's copy is a repository too, since some build backends need Git.

    Args:
        builder: Makes the directory for the copy.
        package: The package in the folder.
        folder: The folder; it is left as it is.
        head: The commit that is checked out, if it is a work tree.
        sha: The same commit, if the folder does not differ from it.

    Raises:
        RepositoryError, BuildError: The files can't be copied.
    """
    work, directory = builder.connections.work_folder(package), builder.family.package(package).directory
    # A folder without it is the project itself.
    directory = directory if directory and (folder / directory).is_dir() else None
    tree, source = work / "tree", work / "source"
    if head is None:
        with _copying(folder):
            await copy_tree(folder, tree, epoch=NO_TIME, history=False)
        await asyncio.to_thread(shutil.copytree, tree, source, symlinks=True)
        mark = f"d{await tree_digest(tree)}"
        tagged = _sdist_version(tree)
        return Source(path=source, tree=tree, epoch=NO_TIME, mark=mark, tagged=tagged, directory=directory)
    files = await files_of(folder)
    for target in (tree, source):
        with _copying(folder):
            await asyncio.to_thread(_copy, folder, files, target)
    original = Checkout(Remote(url=str(folder)), folder, "")
    epoch = await original.commit_time(head)
    await _commit_all(source, epoch)
    return Source(
        path=source,
        tree=tree,
        epoch=epoch,
        mark=f"g{sha[:DIGITS]}" if sha else f"d{await tree_digest(tree)}",
        tagged=await _newest_tag(builder, package, original, head),
        directory=directory,
    )


@contextlib.contextmanager
def _copying(folder: Path) -> Iterator[None]:
    """A pipe, a socket, or an unreadable file is an error of the user, not a defect."""
    try:
        yield
    except OSError as error:
        hint = "take it out of the folder, or copy what belongs to the package to another one"
        raise RepositoryError(f"{folder} can't be copied: {error}", hint=hint) from None


async def _newest_tag(builder: CandidateBuilder, package: str, checkout: Checkout, sha: str) -> Version | None:
    form = builder.family.package(package).tag
    names = await checkout.merged_tags(sha)
    return max((version for name in names if (version := tag_version(form, name))), default=None)


async def _commit_all(source: Path, epoch: int) -> None:
    who = NOBODY.environment(epoch)
    for command in (
        ("init", "--quiet", "--template="),
        ("add", "--all", "--force"),
        ("commit", "--quiet", "--allow-empty", "--message=candidate", "--no-verify"),
    ):
        succeeded(await git(*command, at=source, extra=who), "a copy of the folder can't be made")


def _copy(folder: Path, files: Iterable[Path], target: Path) -> None:
    target.mkdir(parents=True)
    for path in files:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(folder / path, target / path, follow_symlinks=False)


async def tree_digest(tree: Path) -> str:
    """A digest of a folder's files: their paths, contents, and whether they are executable."""
    facts = await asyncio.to_thread(lambda: [_facts(tree, path) for path in sorted(tree.rglob("*"))])
    return digest([fact for fact in facts if fact])[:DIGITS]


def _facts(tree: Path, path: Path) -> tuple[str, ...] | None:
    name = path.relative_to(tree).as_posix()
    if path.is_symlink():
        return name, "link", str(path.readlink())
    if not path.is_file():
        return None
    return name, "x" if path.stat().st_mode & 0o100 else "", _sha256(path)


def _sha256(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sdist_version(tree: Path) -> Version | None:
    """The version in the metadata of an unpacked sdist."""
    try:
        headers = BytesHeaderParser().parsebytes(read_bounded(tree / "PKG-INFO", LARGEST_METADATA))
        return Version(str(headers["Version"] or ""))
    except (OSError, UnreadableFileError, ValueError):
        return None
