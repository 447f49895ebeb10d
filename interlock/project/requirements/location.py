"""A requirement at its position in a file's text, and editing that text."""

import copy
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from interlock.common.locate import Keys, locate, value_at
from interlock.errors import BuildError
from interlock.project.requirements.clauses import Edit, Moved, Outcome, Refused, apply
from interlock.project.requirements.markers import marker_of
from interlock.project.requirements.pep508 import environment_of, head_of, move_requirement, specifier_of
from interlock.project.requirements.poetry import constraint_specifier, move_constraint

Parse = Callable[[str], object]
ESCAPED = "it does not stand there as it is, but with escapes or in pieces: write it as one plain text"


class Dialect(NamedTuple):
    """How a requirement is written.

    Attributes:
        move: What has to change in it for a new version.
        range: The versions that it admits, or None.
        head: The part of it in which versions stand.
    """

    move: Callable[[str, Version], Outcome]
    range: Callable[[str], SpecifierSet | None]
    head: Callable[[str], str]


PEP_508 = Dialect(move_requirement, specifier_of, head_of)
POETRY = Dialect(move_constraint, constraint_specifier, str)


class Location(NamedTuple):
    """A requirement on the upstream, in a file.

    Attributes:
        path: The file, relative to the repository.
        line: Counted from 1.
        named: What holds it, as `project.dependencies`.
        text: The requirement.
        start: The position of its text in the file; None when it is written otherwise there, as with escapes.
        dialect: How it is written.
        keys: What leads to it, in a file that is parsed as a whole.
        hand: Why only a person can change it, if that is so.
        hashes: Where the hashes of its files stand.
        only_where: The environments that it is for, as a marker, where its text does not say that.
        wins: Whether a tool takes the upstream from here, whatever the requirements on it say.
    """

    path: Path
    line: int
    named: str
    text: str
    start: int | None
    dialect: Dialect = PEP_508
    keys: Keys = ()
    hand: str | None = None
    hashes: tuple[Edit, ...] = ()
    only_where: str = ""
    wins: bool = False

    @property
    def marker(self) -> Marker | None:
        """The environments that it is for; None for all."""
        return marker_of(self.only_where) or (environment_of(self.text) if self.dialect is PEP_508 else None)

    @property
    def range(self) -> SpecifierSet | None:
        """The versions that it admits; None where that is not known, as for a URL."""
        return None if self.hand else self.dialect.range(self.text)

    def move(self, version: Version) -> Outcome:
        """What has to change in it for a new version."""
        if self.hand is not None:
            return Refused(self.hand)
        outcome = self.dialect.move(self.text, version)
        if isinstance(outcome, Moved) and self.start is None:
            return Refused(ESCAPED)
        return outcome


class File(NamedTuple):
    """A file with requirements on the upstream.

    Attributes:
        path: The file, relative to the repository.
        text: All of it.
        locations: The requirements.
        parse: Parses the file, if it is of a kind that is parsed as a whole.
    """

    path: Path
    text: str
    locations: tuple[Location, ...]
    parse: Parse | None = None

    def edited(self, edits: Iterable[Edit], moved: Iterable[tuple[Location, str]]) -> str:
        """The file's text after edits: parsed, it must differ in the moved requirements alone.

        Raises:
            BuildError: It would say something else.
        """
        text = apply(self.text, edits)
        if self.parse is not None:
            wanted = self.parse(self.text)
            for location, requirement in moved:
                whole = str(value_at(wanted, location.keys))  # with a comment, in an INI file
                wanted = _with(wanted, location.keys, whole.replace(location.text, requirement, 1))
            if self.parse(text) != wanted:
                raise BuildError(f"{self.path.as_posix()}: would not say what was meant; nothing was written")
        return text


def found_at(text: str, parse: Parse, keys: Keys, head: str, start: int = 0) -> int | None:
    """The position of a parsed value's head from `start` on (`common/locate.py`); None when it is written otherwise."""
    tree = parse(text)
    wanted = _with(tree, keys, f"x{value_at(tree, keys)}")
    return locate(text, head, f"x{head}", lambda changed: _parsed(parse, changed) == wanted, start)


def _parsed(parse: Parse, text: str) -> object:
    try:
        return parse(text)
    except ValueError:
        return None


def _with(tree: object, keys: Keys, value: str) -> object:
    """A copy with another value under these keys."""
    changed = copy.deepcopy(tree)
    match value_at(changed, keys[:-1]), keys[-1]:
        case dict() as table, str(key):
            table[key] = value
        case list() as items, int(position):
            items[position] = value
    return changed
