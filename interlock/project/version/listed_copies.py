"""Copies of the version in the files that other tools are told to change: their own lists of what a release moves.

commitizen has `version_files`, bumpversion and bump-my-version have files with what is searched for there, and
semantic-release has `version_variables` and `version_toml`. A regular expression of theirs is not run: where one
selects among several places, none of them is certain.
"""

import contextlib
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from interlock.errors import BuildError
from interlock.project.version.chosen_copies import chosen_copy
from interlock.project.version.project import Project
from interlock.project.version.readers import PositionReader, UnreadableError, read_ini
from interlock.project.version.source import InFile

CURRENT, NEW = "{current_version}", "{new_version}"
# Nobody lists a file in which the number stands more often.
MOST_PLACES = 20
MOST_FILES = 100
LONGEST_SEARCH = 1_000


class At(PositionReader):
    """Reads a text at a position.

    Args:
        text: The text.
        start: Its first byte.
    """

    def __init__(self, text: str, start: int) -> None:
        self._text, self._start = text, start

    def __call__(self, content: bytes) -> str:
        """The text."""
        if content.startswith(self._text.encode(), self._start):
            return self._text
        raise UnreadableError(f"{self._text} stands there no more")

    def start(self, content: bytes) -> int:
        """The position."""
        self(content)
        return self._start


def listed_copies(project: Project, number: str) -> Iterator[InFile]:
    """The places that other tools would change, as far as they are certain.

    Args:
        project: The project.
        number: The version as its source has it.
    """
    for file in project.names("tool", "commitizen", "version_files")[:MOST_FILES]:
        path, _, pattern = file.partition(":")
        found = list(_places(project, path, number))
        yield from found if not pattern or len(found) == 1 else []
    searched = itertools.chain(_of_bumpversion(project), _of_bumpversion_cfg(project))
    for path, search, replace in itertools.islice(searched, MOST_FILES):
        if replace in {None, search.replace(CURRENT, NEW)} and len(search) <= LONGEST_SEARCH:
            yield from _places(project, path, number, search)
    for text in project.names("tool", "semantic_release", "version_toml")[:MOST_FILES]:
        yield from _chosen(project, text)
    for text in project.names("tool", "semantic_release", "version_variables")[:MOST_FILES]:
        yield from _chosen(project, re.sub(":(nf|tf)$", "", text))


def _places(project: Project, file: str, number: str, search: str = CURRENT) -> Iterator[InFile]:
    """Where a file has the number, as a whole and inside of what is searched for."""
    try:
        content = project.read(Path(file), bytes)
    except BuildError:
        return
    before, current, after = search.partition(CURRENT)
    start, end = re.escape(before) or r"(?<![\w.])v?", re.escape(after) or r"(?![\w+-]|\.\w)"
    wanted = f"{start}(?P<version>{re.escape(number)}){end}"
    found = list(re.finditer(wanted.encode(), content)) if current else []
    for each in found if len(found) <= MOST_PLACES else []:
        yield InFile(Path(file), file, At(number, each.start("version")))


def _of_bumpversion(project: Project) -> Iterator[tuple[str, str, str | None]]:
    """By file, what is searched for, and what replaces it."""
    tables = project.get("tool", "bumpversion", "files")
    for table in tables if isinstance(tables, list) else []:
        path = table.get("filename") if isinstance(table, dict) else None
        if not isinstance(path, str) or table.get("regex"):
            continue
        search, replace = table.get("search", CURRENT), table.get("replace")
        if isinstance(search, str) and (replace is None or isinstance(replace, str)):
            yield path, search, replace


def _of_bumpversion_cfg(project: Project) -> Iterator[tuple[str, str, str | None]]:
    sections = [project.setup_cfg]
    with contextlib.suppress(BuildError):
        sections.append(project.read(Path(".bumpversion.cfg"), read_ini))
    for each in sections:
        for section in each.sections():
            kind, _, path = section.partition(":file:")
            if kind == "bumpversion" and path:
                search, replace = (
                    each.get(section, "search", fallback=CURRENT),
                    each.get(section, "replace", fallback=None),
                )
                yield path, search, replace


def _chosen(project: Project, text: str) -> Iterator[InFile]:
    try:
        yield chosen_copy(project, text)
    except BuildError:
        return
