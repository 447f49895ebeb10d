"""The files of a checkout, which in a fresh clone are those that Git tracks."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

# Git's own, and what is installed or built beside the sources, should it be there.
LEFT_OUT = frozenset({".git", ".venv", "node_modules", "site-packages", "__pycache__"})


def tree_files(root: Path, most: int) -> tuple[Path, ...]:
    """The files below a folder, relative to it, its own before those in its folders; so many at most, and no links."""
    return tuple(itertools.islice(_below(root), most))


def _below(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        for name in sorted(names):
            path = Path(folder, name)
            if name != ".git" and not path.is_symlink():
                yield path.relative_to(root)
