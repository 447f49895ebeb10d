"""The text of a lock in TOML: its packages, each with the lines in which it stands."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from packaging.utils import canonicalize_name

from interlock.common.configuration_files import load_toml

# Of a thousand packages with the hashes of all their files, a lock has some MiB.
LARGEST_LOCK = 16 << 20
LOCAL = ("editable", "virtual", "directory")
# A package's table, with the tables below it, up to the next one that is not below it.
_PACKAGE = re.compile(r"^\[\[package\]\][ \t]*\r?\n(?:(?!\[\[?+(?!package\.)).*(?:\n|\Z))*", re.MULTILINE)


class LockedPackage(NamedTuple):
    """A package of a lock.

    Attributes:
        start, text: Where it stands, and its lines.
        table: What they say.
    """

    start: int
    text: str
    table: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its canonical name."""
        return canonicalize_name(str(self.table.get("name", "")))

    @property
    def version(self) -> str:
        """Its version; empty where none stands, as for a project with a dynamic one."""
        return str(self.table.get("version", ""))

    @property
    def source(self) -> Mapping[str, Any]:
        """Where it comes from, as uv writes it."""
        source = self.table.get("source", {})
        return source if isinstance(source, dict) else {}

    @property
    def key(self) -> tuple[str, str, str]:
        """Equal for the same release from the same place."""
        return self.name, self.version, repr(sorted(self.source.items()))

    @property
    def hashes(self) -> frozenset[str]:
        """The SHA-256 of its files, as uv, Poetry and PDM write them; an empty text for a file without one."""
        files = [
            *self._files("wheels"),
            *self._files("files"),
            *([self.table["sdist"]] if "sdist" in self.table else []),
        ]
        texts = (str(file.get("hash", "")) if isinstance(file, dict) else "" for file in files)
        return frozenset(text.removeprefix("sha256:") if text.startswith("sha256:") else "" for text in texts)

    def _files(self, key: str) -> list[Any]:
        found = self.table.get(key, [])
        return found if isinstance(found, list) else [found]

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of the repository, which has no files with hashes."""
        return any(kind in self.source for kind in LOCAL) or self.source.get("type") == "directory"

    def is_at(self, place: PurePosixPath) -> bool:
        """Whether it is the project in this folder, relative to the lock's own."""
        paths = (self.source.get(kind) for kind in LOCAL)
        return any(isinstance(path, str) and PurePosixPath(path) == place for path in paths)


def tables_of(text: str) -> dict[str, Any]:
    """What a lock says.

    Raises:
        ValueError: It is not valid, or of a shape that no tool writes.
    """
    return load_toml(text, most=LARGEST_LOCK)


def packages_of(text: str) -> tuple[LockedPackage, ...]:
    """The packages of a lock, in order.

    Raises:
        ValueError: It is not valid, or not laid out as its tool does it.
    """
    found = tuple(_packages(text))
    whole = tables_of(text).get("package", [])
    if [each.table for each in found] != whole:
        raise ValueError("is not laid out as its tool writes it")
    return found


def _packages(text: str) -> Iterator[LockedPackage]:
    for match in _PACKAGE.finditer(text):
        tables = load_toml(match[0]).get("package")
        if isinstance(tables, list) and len(tables) == 1:
            yield LockedPackage(match.start(), match[0], tables[0])
