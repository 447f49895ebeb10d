"""Readers of a version: functions from a file's bytes to the version's text."""

import ast
import configparser
import itertools
import json
import re
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

from interlock.common import python_source
from interlock.common.configuration_files import HostileFileError, load_ini, load_toml
from interlock.common.locate import locate
from interlock.common.sanitize import cut
from interlock.project.version.pattern import Found, SlowPatternError, search

SIMPLER = "make it plain: shorter lines, fewer levels, less of it"
LONGEST_QUOTED = 200
Reader = Callable[[bytes], str]


class PositionReader(ABC):
    """A reader that knows where its text stands."""

    @abstractmethod
    def __call__(self, content: bytes) -> str:
        """The text."""

    @abstractmethod
    def start(self, content: bytes) -> int:
        """The position of its first byte."""


class UnreadableError(Exception):
    """A file that a reader can't read.

    Args:
        message: What is wrong.
        line: Where, counted from 1.
        hint: What to do.
    """

    def __init__(self, message: str, line: int = 1, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.line, self.hint = message, line, hint


def start_of(content: bytes, reader: Reader) -> int:
    """The position of the first byte that a reader reads from a file (see `interlock.common.locate`).

    Raises:
        UnreadableError: The reader can't read it; or it is written in several pieces or with escapes.
    """
    if isinstance(reader, PositionReader):
        return reader.start(content)
    text = reader(content)
    # Another version of the same shape, so that a pattern which takes one takes both.
    other = re.sub(r"[0-9]", lambda digit: str((int(digit[0]) + 1) % 10), text)
    start = locate(content, text.encode(), other.encode(), lambda changed: _reads(reader, changed) == other)
    if start is None:
        hint = "write it as one plain text in quotes"
        message = f'the version "{text}" does not stand there as it is'
        raise UnreadableError(message, line_of(content, text.encode()), hint)
    return start


def line_of(content: bytes, wanted: bytes) -> int:
    """The line, counted from 1, of the first occurrence; 1 when there is none."""
    return content.count(b"\n", 0, max(0, content.find(wanted))) + 1


def _reads(reader: Reader, content: bytes) -> str | None:
    try:
        return reader(content)
    except UnreadableError:
        return None


def read_toml(content: bytes) -> dict[str, object]:
    """The tables of a TOML file.

    Raises:
        UnreadableError: It is not valid TOML.
    """
    try:
        return load_toml(_decoded(content))
    except HostileFileError as error:
        raise UnreadableError(str(error), hint=SIMPLER) from None
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+)", str(error))
        hint = "save it without a byte order mark" if content.startswith(b"\xef\xbb\xbf") else None
        raise UnreadableError(f"is no valid TOML: {error}", int(at[1]) if at else 1, hint) from None


def toml_value(*keys: str) -> Reader:
    """Reads a text by its keys from a TOML file."""

    def read(content: bytes) -> str:
        value: object = read_toml(content)
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, str):
            raise UnreadableError(f"{'.'.join(keys)} must be a text in quotes", line_of(content, keys[-1].encode()))
        return value

    return read


def json_value(*keys: str) -> Reader:
    """Reads a text by its keys from a JSON file."""

    def read(content: bytes) -> str:
        try:
            value = json.loads(_decoded(content))
        except (ValueError, RecursionError) as error:
            raise UnreadableError(f"is no valid JSON: {error}") from None
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, str):
            raise UnreadableError(f"{'.'.join(keys)} must be a text", line_of(content, keys[-1].encode()))
        return value

    return read


def ini_value(section: str, name: str) -> Reader:
    """Reads an option from an INI file such as `setup.cfg`."""

    def read(content: bytes) -> str:
        value: str | None = read_ini(content).get(section, name, fallback=None)
        if value is None:
            raise UnreadableError(f"[{section}] has no {name}", line_of(content, f"[{section}]".encode()))
        return value

    return read


def read_ini(content: bytes) -> configparser.RawConfigParser:
    """The sections of an INI file.

    Raises:
        UnreadableError: It is not valid.
    """
    try:
        return load_ini(_decoded(content))
    except HostileFileError as error:
        raise UnreadableError(str(error), hint=SIMPLER) from None
    except configparser.Error as error:
        at = re.search(r"line:? +(\d+)", str(error))
        raise UnreadableError(f"can't be read: {' '.join(str(error).split())}", int(at[1]) if at else 1) from None


def whole_text(content: bytes) -> str:
    """Reads a file that holds only the version."""
    return _decoded(content).strip()


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise UnreadableError("is not in UTF-8", hint="save it in UTF-8") from None


