"""Where the files of a project still name the version that a release replaces.

Which of these places are copies of the version, only a person knows, so they are named and nothing else. A line counts
if it has the whole number, and a word that says what the number is: version, release, tag, rev, ref, or the
distribution's name. In a file with such a word in its name, as `VERSION`, the number alone counts too.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version

from interlock.common.bounded_files import UnreadableFileError, read_bounded

# What tells the past or pins others by right, and what is made by tools.
NOT_COPIES = re.compile(
    r"(^|/)((change|history|news|releases?\b|authors|upgrading|migrat)[^/]*|[^/]*\.(lock|ipynb|svg|po|pot|patch)|"
    r"[^/]*requirements[^/]*|[^/]*constraints[^/]*|(package|npm)-[^/]*\.json|pylock[^/]*)$",
    re.IGNORECASE,
)
NOT_SOURCES = frozenset(
    (
        *("test", "tests", "testing", "fixtures", "testdata", "locale", "locales", ".git"),
        *("changes", "changelog", "changelog.d", "history", "newsfragments", "news", "release_notes", "releasenotes"),
        *("_vendor", "vendor", "vendored", "_vendored", "third_party", "node_modules", "site-packages"),
    )
)
LARGEST_FILE = 1 << 20
LONGEST_LINE = 1_000
MOST_FILES = 20_000
MOST_MENTIONS = 5


def mentions(root: Path, name: str, version: Version) -> tuple[str, ...]:
    """The places, each as file and line, at most a few; then how many more there are.

    Args:
        root: The project's directory.
        name: The distribution's name.
        version: The version that was replaced.
    """
    found = list(_found(root, name, version))
    more = len(found) - MOST_MENTIONS
    return (*found[:MOST_MENTIONS], *([f"{more} more places"] if more > 0 else []))


def _found(root: Path, name: str, version: Version) -> Iterator[str]:
    number, words = _number(version), _words(name)
    for path in _files(root):
        try:
            content = read_bounded(root / path, LARGEST_FILE)
        except (OSError, UnreadableFileError):
            continue
        if b"\0" in content or not number.search(content):
            continue
        is_named = words.search(path.name.encode(errors="replace")) is not None
        for line, text in enumerate(content.splitlines(), 1):
            if len(text) > LONGEST_LINE or text.startswith(b"<?xml") or not number.search(text):
                continue
            if words.search(text) or (is_named and number.fullmatch(text.strip())):
                yield f"{path.as_posix()}:{line}"


def _files(root: Path) -> Iterator[Path]:
    left = MOST_FILES
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        folders[:] = sorted(each for each in folders if each.lower() not in NOT_SOURCES)
        for path in (here / file for file in sorted(files)):
            left -= 1
            if left < 0:
                return
            if not NOT_COPIES.search(path.as_posix()):
                yield path


def _number(version: Version) -> re.Pattern[bytes]:
    """The version as one number, or as numbers with commas between them; parts may be padded with zeros."""
    release = r"(?:\.|,[ ]?)".join(f"0*{part}" for part in version.release)
    rest = re.escape(str(version).removeprefix(version.base_version))
    # Neither the end of another number, nor its beginning: not 11.2.3, 1.2.30, 1.2.3.4, 1.2.3rc1, nor <=1.2.3.
    return re.compile(rf"(?<![\w.])(?<![<>!~]=)(?<![<>])v?{release}{rest}(?![\w+-]|\.\w)".encode())


def _words(name: str) -> re.Pattern[bytes]:
    spelled = r"[-_.]".join(map(re.escape, canonicalize_name(name).split("-")))
    return re.compile(rf"version|release|\b(?:rev|tag|ref)\b|{spelled}".encode(), re.IGNORECASE)
