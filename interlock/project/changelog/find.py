"""Finds a project's changelogs."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from interlock.common.bounded_files import UnreadableFileError, read_bounded
from interlock.errors import RefusedError
from interlock.project.changelog.document import Changelog

STEMS = ("changelog", "changes", "history", "news", "release_notes", "release-notes", "releasenotes")
SUFFIXES = (".md", ".markdown", ".rst", ".txt", "")
MARKDOWN = frozenset({".md", ".markdown"})
FOLDERS = ("", "docs", "doc", "docs/source", "doc/source")
LARGEST = 4 << 20


class ChangelogFile(NamedTuple):
    """A changelog, and the file that it was read from, relative to the project."""

    path: Path
    changelog: Changelog


def find_changelogs(root: Path, named: str | None = None) -> Iterator[ChangelogFile]:
    """The project's changelogs with sections of versions, the likeliest first.

    Args:
        root: The project's directory.
        named: The file that the family file names; then there is no other.

    Raises:
        RefusedError: The named file can't be read.
    """
    for path in [Path(named)] if named else _likely(root):
        try:
            content = _read(root, path)
        except (OSError, UnreadableFileError, UnicodeDecodeError) as error:
            if named is None:
                continue
            why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error
            if isinstance(error, OSError):
                why = error.strerror or error  # without the place of a clone that is gone then
            hint = "name another file, or none: changelog = false"
            raise RefusedError(f'the changelog "{named}" can\'t be read: {why}', hint=hint) from None
        changelog = Changelog(content, markdown=path.suffix.lower() in MARKDOWN)
        if changelog.sections:
            yield ChangelogFile(path, changelog)


def _read(root: Path, path: Path) -> str:
    if not (root / path).resolve().is_relative_to(root.resolve()):
        raise UnreadableFileError("it leads out of the project")
    return read_bounded(root / path, LARGEST).decode("utf-8")


def _likely(root: Path) -> list[Path]:
    folders = [root / folder for folder in FOLDERS if (root / folder).is_dir()]
    paths = (path.relative_to(root) for folder in folders for path in folder.iterdir())
    return sorted(filter(_rank, paths), key=lambda path: (_rank(path), path))


def _rank(path: Path) -> tuple[int, ...]:
    """The place in the order of search; nothing for another file."""
    stem, suffix = (path.stem.lower(), path.suffix.lower())
    if stem not in STEMS or suffix not in SUFFIXES:
        return ()
    return (
        FOLDERS.index("" if path.parent == Path() else path.parent.as_posix()),
        STEMS.index(stem),
        SUFFIXES.index(suffix),
    )
