"""The part of a version that commits ask for, by their messages: https://www.conventionalcommits.org, version 1.0.0.

Messages are other people's text: they are read by patterns that take linear time.
"""

import re
from collections.abc import Iterable

from packaging.version import Version

from interlock.model.bump import HEIGHT, Part, ReleasePart, enough

# What reaches no user of the package. Everything else is a patch, also a subject that follows no convention.
UNRELEASED = frozenset({"chore", "ci", "doc", "docs", "style", "test", "tests"})
_HEADER = re.compile(r"([a-zA-Z]{1,30})(?:\([^()\n]{0,100}\))?(!?): \S")
_BREAKING = re.compile(r"^BREAKING[ -]CHANGE: ", re.MULTILINE)
# The commits that a merge brings are in the history themselves; GitHub puts the pull request's title below.
_MERGE = re.compile(r"Merge (?:pull request|branch|branches|tag|commit|remote-tracking branch) ")


def part_of(message: str) -> ReleasePart | None:
    """The part that one commit asks for; None for one that changes nothing for users."""
    text = message.replace("\r\n", "\n")
    subject, _, body = text.partition("\n")
    is_merge = _MERGE.match(subject) is not None
    if is_merge:
        subject = body.lstrip("\n").partition("\n")[0]
    header = _HEADER.match(subject)
    if _BREAKING.search(text) or (header and header[2]):
        return Part.MAJOR
    if header is None:
        return None if is_merge else Part.PATCH
    kind = header[1].lower()
    if kind in UNRELEASED:
        return None
    return Part.MINOR if kind == "feat" else Part.PATCH


def highest(messages: Iterable[str]) -> ReleasePart | None:
    """The highest part that commits ask for; None when nothing of them reaches users."""
    return max(filter(None, map(part_of, messages)), key=lambda part: HEIGHT[part], default=None)


def part_for(messages: Iterable[str], newest: Version | None) -> ReleasePart:
    """The part that moves in the newest version, or in the first one, when these commits are released.

    What is released though none of them reaches users, as with a moved requirement, is a patch.
    """
    return enough(highest(messages) or Part.PATCH, newest or Version("0"))
