"""A family to rehearse with: the files of its repositories, and their history."""

import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Self

from pydantic import Field

from interlock.common.frozen_model import FrozenModel

SMALL_FAMILY = Path(__file__).parent / "families" / "market_data"
SMALL_FAMILY_NAME = "market-data"
FAMILY_FILE = "family.toml"
HISTORY_FILE = "history.toml"
# Leftovers of tools that were run on the files.
LITTER = frozenset({"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".venv", "dist"})


class Commit(FrozenModel):
    """A commit of the history.

    Attributes:
        at: When it was made.
        version: The version in the version file at this commit.
        without: The files that came later.
        tag: The tag on it, if it was released.
    """

    message: str
    at: datetime
    version: str | None = None
    without: frozenset[str] = frozenset()
    tag: str | None = None


class History(FrozenModel):
    """The history of a repository, oldest first; the last commit has the current files."""

    author: str
    branch: str = "main"
    version_file: str | None = None
    commits: tuple[Commit, ...] = Field(min_length=1)


class Repository(FrozenModel):
    """A repository of a template.

    Attributes:
        name: Its name on GitHub.
        files: The current files, by path.
    """

    name: str
    history: History
    files: Mapping[str, bytes]

    @property
    def released(self) -> Iterator[Commit]:
        """The commits that were released."""
        return (commit for commit in self.history.commits if commit.tag)

    def files_at(self, commit: Commit) -> dict[str, bytes]:
        """The files at a commit."""
        return {path: self._as_of(commit, path) for path in self.files if path not in commit.without}

    def _as_of(self, commit: Commit, path: str) -> bytes:
        newest = self.history.commits[-1].version
        if path != self.history.version_file or newest is None or commit.version is None:
            return self.files[path]
        return self.files[path].replace(f'"{newest}"'.encode(), f'"{commit.version}"'.encode(), 1)


class Template(FrozenModel):
    """A family to rehearse with."""

    family_file: str
    repositories: tuple[Repository, ...]

    @classmethod
    def load(cls, directory: Path = SMALL_FAMILY) -> Self:
        """Read a template from a directory: a family file, a history, and a directory for each repository."""
        histories = tomllib.loads((directory / HISTORY_FILE).read_text("utf-8"))
        return cls(
            family_file=(directory / FAMILY_FILE).read_text("utf-8"),
            repositories=tuple(
                Repository(name=name, history=History.model_validate(history), files=_files(directory / name))
                for name, history in histories.items()
            ),
        )


def _files(directory: Path) -> dict[str, bytes]:
    inner = ((path, path.relative_to(directory)) for path in sorted(directory.rglob("*")))
    return {
        name.as_posix(): path.read_bytes() for path, name in inner if path.is_file() and LITTER.isdisjoint(name.parts)
    }
