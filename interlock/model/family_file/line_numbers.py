"""In which line of a family file a key or an element is, found by trying (see `interlock.common.locate`)."""

import re
import tomllib

from interlock.common.locate import Keys, line_at, locate, value_at

# What is added to a name, or put into a list, to see whether it is the one that is meant; no family file has either.
MARK, ELEMENT = "-here", "inf"
HEADER = re.compile(r"\s*\[\[")
BLANK = re.compile(r"(?:\s|#.*)*")


def line_of_keys(text: str, keys: Keys) -> int:
    """The line, from 1, of the longest part of a path of keys that exists in a file that parses.

    A name that is written with escapes is not found: the line is that of the table around it.
    """
    whole, at = _parsed(text), 0
    for depth, step in enumerate(keys):
        if value_at(whole, keys[: depth + 1]) is None:
            break
        at = _key(text, keys[:depth], step, at) if isinstance(step, str) else _element(text, keys[:depth], step, at)
    return line_at(text, at)


def _key(text: str, table: Keys, name: str, start: int) -> int:
    """Where a table, which begins at `start`, is given a key; for tables `[[name]]`, where the next one begins."""
    place = (*table, name + MARK)
    at = locate(text, name, name + MARK, lambda changed: value_at(_parsed(changed), place) is not None, start)
    return start if at is None else at


def _element(text: str, array: Keys, number: int, start: int) -> int:
    """Where an element of a list begins, whose key or first header is at `start`."""
    if HEADER.match(text, text.rfind("\n", 0, start) + 1):
        for _ in range(number):
            start = _key(text, array[:-1], str(array[-1]), start + 1)
        return start
    whole = value_at(_parsed(text), array)
    assert isinstance(whole, list)
    wanted = [*whole[:number], float(ELEMENT), *whole[number:]]
    before = "," if number else "["
    new = f"{before}{ELEMENT},"
    at = locate(text, before, new, lambda changed: value_at(_parsed(changed), array) == wanted, start)
    return start if at is None else next(BLANK.finditer(text, at + 1)).end()


def _parsed(text: str) -> object:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
