"""In which line of a TOML file a key or an element is; the parser of the standard library does not say."""

import bisect
import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any

Keys = tuple[str | int, ...]
"""The keys and positions that lead to a value."""

# What can end an array, or a table inside one, in the middle of a statement.
_CLOSERS = ("]", "}]", "]}]", "]]")


class Places:
    """Finds lines in a file that parses.

    A key is on the first line after which it exists when only that much of the file is parsed. Nothing is parsed until
    something is looked for: this serves errors alone.
    """

    def __init__(self, text: str) -> None:
        self._lines = text.replace("\r\n", "\n").split("\n")
        self._whole = cache(self._parse_whole)

    def line(self, path: Keys) -> int:
        """The line, from 1, of the longest part of this path of keys that exists."""
        whole = self._whole(len(self._lines))[1]
        while path and not _holds(whole, path):
            path = path[:-1]
        if not path:
            return 1
        counts = range(len(self._lines) + 1)
        last = bisect.bisect_left(counts, True, key=lambda count: _holds(self._whole(count)[1], path))
        before, contents = self._whole(last - 1)
        depth = next(depth for depth in range(len(path), -1, -1) if _holds(contents, path[:depth]))
        is_entry = any(isinstance(step, int) for step in path[depth:])
        return self._inside(before + 1, last, path) if is_entry else before + 1

    def _parse_whole(self, count: int) -> tuple[int, Mapping[str, Any]]:
        """How many of the first `count` lines are whole statements, and what these say."""
        for whole in range(count, 0, -1):
            contents = _parse("\n".join(self._lines[:whole]))
            if contents is not None:
                return whole, contents
        return 0, {}

    def _inside(self, first: int, last: int, path: Keys) -> int:
        """The line of an array's entry: the first after which, with all brackets closed, it exists."""
        for line in range(first, last):
            for closer in _CLOSERS:
                contents = _parse("\n".join([*self._lines[:line], closer]))
                if contents is not None and _holds(contents, path):
                    return line
        return last


def _parse(text: str) -> Mapping[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _holds(contents: Any, path: Keys) -> bool:  # noqa: ANN401 - any TOML value
    try:
        for step in path:
            contents = contents[step]
    except (KeyError, IndexError, TypeError):
        return False
    return True
