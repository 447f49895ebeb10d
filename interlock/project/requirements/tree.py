"""A repository's files that have requirements on an upstream, as tools read them."""

import fnmatch
import os
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from interlock.errors import BuildError
from interlock.project.requirements.location import File
from interlock.project.requirements.project_files import project_files, workspace_file
from interlock.project.requirements.requirements_files import requirements_file, requirements_files
from interlock.project.requirements.tree_files import tree_files
from interlock.project.version.project import PYPROJECT, SETUP_CFG, SETUP_PY, Project

# A large monorepo has some ten thousand.
MOST_FILES = 50_000
MOST_MEMBERS = 500
PROJECT_FILES = frozenset({PYPROJECT.name, SETUP_CFG.name, SETUP_PY.name})


class Tree:
    """A repository.

    Attributes:
        root: The repository, or the folder of one of its projects.
        top: The repository, if it is another folder.
        files: The root's files, relative to it.
        is_cut: Whether there may be more files.
        projects: Its projects by their folders: the one in the root, then the members of its uv workspace.

    Raises:
        BuildError: A file is not valid.
    """

    def __init__(self, root: Path, top: Path | None = None) -> None:
        self.root = root
        self.top = top if top and top != root else None
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
        yield from self._workspace(upstream)
        own = _without_projects(self.files, besides=self.projects)
        for path, known in requirements_files(self.project, own).items():
            yield requirements_file(path, self.project.read(path, bytes), upstream, known=known)

    def _workspace(self, upstream: str) -> Iterator[File]:
        """What the uv workspace of the repository says, where the root is a member of it."""
        if self.top and (self.top / PYPROJECT).is_file():
            workspace = Project(self.top)
            if _is_member(workspace, self.root.relative_to(self.top)):
                yield workspace_file(self._from_root(PYPROJECT), workspace, self.project, upstream)

    @cached_property
    def around(self) -> tuple[Path, ...]:
        """The repository's other files, from the root: without those of other projects, which are their own affair."""
        if self.top is None:
            return ()
        return tuple(map(self._from_root, _without_projects(tree_files(self.top, MOST_FILES))))

    def _from_root(self, path: Path) -> Path:
        assert self.top is not None
        return Path(os.path.relpath(self.top / path, self.root))

    def _members(self) -> Iterator[tuple[Path, Project]]:
        """By patterns of folders: https://docs.astral.sh/uv/concepts/projects/workspaces/."""
        folders = [path.parent for path in self.files if path.name == PYPROJECT.name and path != PYPROJECT]
        for folder in [each for each in folders if _is_member(self.project, each)][:MOST_MEMBERS]:
            try:
                yield folder, Project(self.root / folder)
            except BuildError as error:
                raise BuildError(f"{folder.as_posix()}/{error.message}", hint=error.hint) from None


def _without_projects(files: Sequence[Path], besides: Collection[Path] = ()) -> Iterator[Path]:
    """The files of a repository that are not below the folder of another project in it."""
    others = {path.parent for path in files if path.name in PROJECT_FILES} - {*besides, Path()}
    return (path for path in files if others.isdisjoint(path.parents))


def _is_member(workspace: Project, folder: Path) -> bool:
    wanted, excluded = (workspace.names("tool", "uv", "workspace", name) for name in ("members", "exclude"))
    return _matches(folder, wanted) and not _matches(folder, excluded)


def _matches(folder: Path, patterns: tuple[str, ...]) -> bool:
    name = folder.as_posix()
    for pattern in (each.removeprefix("./").rstrip("/") for each in patterns):
        # As in a shell, only `**` passes over a slash.
        if ("**" in pattern or pattern.count("/") == name.count("/")) and fnmatch.fnmatchcase(name, pattern):
            return True
    return False
