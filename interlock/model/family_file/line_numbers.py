"""The line of a key or an element in a family file, found by trying (see `interlock.common.locate`)."""

import re
import tomllib

from interlock.common.locate import Keys, line_at, locate, value_at

# Added to a name, or put into a list, to see whether it is the right one; no family file has either.
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
    """The position of a key in a table that starts at `start`; for tables `[[name]]`, that of the next one."""
    keys = (*table, name + MARK)
    at = locate(text, name, name + MARK, lambda changed: value_at(_parsed(changed), keys) is not None, start)
    return start if at is None else at


def _element(text: str, array: Keys, number: int, start: int) -> int:
    """The position of an element of a list that has its key or first header at `start`."""
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
