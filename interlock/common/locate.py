"""Finds the position of a value in a file, in any format that can be parsed: TOML, INI, Python, a pattern.

Theory of operation. A parser gives values without positions. So the position is found by trying: at each occurrence of
the value's text, the text is changed and the changed file is parsed. The position is right when the file then has the
same values as before, except for this one.

This holds whatever surrounds the value (quotes, tables, comments, continued lines), since only the parser decides. The
same text in a comment, or under another key, changes another value or none. A changed file that can't be parsed is one
more wrong position. A value that is written with escapes or in pieces is not found; callers report that, or take the
position of what surrounds it.

Each occurrence costs one parse. Files are small (a family file takes a millisecond or two), and a search may start
where the surrounding table starts.
"""

from collections.abc import Callable
from typing import AnyStr

Keys = tuple[str | int, ...]
"""The keys and positions that lead to a value in a parsed file."""


def locate(content: AnyStr, old: AnyStr, new: AnyStr, is_meant: Callable[[AnyStr], bool], start: int = 0) -> int | None:
    """The position of the occurrence of a text that is meant; None when there is none from `start` on.

    Args:
        content: The file's content.
        old: The text.
        new: What it is changed to, to try.
        is_meant: Whether the changed content has the values that it should have then.
        start: Where the search starts.
    """
    at = content.find(old, start)
    while at >= 0 and not is_meant(content[:at] + new + content[at + len(old) :]):
        at = content.find(old, at + 1)
    return at if at >= 0 else None


def value_at(tree: object, keys: Keys) -> object:
    """The value under these keys in a parsed file; None when there is none."""
    for key in keys:
        match tree, key:
            case dict(), str():
                tree = tree.get(key)
            case list(), int() if key < len(tree):
                tree = tree[key]
            case _:
                return None
    return tree


def line_at(text: str, start: int) -> int:
    """The line of a position, counted from 1."""
    return text.count("\n", 0, start) + 1
