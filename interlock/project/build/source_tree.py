"""A clean copy of a source tree: only its own files, with times and modes that are the same on every machine."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from interlock.common.process import run, tool_environment
from interlock.errors import BuildError
from interlock.project.build.archives import plain_mode

# What work in a tree leaves behind, for trees without Git.
LITTER = frozenset({".git", "__pycache__", ".venv", ".pytest_cache", ".mypy_cache", ".ruff_cache"})


async def copy_tree(source: Path, target: Path, *, epoch: int, history: bool) -> None:
    """Copy a source tree: of a Git checkout the tracked files, as they are now; of another directory all but litter.

    A submodule is an empty folder, as in a clone, or has the files that were put there (`completed_source`).

    Args:
        source: The tree.
        target: Where the copy goes; must not exist.
        epoch: The time of every file, in seconds since 1970.
        history: Whether `.git` is copied as well, for build backends that use Git.

    Raises:
        BuildError: Git can't list the files of the tree.
    """
    target.mkdir()
    for path in await _tracked(source) if (source / ".git").exists() else _files(source):
        if (source / path).is_dir() and not (source / path).is_symlink():
            (target / path).mkdir(parents=True, exist_ok=True)  # a submodule, as it is in the work tree
            for inside in _files(source / path):
                _copy(source / path / inside, target / path / inside, epoch)
        else:
            _copy(source / path, target / path, epoch)
    if history and (source / ".git").is_dir():
        shutil.copytree(source / ".git", target / ".git", symlinks=True)
    # The sandbox's user reads it, whatever the umask here is.
    for folder, _, files in os.walk(target, topdown=False):
        for file in files if history else ():
            _readable(Path(folder, file))
        _readable(Path(folder))
        os.utime(folder, (epoch, epoch))


async def tag_copy(tree: Path, name: str) -> None:
    """Give the commit of a copied tree an annotated tag, as the release will have; without history there is none.

    Raises:
        BuildError: Git can't tag it.
    """
    if not (tree / ".git").is_dir():
        return
    identity = ("-c", "user.name=build", "-c", "user.email=build@localhost", "-c", "tag.gpgSign=false")
    command = ["git", *identity, "tag", "--force", "--annotate", "--message", name, name]
    done = await run(command, env=tool_environment(), cwd=tree)
    if done.returncode:
        raise BuildError(f"git can't tag what is built: {done.errors.strip()}", hint="clone it again")
    for folder, _, files in os.walk(tree / ".git"):
        for path in (Path(folder), *(Path(folder, file) for file in files)):
            _readable(path)


def _readable(path: Path) -> None:
    """Let everybody read a file, or enter a folder."""
    if not path.is_symlink():
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


async def _tracked(source: Path) -> list[Path]:
    command = ["git", "ls-files", "-z"]
    listed = await run(command, env=tool_environment(), cwd=source, keep=1 << 26)
    if listed.returncode:
        raise BuildError(f"git can't say what is in {source}: {listed.errors.strip()}", hint="clone it again")
    return [Path(name) for name in listed.output.split("\0") if name and os.path.lexists(source / name)]


def _files(source: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(source):
        folders[:] = sorted(set(folders) - LITTER)
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        yield from (Path(folder, name).relative_to(source) for name in sorted([*files, *links]))


def _copy(path: Path, target: Path, epoch: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target, follow_symlinks=False)
    if not path.is_symlink():
        target.chmod(plain_mode(stat.S_IMODE(path.stat().st_mode)))
    os.utime(target, (epoch, epoch), follow_symlinks=False)
