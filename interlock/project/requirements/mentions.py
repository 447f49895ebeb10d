"""Where else a repository's files name a package beside a version: for a person to look at, since nothing edits it."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from packaging.version import InvalidVersion, Version

from interlock.common.bounded_files import UnreadableFileError, read_bounded
from interlock.common.locate import line_at
from interlock.common.sanitize import cut

NOT_EDITED = "which is not edited: see whether it still fits"
MOST_REMARKS = 20
LARGEST = 1 << 20
MOST_BYTES = 64 << 20  # of all files together: a second or two
LONGEST_SHOWN = 120
# Written by tools, or about the past.
LEFT_OUT = re.compile(
    r"(?i).*\.lock|.*[-_.]lock\.(json|ya?ml)|pylock\.(.*\.)?toml"
    r"|(changelog|changes|history|news|releases|release[-_]?notes)(\..*)?"
)
PAST = frozenset({"changelog", "changelog.d", "changelogs", "changes", "newsfragments", "news.d"})
_NAME = r"(?i)(?<![A-Za-z0-9_.-])%s(?:\.git)?"
_VERSION = (
    r"(?P<version>v?(?:[0-9]+!)?[0-9]+(?:\.[0-9]+)*(?:[-_.]?(?:a|b|rc|post|dev)\.?[0-9]+)*(?:\.\*)?)(?![A-Za-z0-9])"
)
# `name==1`, `name[x] (>=1.2)`, `name = {version = "^1.2"}`, `name@v1.2`, `name-1.2.whl`, `NAME_VERSION=1.2`, `name 1.2`
BESIDE = (
    _NAME
    + r"(?:[ \t]*\[[^\]\n]{0,100}\])?(?:[-_]version)?(?P<between>(?:[^A-Za-z0-9\n{]{1,8}\{[^{}\n]{0,200}?\bversion)?"
    r"[^A-Za-z0-9\n]{1,12}"
    r"(?:(?:version|tag|rev|ref|archive/refs/tags|archive|releases/download|tree)[^A-Za-z0-9\n]{1,8})?)" + _VERSION
)
COMPARED = re.compile("[=<>~^@]")
# In YAML and JSON the version stands some lines below the name, as in a configuration of pre-commit.
BELOW = (
    _NAME + r"[^A-Za-z0-9\n]{0,8}(?:#[^\n]{0,200})?\r?\n(?:[^\n]{0,200}\n){0,2}?"
    r"[ \t\"'-]{0,40}(?P<between>(?:rev|ref|tag|version)[\"']?\s?[:=][ \t]{0,4}[\"']?)" + _VERSION
)


class Handled(NamedTuple):
    """A file with requirements that are dealt with.

    Attributes:
        lines: The lines of these, counted from 1.
        is_done: Whether all else in it is dealt with too.
    """

    lines: Collection[int]
    is_done: bool


def mentions(
    root: Path, tree: Iterable[Path], upstream: str, version: Version, handled: Mapping[Path, Handled]
) -> Iterator[str]:
    """Remarks about files that name an upstream beside an earlier version: one for each, and so many at most.

    Args:
        root: The repository.
        tree: Its files, relative to it.
        upstream: The canonical name.
        version: The upstream's new version.
        handled: The files with requirements that are dealt with; their comments are not looked at.
    """
    found = _mentions(root, tree, upstream, version, handled)
    yield from islice(found, MOST_REMARKS)
    if more := sum(1 for _ in found):
        yield f"{more} more files name an earlier version of {upstream}"


def _mentions(
    root: Path, tree: Iterable[Path], upstream: str, version: Version, handled: Mapping[Path, Handled]
) -> Iterator[str]:
    patterns, size = [re.compile(pattern.replace("%s", name_pattern(upstream))) for pattern in (BESIDE, BELOW)], 0
    for path in tree:
        known = handled.get(path, Handled((), is_done=False))
        if known.is_done or LEFT_OUT.fullmatch(path.name) or not PAST.isdisjoint(map(str.lower, path.parts[:-1])):
            continue
        text = _text(root / path)
        size += len(text)
        if size > MOST_BYTES:
            yield f"{path.as_posix()} and what comes after it were not searched for {upstream}: it is too much"
            return
        found = (each for pattern in patterns for each in pattern.finditer(text))
        if first := next((each for each in found if _is_meant(each, version, known, handled=path in handled)), None):
            line = line_at(text, first.start("version"))
            yield f"{path.as_posix()}:{line}: has {cut(first[0], LONGEST_SHOWN)}, {NOT_EDITED}"


def _is_meant(found: re.Match[str], version: Version, known: Handled, *, handled: bool) -> bool:
    if not is_earlier(found["version"], version):
        return False
    if "." not in found["version"] and not COMPARED.search(found["between"]):
        return False  # a number, as in "core 3 times"
    if not handled:
        return True
    before = found.string[found.string.rfind("\n", 0, found.start()) + 1 : found.start()]
    return "#" not in before and line_at(found.string, found.start()) not in known.lines


def name_pattern(upstream: str) -> str:
    """A regular expression for a canonical name in any of its forms."""
    return "[-_.]{1,3}".join(map(re.escape, upstream.split("-")))


def is_earlier(text: str, version: Version) -> bool:
    """Whether a text is a version before another; a prefix such as `1.4.*` is the first version that it has."""
    if len(text) > LONGEST_SHOWN:  # from 4,300 digits on, a version is no number to Python
        return False
    try:
        return Version(text.strip().removesuffix(".*")) < version
    except InvalidVersion:
        return False


def _text(path: Path) -> str:
    """A file's text; nothing for what is no text, or is too large to be written by hand."""
    try:
        content = read_bounded(path, LARGEST)
    except (OSError, UnreadableFileError):
        return ""
    return "" if b"\0" in content else content.decode("utf-8", "replace")
