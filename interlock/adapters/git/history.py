"""Git: reads the commits and work trees that candidates, verifications and bisects need."""

import re
from pathlib import Path

from interlock.adapters.git.command import git, succeeded
from interlock.adapters.git.models import Commit, checked_sha
from interlock.errors import RepositoryError

_FORMAT = "%H%x00%s%x00%an%x00"


async def commits_named(repository: Path, prefix: str) -> tuple[str, ...]:
    """The commits with a SHA that starts with a prefix: none, one, or several.

    Args:
        repository: The clone.
        prefix: At least 4 hexadecimal digits.
    """
    if not re.fullmatch(r"[0-9a-f]{4,64}", prefix):
        return ()
    found = await git("rev-parse", f"--disambiguate={prefix}", at=repository)
    names = found.output.split() if found.returncode == 0 else []
    kinds = [(name, (await git("cat-file", "-t", name, at=repository)).output.strip()) for name in names]
    return tuple(name for name, kind in kinds if kind == "commit")


async def merge_base(repository: Path, one: str, other: str) -> str | None:
    """The newest commit that is in both histories; None when they have none in common.

    Raises:
        RepositoryError: One of them is not in the clone.
    """
    found = await git("merge-base", checked_sha(one), checked_sha(other), at=repository)
    if found.returncode == 1 and not found.output.strip():
        return None
    return succeeded(found, f"{one} can't be compared with {other}").split()[0]


async def parent_of(repository: Path, sha: str) -> str | None:
    """The first parent of a commit; None for one that has none, or only a shallow one."""
    found = await git("rev-parse", "--verify", "--quiet", f"{checked_sha(sha)}^1^{{commit}}", at=repository)
    return found.output.strip() or None


async def head_of(folder: Path) -> str | None:
    """The commit of a work tree; None for a folder that is not the root of a work tree, or has no commit."""
    found = await git("rev-parse", "--show-toplevel", at=folder)
    root = found.output.strip()
    if found.returncode != 0 or Path(root).resolve() != folder.resolve():
        return None
    head = await git("rev-parse", "--verify", "--quiet", "HEAD^{commit}", at=folder)
    return head.output.strip() or None


async def is_changed(folder: Path) -> bool:
    """Whether a work tree differs from its commit, or has new files that are not ignored; nothing is written."""
    status = ("status", "--porcelain=v1", "-z", "--untracked-files=all")
    return bool(succeeded(await git("--no-optional-locks", *status, at=folder), f"{folder} can't be read"))


async def files_of(folder: Path) -> tuple[Path, ...]:
    """The files of a work tree as they are now, with new files that are not ignored; relative to it.

    Submodules count with the files that are checked out there.

    Raises:
        RepositoryError: There is a repository in it that is no submodule.
    """
    listed = await git("ls-files", "-z", "--cached", "--others", "--exclude-standard", at=folder)
    names = dict.fromkeys(succeeded(listed, f"{folder} can't be read").split("\0"))
    paths = [Path(name) for name in names if name and ((folder / name).exists() or (folder / name).is_symlink())]
    repositories = {path for path in paths if (folder / path).is_dir() and not (folder / path).is_symlink()}
    if others := [path for path in repositories if f"{path.as_posix()}/" in names]:
        raise RepositoryError(f"{folder / others[0]} is a repository of its own", hint="put its files in its place")
    inside = [
        path / each for path in repositories if any((folder / path).iterdir()) for each in await _all_of(folder / path)
    ]
    return tuple(sorted([*inside, *(path for path in paths if path not in repositories)]))


async def _all_of(submodule: Path) -> tuple[Path, ...]:
    """The files of a submodule's work tree, and those of submodules in it."""
    listed = await git("ls-files", "-z", "--recurse-submodules", at=submodule)
    names = succeeded(listed, f"{submodule} can't be read").split("\0")
    return tuple(Path(name) for name in names if name and (submodule / name).is_file())


async def first_parents(repository: Path, older: str, newer: str) -> tuple[Commit, ...]:
    """The commits from one to another along first parents, so that a merge is one step.

    Args:
        repository: The clone.
        older: A SHA, which is left out.
        newer: A SHA, which is the last.

    Returns:
        Oldest first; nothing when the newer one is in the older one's history.

    Raises:
        RepositoryError: One of them is not in the clone.
    """
    order = ("log", "--first-parent", "--reverse", "--no-decorate", f"--format={_FORMAT}")
    listed = await git(*order, f"{checked_sha(older)}..{checked_sha(newer)}", "--", at=repository)
    fields = succeeded(listed, f"the commits from {older} to {newer} can't be read").split("\0")
    records = zip(*([iter(fields)] * 3), strict=False)
    return tuple(Commit(sha=sha.strip(), subject=subject, author=author) for sha, subject, author in records)
