"""A changelog as sections of versions: which one is not released yet, and which one is a version's."""

import bisect
import re
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from packaging.version import InvalidVersion, Version

from interlock.project.changelog.headings import ATX, CODE, Heading, headings

# How changelogs say that something is not out yet.
OPEN = re.compile(
    r"\b(?:unreleased|not (?:yet )?released|tb[ad]|(?:in|under) development|in progress)\b"
    r"|\b(?:\d{4}|xxxx|yyyy)-(?:xx|mm)-(?:xx|dd)\b",
    re.IGNORECASE,
)
_NAMELESS = re.compile(
    r"(?:unreleased(?: changes)?|(?:next|upcoming) (?:release|version|changes)|upcoming)", re.IGNORECASE
)
_OPEN_LINE = re.compile(rf"[\W_]*(?:(?:release date|released|date|status)\W*)?(?:{OPEN.pattern})[\W_]*", re.IGNORECASE)
# Up to three words, as "acme-core version", come before a version in a heading.
_VERSION = re.compile(r"[\W_]*(?:[A-Za-z][\w.-]*[\s:]+\[?){0,3}?\[?[vV]?\.?(\d[\w.!+-]*)")
_NOTHING = re.compile(r"[\W_]*(?:(?:nothing|none|no changes)(?: changed)?|n/?a)?(?: yet| here)*[\W_]*", re.IGNORECASE)
# A longer line is no heading, and says something.
LONGEST = 300
# Where a comment may begin, or code within a line.
_COMMENT = re.compile(rf"(?P<block>^ {{0,3}}<!--)|<!--|{CODE}", re.MULTILINE)
DEFINITION = re.compile(r" {0,3}\[([^\]]+)\]:[ \t]*(\S+)\s*")


class Titled(NamedTuple):
    """The version in a heading's title: its text and its place there."""

    version: Version
    text: str
    start: int


def version_in(title: str) -> Titled | None:
    """The version that a heading is about; None for another heading, as a date or a topic."""
    if len(title) > LONGEST or (found := _VERSION.match(title)) is None:
        return None
    text = found[1].rstrip(".-:!+_")
    try:
        return Titled(Version(text), text, found.start(1))
    except InvalidVersion:
        return None


def is_nameless(title: str) -> bool:
    """Whether a heading is of what comes next, without a version: `[Unreleased]`."""
    if len(title) > LONGEST:
        return False
    plain = re.sub(r"\]\([^)]*\)|[\[\]*_`:(){}]", " ", title)
    return _NAMELESS.fullmatch(" ".join(plain.split()).rstrip(" -–—")) is not None


class Section(NamedTuple):
    """A heading and the lines below it, up to the next heading that is as high.

    Attributes:
        end: The line after its last one.
        open_line: The line below the heading that says "Unreleased", if one does.
    """

    heading: Heading
    end: int
    titled: Titled | None
    open_line: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it says that its version is not released."""
        return self.titled is None or self.open_line is not None or OPEN.search(self.heading.title) is not None

    @property
    def after_version(self) -> str:
        """What its title has behind the version, which may look like a date itself."""
        return self.heading.title[self.titled.start + len(self.titled.text) :] if self.titled else ""


class Changelog:
    """A changelog's text.

    Args:
        text: The whole file.
        markdown: Whether it is Markdown; else reStructuredText, or plain text in its form.
    """

    def __init__(self, text: str, *, markdown: bool) -> None:
        self.lines: Sequence[str] = text.splitlines(keepends=True)
        self.markdown = markdown

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The sections of versions, and of what comes next, in the order of the file."""
        found = headings([line.rstrip("\r\n") for line in self.lines], markdown=self.markdown)
        versions = [each for each in found if version_in(each.title) or is_nameless(each.title)]
        count = Counter(each.level for each in versions)
        usual = count.most_common(1)[0][0] if count else 0
        # A topic below may name a version, and so may the title of the file; some have greater versions one level up.
        chosen = [
            each
            for each in versions
            if each.level == usual or (each.level < usual and (count[each.level] > 1 or is_nameless(each.title)))
        ]
        first_lines = {each.first for each in chosen}
        return tuple(self._section(each, self._end(each, found, first_lines)) for each in chosen)

    def _end(self, heading: Heading, found: Sequence[Heading], first_lines: Container[int]) -> int:
        """The line of the next heading that is as high, or of the next section; it is near, so few are looked at."""
        at = bisect.bisect(found, heading.first, key=lambda each: each.first)
        following = (found[number] for number in range(at, len(found)))
        return next(
            (each.first for each in following if each.level <= heading.level or each.first in first_lines),
            len(self.lines),
        )

    def _section(self, heading: Heading, end: int) -> Section:
        while self.markdown and end > heading.end and _is_definition(self.lines[end - 1]):
            end -= 1
        below = next((number for number in range(heading.end, end) if self.lines[number].strip()), None)
        line = "" if below is None else self.lines[below].rstrip("\r\n")
        says_open = _says_open(line) and not (self.markdown and ATX.match(line))
        titled = None if is_nameless(heading.title) else version_in(heading.title)
        return Section(heading, end, titled, below if says_open and titled else None)

    def text_of(self, section: Section) -> str:
        """What stands below a section's heading; empty when that says nothing."""
        start = section.heading.end if section.open_line is None else section.open_line + 1
        text = "".join(self.lines[start : section.end]).strip("\r\n")
        plain = without_comments(text) if self.markdown else text
        return text if any(self._says_something(plain)) else ""

    def _says_something(self, text: str) -> Iterator[bool]:
        lines = text.splitlines()
        titles = {n for each in headings(lines, markdown=self.markdown) for n in range(each.first, each.end)}
        said = (line for number, line in enumerate(lines) if number not in titles)
        return (len(line) > LONGEST or not _NOTHING.fullmatch(line) for line in said)

    def of_version(self, version: Version) -> Section | None:
        """The section of a version, be it open; None when there is none."""
        return next((each for each in self.sections if each.titled and each.titled.version == version), None)

    def unreleased(self) -> Section | None:
        """The section of what is not released: the first one, since an older one has been forgotten."""
        first = next(iter(self.sections), None)
        return first if first and first.is_open else None


def _says_open(line: str) -> bool:
    return len(line) <= LONGEST and _OPEN_LINE.fullmatch(line) is not None


def without_comments(text: str) -> str:
    """Markdown without its comments; one that begins a line and never ends goes to the end of the text."""
    kept, place, end, blank = [], 0, -1, -1
    for found in _COMMENT.finditer(text):
        start = found.start()
        if start < place or found[0].startswith("`"):
            continue
        end = end if end > start else _find("-->", text, start)
        blank = blank if blank > start else _find(r"\n[ \t]*\r?\n", text, start)
        if found["block"] or end < blank:  # within a text, a comment does not go beyond it
            kept.append(text[place:start])
            place = end + len("-->")
    return "".join((*kept, text[place:]))


def _find(pattern: str, text: str, start: int) -> int:
    found = re.compile(pattern).search(text, start)
    return found.start() if found else len(text)


def _is_definition(line: str) -> bool:
    return not line.strip() or DEFINITION.fullmatch(line) is not None
