"""A repository's files that have requirements on an upstream, as tools read them."""

import fnmatch
from collections.abc import Iterator
from pathlib import Path

from interlock.errors import BuildError
from interlock.project.requirements.location import File
from interlock.project.requirements.project_files import project_files
from interlock.project.requirements.requirements_files import requirements_file, requirements_files
from interlock.project.requirements.tree_files import tree_files
from interlock.project.version.project import PYPROJECT, Project

# A large monorepo has some ten thousand.
MOST_FILES = 50_000
MOST_MEMBERS = 500


class Tree:
    """A repository.

    Attributes:
        root: The repository.
        files: Its files, relative to it.
        is_cut: Whether there may be more files.
        projects: Its projects by their folders: the one in the root, then the members of its uv workspace.

    Raises:
        BuildError: A file is not valid.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = Project(root)
        self.files = tree_files(root, MOST_FILES)
        self.is_cut = len(self.files) == MOST_FILES
        self.projects = {Path(): self.project, **dict(self._members())}

    def requiring(self, upstream: str) -> Iterator[File]:
        """The files that are read for requirements, with those on an upstream.

        Args:
            upstream: The canonical name.

        Raises:
            BuildError: One is not valid.
        """
        for folder, project in self.projects.items():
            yield from project_files(project, upstream, folder)
        for path, known in requirements_files(self.project, self.files).items():
            yield requirements_file(path, self.project.read(path, bytes), upstream, known=known)

    def _members(self) -> Iterator[tuple[Path, Project]]:
        """By patterns of folders: https://docs.astral.sh/uv/concepts/projects/workspaces/."""
        table = ("tool", "uv", "workspace")
        wanted, excluded = self.project.names(*table, "members"), self.project.names(*table, "exclude")
        folders = [path.parent for path in self.files if path.name == PYPROJECT.name and path != PYPROJECT]
        meant = (each for each in folders if _matches(each, wanted) and not _matches(each, excluded))
        for folder in [*meant][:MOST_MEMBERS]:
            try:
                yield folder, Project(self.root / folder)
            except BuildError as error:
                raise BuildError(f"{folder.as_posix()}/{error.message}", hint=error.hint) from None


def _matches(folder: Path, patterns: tuple[str, ...]) -> bool:
    name = folder.as_posix()
    for pattern in (each.removeprefix("./").rstrip("/") for each in patterns):
        # As in a shell, only `**` passes over a slash.
        if ("**" in pattern or pattern.count("/") == name.count("/")) and fnmatch.fnmatchcase(name, pattern):
            return True
    return False
