"""Layers: folders of installed packages that cells share, sealed with the hashes of all their files.

A wheel is installed and compiled once, into a tree of its own; the layer of a lock is made of links to the files of its
wheels' trees. Both are sealed: a digest of every name, mode and content, compiled modules included, stands beside them
and is compared once in each process that takes them. In the sandbox they are mounted read-only.
"""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from interlock.common.digest import digest

SEAL = ".interlock-seal"


def seal(folder: Path) -> None:
    """Let everybody read a folder, since the sandbox's user is another one, and note the digest of its contents."""
    for path in _all(folder):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode):
            path.chmod(stat.S_IMODE(mode) | (0o555 if stat.S_ISDIR(mode) else 0o444))
    folder.chmod(0o755)
    (folder / SEAL).write_text(_contents(folder))


def is_sealed(folder: Path) -> bool:
    """Whether a folder is as it was when it was sealed."""
    try:
        return (folder / SEAL).read_text() == _contents(folder)
    except (OSError, ValueError):
        return False


def join(trees: Iterable[Path], target: Path) -> None:
    """Fill a folder with the files of all trees, as links where the file system has them.

    Where two trees have the same file, the first one's stays.
    """
    for tree in trees:
        for path in _all(tree):
            there = target / path.relative_to(tree)
            if path.is_dir() and not path.is_symlink():
                there.mkdir(exist_ok=True)
            elif path.name != SEAL and not there.exists():
                _link(path, there)


def _link(path: Path, there: Path) -> None:
    try:
        os.link(path, there, follow_symlinks=False)
    except OSError:  # another file system, or too many links
        shutil.copy2(path, there, follow_symlinks=False)


def _all(folder: Path) -> Iterator[Path]:
    for top, folders, files in os.walk(folder):
        yield from (Path(top, name) for name in sorted((*folders, *files)))


def _contents(folder: Path) -> str:
    facts = []
    for path in _all(folder):
        mode = path.lstat().st_mode
        if path.name == SEAL and path.parent == folder:
            continue
        if stat.S_ISREG(mode):
            with path.open("rb") as file:
                what = hashlib.file_digest(file, "sha256").hexdigest()
        else:
            what = str(path.readlink()) if stat.S_ISLNK(mode) else ""
        facts.append((path.relative_to(folder).as_posix(), stat.S_IFMT(mode), mode & 0o111, what))
    return digest(facts)
