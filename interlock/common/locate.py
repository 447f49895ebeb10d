"""Where a value stands in a file, to the byte, in any format that something can read: TOML, INI, Python, a pattern.

A parser says what a file means and not where. So the place is found by trying. The text of the value is looked for in
the file; at each place where it stands, it is changed, the changed file is read, and the place is right when the file
then says what it should: the same as before, with that one value changed.

This is right whatever surrounds the value (quotes, tables, comments, continued lines), since nothing but the reader
itself decides. What merely looks the same, in a comment or under another key, changes something else or nothing. A
changed file that can't be read at all is just one more wrong place. Nothing is found where the value does not stand as
it is, but with escapes or in pieces; the callers say that to the user, or name a place around it.

Each place costs one reading. Texts are short and files small (a family file is read in a millisecond or two), and a
search may start where what surrounds the value begins.
"""

from collections.abc import Callable
from typing import AnyStr

Keys = tuple[str | int, ...]
"""The keys and positions that lead to a value in a parsed file."""


def locate(content: AnyStr, old: AnyStr, new: AnyStr, is_meant: Callable[[AnyStr], bool], start: int = 0) -> int | None:
    """The first place from `start` on where a text stands which, when it is changed, changes what is meant.

    Args:
        content: The file's content.
        old: The text that is looked for.
        new: What it is changed to, to try.
        is_meant: Whether the file's changed content says what it should say then.
        start: Where the search begins.
    """
    at = content.find(old, start)
    while at >= 0 and not is_meant(content[:at] + new + content[at + len(old) :]):
        at = content.find(old, at + 1)
    return at if at >= 0 else None


def value_at(tree: object, keys: Keys) -> object:
    """What is under these keys in a parsed file; None when there is nothing."""
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
