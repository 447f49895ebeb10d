"""Requirements in `pyproject.toml`, `setup.cfg` and `setup.py`."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import Version

from interlock.common.configuration_files import load_toml
from interlock.common.locate import Keys, line_at, value_at
from interlock.common.sanitize import cut
from interlock.project.requirements.clauses import Outcome, Refused
from interlock.project.requirements.location import PEP_508, POETRY, Dialect, File, Location, Parse, found_at
from interlock.project.requirements.mentions import NOT_EDITED, is_earlier
from interlock.project.requirements.pep508 import head_of, required_name, specifier_of
from interlock.project.requirements.poetry import marker_text
from interlock.project.requirements.setup_py import setup_py_file
from interlock.project.requirements.sources import (
    FLOATING,
    LIMIT,
    LONGEST_SHOWN,
    is_elsewhere,
    of_source,
    overriding,
    shown,
    sources,
)
from interlock.project.version.project import PYPROJECT, SETUP_CFG, SETUP_PY, Project
from interlock.project.version.readers import UnreadableError, read_ini

# In the tables of uv: what is installed beside the project, and what limits it.
UV_LIMITS = ("tool", "uv", "constraint-dependencies")
UV_LISTS = ("dev-dependencies", "constraint-dependencies", "build-constraint-dependencies")
VERSIONS = re.compile(r"[0-9][0-9A-Za-z.!+*]{0,100}")
BEGINS_WITH_VERSION = re.compile(r"[\s^~<>=!v]*[0-9]")
BY_HAND = "it is no version that can be moved: change it by hand"


class Entry(NamedTuple):
    """A requirement in a parsed file, by the keys that lead to it.

    Attributes:
        hand: Why only a person can change it, if that is so.
        only_where: The environments that it is for, as a marker, where its text does not say that.
        wins: Whether a tool takes the upstream from here, whatever the requirements on it say.
    """

    keys: Keys
    text: str
    dialect: Dialect = PEP_508
    hand: str | None = None
    only_where: str = ""
    wins: bool = False


def project_files(project: Project, upstream: str, folder: Path = Path()) -> Iterator[File]:
    """The files of a project that are parsed as a whole and require the upstream.

    Args:
        project: The project.
        upstream: The canonical name.
        folder: Where in the repository the project is.

    Raises:
        BuildError: One is not valid.
    """
    if project.has(PYPROJECT):
        text = project.read(PYPROJECT, bytes.decode)
        yield _file(folder / PYPROJECT, text, load_toml, toml_entries(project.pyproject, upstream))
    if project.has(SETUP_CFG):
        text = project.read(SETUP_CFG, bytes.decode)
        yield _file(folder / SETUP_CFG, text, _ini, ini_entries(_ini(text), upstream))
    if project.has(SETUP_PY):
        yield project.read(SETUP_PY, lambda content: setup_py_file(folder / SETUP_PY, content, upstream))


def workspace_file(path: Path, workspace: Project, member: Project, upstream: str) -> File:
    """What a uv workspace says of an upstream for a member, which may name another source; nothing of it is edited."""
    limits = _listed(value_at(workspace.pyproject, UV_LIMITS), UV_LIMITS, upstream)
    entries = [Entry(each.keys, each.text, LIMIT, wins=True) for each in limits]
    entries += _overriding(workspace.pyproject, upstream)
    entries += [] if [*sources(member.pyproject, upstream)] else _sources(workspace.pyproject, upstream)
    return _file(path, workspace.read(PYPROJECT, bytes.decode), load_toml, entries)


def _overriding(tree: object, upstream: str) -> Iterator[Entry]:
    return (Entry(at, text, dialect, wins=True) for at, text, dialect in overriding(tree, upstream))


def _sources(tree: object, upstream: str) -> Iterator[Entry]:
    return (_source(at, table) for at, table in sources(tree, upstream) if is_elsewhere(table))


def _file(path: Path, text: str, parse: Parse, entries: Iterable[Entry]) -> File:
    found = list[Location]()
    for entry in entries:
        # What a list holds stands there in its order.
        follows = found and isinstance(entry.keys[-1], int) and found[-1].keys[:-1] == entry.keys[:-1]
        found.append(_location(path, text, parse, entry, (found[-1].start or 0) if follows else 0))
    return File(path, text, tuple(found), parse)


def _location(path: Path, text: str, parse: Parse, entry: Entry, behind: int) -> Location:
    is_text = isinstance(value_at(parse(text), entry.keys), str)
    head = entry.dialect.head(entry.text).rstrip() if is_text else ""
    start = found_at(text, parse, entry.keys, head, behind) if head else None
    names = [key for key in entry.keys if isinstance(key, str)]
    line = line_at(text, _near(text, names) if start is None else start)
    return Location(
        path=path,
        line=line,
        named=".".join(names),
        text=entry.text,
        start=start,
        dialect=entry.dialect,
        keys=entry.keys,
        hand=entry.hand,
        only_where=entry.only_where,
        wins=entry.wins,
    )


def _near(text: str, names: Iterable[str]) -> int:
    """About where a value stands that has no position of its own: behind the names of what holds it."""
    at = 0
    for name in names:
        at = max(at, text.find(name, at))
    return at


def toml_entries(tree: object, upstream: str) -> Iterator[Entry]:
    """The requirements on the upstream in what a `pyproject.toml` says, and what wins over them."""
    standard = [entry for keys in _lists(tree) for entry in _listed(value_at(tree, keys), keys, upstream)]
    yield from standard
    is_required = any(entry.keys[0] == "project" for entry in standard)
    for keys in _poetry_tables(tree):
        yield from _poetry_entries(value_at(tree, keys), keys, upstream, is_required=is_required)
    yield from _overriding(tree, upstream)
    yield from _sources(tree, upstream)


def _source(keys: Keys, table: dict[str, object], *, wins: bool = True) -> Entry:
    def move(_text: str, version: Version) -> Outcome:
        outcome = of_source(table, version)
        return Refused(BY_HAND) if not wins and outcome == FLOATING else outcome

    return Entry(keys, shown(table), Dialect(move, lambda _: None, str), wins=wins)


def _lists(tree: object) -> Iterator[Keys]:
    yield ("project", "dependencies")
    for table in (("project", "optional-dependencies"), ("dependency-groups",), ("tool", "pdm", "dev-dependencies")):
        yield from _below(tree, table)
    yield ("build-system", "requires")
    yield from (("tool", "uv", name) for name in UV_LISTS)
    flit = ("tool", "flit", "metadata")
    yield from ((*flit, name) for name in ("requires", "dev-requires"))
    yield from _below(tree, (*flit, "requires-extra"))


def _below(tree: object, keys: Keys) -> Iterator[Keys]:
    table = value_at(tree, keys)
    if isinstance(table, dict):
        yield from ((*keys, key) for key in table)


def _listed(entries: object, keys: Keys, upstream: str) -> Iterator[Entry]:
    for position, text in enumerate(entries if isinstance(entries, list) else []):
        # A group may hold tables too, which include other groups: those are read where they are.
        if isinstance(text, str) and required_name(head_of(text)) == upstream:
            yield Entry((*keys, position), text)


def _poetry_tables(tree: object) -> Iterator[Keys]:
    poetry = ("tool", "poetry")
    yield from ((*poetry, name) for name in ("dependencies", "dev-dependencies"))
    yield from ((*keys, "dependencies") for keys in _below(tree, (*poetry, "group")))


def _poetry_entries(table: object, keys: Keys, upstream: str, *, is_required: bool) -> Iterator[Entry]:
    for name, value in table.items() if isinstance(table, dict) else ():
        if canonicalize_name(name) != upstream:
            continue
        several = [((*keys, name, at), each) for at, each in enumerate(value)] if isinstance(value, list) else []
        for at, each in several or [((*keys, name), value)]:
            yield from _poetry_entry(at, each, is_required=is_required)


def _poetry_entry(keys: Keys, value: object, *, is_required: bool) -> Iterator[Entry]:
    """A dependency of Poetry. If [project] requires the upstream, a table without a version only adds to that.

    https://python-poetry.org/docs/dependency-specification/#projectdependencies-and-toolpoetrydependencies
    """
    if isinstance(value, dict) and isinstance(value.get("version"), str):
        yield Entry((*keys, "version"), value["version"], POETRY, only_where=marker_text(value))
    elif isinstance(value, str):
        yield Entry(keys, value, POETRY)
    elif isinstance(value, dict) and is_elsewhere(value):
        yield _source(keys, value, wins=is_required)
    elif not (isinstance(value, dict) and value and is_required):
        yield Entry(keys, str(value), POETRY, BY_HAND)


def _ini(text: str) -> dict[str, dict[str, list[str]]]:
    """A `setup.cfg`; as in setuptools, an option is a list of its lines, or of parts between semicolons.

    Raises:
        ValueError: It is not valid.
    """
    try:
        parser = read_ini(text.encode())
    except UnreadableError as error:
        raise ValueError(error.message) from None
    return {
        name: {key: value.splitlines() if "\n" in value else value.split(";") for key, value in parser[name].items()}
        for name in parser
    }


def ini_entries(tree: dict[str, dict[str, list[str]]], upstream: str) -> Iterator[Entry]:
    """The requirements on the upstream in what a `setup.cfg` says; as in setuptools, ` #` begins a comment."""
    for section, options in tree.items():
        for option in options:
            if (section, option.replace("-", "_")) in _INI_OPTIONS or section == "options.extras_require":
                lines = [line.partition(" #")[0].rstrip() for line in options[option]]
                yield from _listed(lines, (section, option), upstream)


_INI_OPTIONS = {("options", "install_requires"), ("options", "setup_requires"), ("options", "tests_require")}


def other_versions(project: Project, upstream: str, version: Version, folder: Path = Path()) -> Iterator[str]:
    """Remarks about earlier versions of the upstream in other tools' tables of `pyproject.toml`."""
    known = {entry.keys for entry in toml_entries(project.pyproject, upstream)}
    for keys, text in _texts(project.pyproject, ()):
        if keys not in known and any(is_earlier(each, version) for each in _versions_of(upstream, keys, text)):
            named = ".".join(key for key in keys if isinstance(key, str))
            yield f"{(folder / PYPROJECT).as_posix()}: {named} has {cut(text, LONGEST_SHOWN)}, {NOT_EDITED}"


def _versions_of(upstream: str, keys: Keys, text: str) -> list[str]:
    """The versions in a requirement on the upstream, or beside its name, as in tables of pixi."""
    if required_name(head_of(text)) == upstream:
        return [each.version for each in specifier_of(text) or ()]
    holder = keys[-2:-1] if keys[-1] == "version" else keys[-1:]
    is_named = holder and isinstance(holder[0], str) and canonicalize_name(holder[0]) == upstream
    return VERSIONS.findall(text) if is_named and BEGINS_WITH_VERSION.match(text) else []


def _texts(tree: object, keys: Keys) -> Iterator[tuple[Keys, str]]:
    if isinstance(tree, str):
        yield keys, tree
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from _texts(value, (*keys, key))