class Line(PositionReader):
    """Reads the group `version` of the one match of a regular expression of ours, in files of other tools.

    Args:
        pattern: Takes time that grows with the file's length alone.
        named: What is looked for, in words.
        hint: What to do if that is not there, or more than once.
    """

    def __init__(self, pattern: str, named: str, hint: str | None = None) -> None:
        self._pattern, self._named, self._hint = re.compile(pattern.encode(), re.MULTILINE), named, hint

    def __call__(self, content: bytes) -> str:
        """The text of the group."""
        return _decoded(self._found(content)["version"])

    def start(self, content: bytes) -> int:
        """The position of its first byte."""
        return self._found(content).start("version")

    def _found(self, content: bytes) -> re.Match[bytes]:
        found = list(itertools.islice(self._pattern.finditer(content), 2))
        if len(found) != 1:
            line = content.count(b"\n", 0, found[1].start("version")) + 1 if found else 1
            raise UnreadableError(f"has {self._named} {'more than once' if found else 'nowhere'}", line, self._hint)
        return found[0]


class Matched(PositionReader):
    """Reads the group `version` of a regular expression's first match, as hatchling does.

    Args:
        pattern: The regular expression.

    Raises:
        UnreadableError: It is not one, or has no such group.
    """

    def __init__(self, pattern: str) -> None:
        try:
            groups = re.compile(pattern, re.MULTILINE).groupindex
        except (re.error, RecursionError, OverflowError, ValueError) as error:
            quoted = cut(repr(pattern), LONGEST_QUOTED)
            raise UnreadableError(f"the pattern {quoted} is no regular expression: {error}") from None
        if "version" not in groups:
            hint = "name the version's place in it: (?P<version>...)"
            raise UnreadableError(f"the pattern {pattern!r} has no group named version", hint=hint)
        self._pattern = pattern

    def __call__(self, content: bytes) -> str:
        """The text of the group."""
        return self._found(content).text

    def start(self, content: bytes) -> int:
        """The position of its first byte."""
        return self._found(content).start

    def _found(self, content: bytes) -> Found:
        quoted = cut(repr(self._pattern), LONGEST_QUOTED)
        try:
            found = search(self._pattern, _decoded(content))
        except SlowPatternError:
            hint = "simplify it: no repetition inside of a repetition"
            raise UnreadableError(f"the pattern {quoted} takes too long to be searched for", hint=hint) from None
        if found is None:
            raise UnreadableError(f"nothing in it matches the pattern {quoted}")
        return found


def assigned(name: str) -> Reader:
    """Reads the text that a Python module assigns to a name at its top level."""

    def read(content: bytes) -> str:
        values = list(assignments(parse_python(content), name))
        if not values:
            raise UnreadableError(f"{name} is not assigned at the top level", hint=f'write {name} = "1.2.3" there')
        if len(values) > 1:
            raise UnreadableError(f"{name} is assigned more than once", values[1].lineno, "keep one of them")
        return _text(values[0], name)

    return read


def setup_keyword(keyword: str) -> Reader:
    """Reads a keyword, which must be there, from the one call of `setup(...)` in a `setup.py`."""
    return lambda content: _text(setup_keywords(content)[keyword], keyword)


def setup_keywords(content: bytes) -> dict[str, ast.expr]:
    """The arguments of the one call of `setup(...)` in a `setup.py`, by keyword.

    Raises:
        UnreadableError: It is not valid Python, or there is not exactly one such call.
    """
    tree = parse_python(content)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_setup(node.func)]
    if len(calls) != 1:
        message = f"calls setup() {len(calls)} times, so what it is told can't be known without running it"
        raise UnreadableError(message, calls[1].lineno if calls else 1, "move the metadata into pyproject.toml")
    given = {keyword.arg: keyword.value for keyword in calls[0].keywords if keyword.arg}
    spread = [keyword.value for keyword in calls[0].keywords if keyword.arg is None]
    return {name: value for each in spread for name, value in _dict_items(tree, each)} | given


def _dict_items(tree: ast.Module, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """The items of a dict that is assigned once at the top level, for `setup(**items)`."""
    values = list(assignments(tree, value.id)) if isinstance(value, ast.Name) else [value]
    match values:
        case [ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords)]:
            yield from ((keyword.arg, keyword.value) for keyword in keywords if keyword.arg)
        case [ast.Dict(keys=keys, values=items)]:
            pairs = zip(keys, items, strict=True)
            yield from ((str(key.value), item) for key, item in pairs if isinstance(key, ast.Constant))


def _is_setup(function: ast.expr) -> bool:
    name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", None)
    return name == "setup"


def parse_python(content: bytes) -> ast.Module:
    """The syntax tree of a module.

    Raises:
        UnreadableError: It is not valid Python.
    """
    try:
        return python_source.parse(content)
    except SyntaxError as error:
        raise UnreadableError(f"is no valid Python: {error}", getattr(error, "lineno", None) or 1) from None


def assignments(tree: ast.Module, name: str) -> Iterator[ast.expr]:
    """The values that are assigned to a name at a module's top level."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if value is not None and any(isinstance(target, ast.Name) and target.id == name for target in targets):
            yield value


def _text(value: ast.expr, name: str) -> str:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value
    hint = "write the version there as a text in quotes"
    raise UnreadableError(f"{name} is not a plain text, so it can't be known without running it", value.lineno, hint)
