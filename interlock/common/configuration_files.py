"""Parses TOML and INI that strangers wrote, with limits that the standard library has not got."""

import configparser
import tomllib
from collections.abc import Iterable

# A hand-written configuration has some kilobytes, and a lock of a thousand packages some hundred.
LARGEST = 4 << 20
# People write up to ten.
MOST_LEVELS = 100
# The time for a dotted key grows with the square of its dots; so many take about a second.
MOST_DOTS_SQUARED = 10_000_000
# The time for a line of an INI file grows with the square of its length; so many take about a second.
MOST_LENGTHS_SQUARED = 100_000_000


class HostileFileError(ValueError):
    """A file of a shape that nobody writes by hand; the message says which, without its name."""


def load_toml(text: str, *, most: int = LARGEST) -> dict[str, object]:
    """The tables of a TOML file.

    Args:
        text: The file.
        most: How many characters it may have.

    Raises:
        TOMLDecodeError: It is not valid.
        HostileFileError: It can't be parsed within a reasonable time and depth.
    """
    if len(text) > most:
        raise HostileFileError(f"is larger than {most >> 20} MiB")
    if sum(line.count(".") ** 2 for line in text.splitlines()) > MOST_DOTS_SQUARED:
        raise HostileFileError("has lines with thousands of dots")
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise HostileFileError("is nested too deeply") from None
    except ValueError as error:
        raise HostileFileError(f"has a value that can't be read: {error}") from None
    if _is_deep(tables):
        raise HostileFileError("is nested too deeply")
    return tables


def _is_deep(tables: object) -> bool:
    """Whether tables and lists are nested deeper than everything that walks through them by recursion can follow."""
    level = [tables]
    for _ in range(MOST_LEVELS):
        level = [inner for each in level for inner in _inside(each)]
    return bool(level)


def _inside(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def load_ini(text: str) -> configparser.RawConfigParser:
    """The sections of an INI file.

    Raises:
        configparser.Error: It is not valid.
        HostileFileError: It can't be parsed within a reasonable time.
    """
    if sum(len(line) ** 2 for line in text.splitlines()) > MOST_LENGTHS_SQUARED:
        raise HostileFileError("has lines with thousands of characters")
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return parser
