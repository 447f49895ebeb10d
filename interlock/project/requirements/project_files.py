"""Requirements in `pyproject.toml`, `setup.cfg` and `setup.py`."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

from interlock.common import python_source
from interlock.common.configuration_files import load_toml
from interlock.common.locate import Keys, line_at, value_at
from interlock.project.requirements.location import PEP_508, POETRY, Dialect, File, Location, Parse, found_at
from interlock.project.requirements.pep508 import head_of, required_name, specifier_of
from interlock.project.version.project import PYPROJECT, SETUP_CFG, SETUP_PY, Project
from interlock.project.version.readers import UnreadableError, line_of, read_ini

IN_CODE = "it stands in code: write it into pyproject.toml or setup.cfg, where it can be moved"
BY_HAND = "it is no version that can be moved: change it by hand"


class Entry(NamedTuple):
    """A requirement in a parsed file, by the keys that lead to it.

    Attributes:
        hand: Why only a person can change it, if that is so.
    """

    keys: Keys
    text: str
    dialect: Dialect = PEP_508
    hand: str | None = None


def project_files(project: Project, upstream: str) -> Iterator[File]:
    """The files of a project that are parsed as a whole and require the upstream.

    Raises:
        BuildError: One is not valid.
    """
    if project.has(PYPROJECT):
        text = project.read(PYPROJECT, bytes.decode)
        yield _file(PYPROJECT, text, load_toml, toml_entries(project.pyproject, upstream))
    if project.has(SETUP_CFG):
        text = project.read(SETUP_CFG, bytes.decode)
        yield _file(SETUP_CFG, text, _ini, ini_entries(_ini(text), upstream))
    if project.has(SETUP_PY):
        yield File(SETUP_PY, "", tuple(project.read(SETUP_PY, lambda content: tuple(_in_code(content, upstream)))))


def _file(path: Path, text: str, parse: Parse, entries: Iterator[Entry]) -> File:
    return File(path, text, tuple(_location(path, text, parse, entry) for entry in entries), parse)


def _location(path: Path, text: str, parse: Parse, entry: Entry) -> Location:
    value = value_at(parse(text), entry.keys)
    head = entry.dialect.head(value).rstrip() if isinstance(value, str) else ""
    start = found_at(text, parse, entry.keys, head) if head else None
    near = str(next(key for key in reversed(entry.keys) if isinstance(key, str)))
    line = line_of(text.encode(), near.encode()) if start is None else line_at(text, start)
    named = ".".join(key for key in entry.keys if isinstance(key, str))
    return Location(path, line, named, entry.text, start, entry.dialect, entry.keys, entry.hand)


def toml_entries(tree: object, upstream: str) -> Iterator[Entry]:
    """The requirements on the upstream in what a `pyproject.toml` says."""
    for keys in _lists(tree):
        yield from _listed(value_at(tree, keys), keys, upstream)
    for keys in _poetry_tables(tree):
        yield from _poetry_entries(value_at(tree, keys), keys, upstream)


def _lists(tree: object) -> Iterator[Keys]:
    yield ("project", "dependencies")
    for table in (("project", "optional-dependencies"), ("dependency-groups",)):
        yield from _below(tree, table)
    yield ("build-system", "requires")


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


def _poetry_entries(table: object, keys: Keys, upstream: str) -> Iterator[Entry]:
    for name, value in table.items() if isinstance(table, dict) else ():
        if canonicalize_name(name) != upstream:
            continue
        several = [((*keys, name, at), each) for at, each in enumerate(value)] if isinstance(value, list) else []
        for at, each in several or [((*keys, name), value)]:
            yield _poetry_entry(at, each)


def _poetry_entry(keys: Keys, value: object) -> Entry:
    if isinstance(value, dict) and isinstance(value.get("version"), str):
        return Entry((*keys, "version"), value["version"], POETRY)
    if isinstance(value, str):
        return Entry(keys, value, POETRY)
    return Entry(keys, str(value), POETRY, BY_HAND)


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
    """The requirements on the upstream in what a `setup.cfg` says."""
    for section, options in tree.items():
        for option in options:
            if (section, option.replace("-", "_")) in _INI_OPTIONS or section == "options.extras_require":
                yield from _listed(options[option], (section, option), upstream)


_INI_OPTIONS = {("options", "install_requires"), ("options", "setup_requires"), ("options", "tests_require")}


def _in_code(content: bytes, upstream: str) -> Iterator[Location]:
    """The requirements on the upstream in a `setup.py`; if the code can't be read, the build will say so."""
    try:
        tree = python_source.parse(content)
    except SyntaxError:
        return
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    for node in texts:
        text = str(node.value)
        if required_name(head_of(text)) == upstream and (specifier_of(text) or "@" in text):
            yield Location(SETUP_PY, node.lineno, SETUP_PY.name, text, None, hand=IN_CODE)


def other_versions(project: Project, upstream: str) -> Iterator[str]:
    """Remarks about the upstream's versions in other tools' tables of `pyproject.toml`."""
    known = {entry.keys for entry in toml_entries(project.pyproject, upstream)}
    for keys, text in _texts(project.pyproject, ()):
        if keys not in known and required_name(head_of(text)) == upstream and specifier_of(text):
            named = ".".join(key for key in keys if isinstance(key, str))
            yield f"{PYPROJECT}: {named} has {text}, which is not edited: see whether it still fits"


def _texts(tree: object, keys: Keys) -> Iterator[tuple[Keys, str]]:
    if isinstance(tree, str):
        yield keys, tree
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from _texts(value, (*keys, key))
