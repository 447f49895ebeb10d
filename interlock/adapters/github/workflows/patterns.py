"""GitHub's filter patterns of branches, tags and paths, in time that grows with pattern and text alone.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

# A longer pattern than any name that Git or GitHub takes is cut.
LONGEST = 500
_TOKEN = re.compile(r"\\(?P<escaped>.)|\[(?P<set>[^\]]*)\]|(?P<any>\*\*)|(?P<within>\*)|(?P<plain>.)", re.DOTALL)


class _Token(NamedTuple):
    """A kind of character, and how often it may stand there."""

    takes: Callable[[str], bool]
    least: int = 1
    is_repeated: bool = False

    def after(self, places: set[int], text: str) -> set[int]:
        """Where the text may go on behind this token, from any of these places."""
        found = set() if self.least else set(places)
        step = places
        while step := {at + 1 for at in step if at < len(text) and self.takes(text[at])} - found:
            found |= step
            if not self.is_repeated:
                break
        return found


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern without a leading `!` matches the whole text."""
    places = {0}
    for token in _tokens(pattern[:LONGEST]):
        places = token.after(places, text)
    return len(text) in places


def selects(patterns: Iterable[str], text: str) -> bool:
    """Whether a list of patterns includes a text: of those that match, the last one decides, and `!` excludes."""
    chosen = False
    for pattern in patterns:
        if matches(pattern.removeprefix("!"), text):
            chosen = not pattern.startswith("!")
    return chosen


def _tokens(pattern: str) -> Iterator[_Token]:
    last: _Token | None = None
    for found in _TOKEN.finditer(pattern):
        if last is not None and found["plain"] in {"?", "+"}:
            yield last._replace(least=0) if found["plain"] == "?" else last._replace(is_repeated=True)
            last = None
            continue
        if last is not None:
            yield last
        last = _token(found)
    if last is not None:
        yield last


def _token(found: re.Match[str]) -> _Token:
    if found["any"]:
        return _Token(lambda _: True, 0, is_repeated=True)
    if found["within"]:
        return _Token(lambda letter: letter != "/", 0, is_repeated=True)
    if found["set"] is not None:
        listed = frozenset(_listed(found["set"]))
        return _Token(listed.__contains__)
    wanted = found["escaped"] or found["plain"]
    return _Token(lambda letter: letter == wanted)


def _listed(text: str) -> Iterator[str]:
    for found in re.finditer(r"(.)-(.)|(.)", text, re.DOTALL):
        first, last, one = found.groups()
        yield from [one] if one else map(chr, range(ord(first), min(ord(last), 0x7F) + 1))
