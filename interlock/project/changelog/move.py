"""Makes what a changelog has as unreleased the section of a version, in the form of the file."""

import re
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from packaging.version import Version

from interlock.project.changelog.dates import find_date
from interlock.project.changelog.document import DEFINITION, LONGEST, OPEN, Changelog, Section, is_nameless
from interlock.project.changelog.headings import ATX, Heading

_COMPARED = re.compile(r"(\S*/compare/)(\S+?)(\.{2,3})(\S+)")
# What closes a version in a title, with the address that it links to.
_CLOSING = re.compile(r"[\])*_`:]*(?:\((\S+)\))?")
# How far behind its version a title has a date.
NEAR = 24


class Release(NamedTuple):
    """What the section becomes: the version as files have it, its day, and the tag that links name."""

    text: str
    day: date
    tag: str

    @property
    def version(self) -> Version:
        """The version in its normal form."""
        return Version(self.text)


class Moved(NamedTuple):
    """The new text of a changelog, and the version that it had promised instead, if it is another one."""

    text: str
    instead_of: Version | None = None


def move(changelog: Changelog, release: Release) -> Moved | None:
    """Make the unreleased section that of a release; None where it has one, or there is nothing to move.

    A section without a version leaves an empty one of its name above. One with a version and the word "unreleased", in
    its heading or in the line below, gets the date in its place. A pre-release leaves the section of its final version
    as it is, since that is not out.
    """
    section = changelog.of_version(release.version) or changelog.unreleased()
    if section is None or not section.is_open:
        return None
    if section.titled is None:
        return Moved(_below(changelog, section, release)) if changelog.text_of(section) else None
    promised = section.titled.version
    if release.version.is_prerelease and promised == Version(release.version.base_version):
        return None
    return Moved(_dated(changelog, section, release), None if promised == release.version else promised)


def _below(changelog: Changelog, section: Section, release: Release) -> str:
    """The text with a heading for the release below that of the unreleased section."""
    lines, heading = changelog.lines, section.heading
    before = next((each for each in changelog.sections if not each.is_open), None)
    title = _like(before, release) if before else _first_title(changelog, heading.title, release)
    made = [_ending(lines), *_written(lines, heading, title)]
    return "".join([*lines[: heading.end], *made, *_linked(lines[heading.end :], before, release)])


def _first_title(changelog: Changelog, title: str, release: Release) -> str:
    """The title of the first release in a changelog, as Keep a Changelog has it."""
    is_linked = any((found := DEFINITION.fullmatch(line)) and is_nameless(found[1]) for line in changelog.lines)
    version = f"[{release.text}]" if title.startswith("[") and is_linked else release.text
    return f"{version} - {release.day.isoformat()}"


def _like(before: Section, release: Release) -> str:
    """A title as that of the release before, but for what was said of that one alone."""
    title, old = before.heading.title, before.titled
    assert old is not None
    end = old.start + len(old.text)
    closing = _CLOSING.match(title, end)
    assert closing is not None
    tail = closing[0]
    if closing[1]:
        tail = tail.replace(closing[1], _following(closing[1], old.text, release) or closing[1])
    rest = title[closing.end() :]
    if (found := find_date(rest)) and found.start <= NEAR:
        after = re.match(r"[\])*_`]*", rest[found.end :])
        tail += rest[: found.start] + found.of(release.day) + (after[0] if after else "")
    return f"{title[: old.start]}{release.text}{tail}"


def _following(link: str, old: str, release: Release) -> str | None:
    """The link of the release after the one that a link is about; None when it names no version."""
    new = release.text
    if (compared := _compared(link)) and old in compared[4]:
        return f"{compared[1]}{compared[4]}{compared[3]}{compared[4].replace(old, new)}"
    return link.replace(old, new) if old in link else None


def _compared(link: str) -> re.Match[str] | None:
    return _COMPARED.fullmatch(link) if len(link) <= LONGEST else None


def _linked(lines: Sequence[str], before: Section | None, release: Release) -> list[str]:
    """The lines with the definition of a link for this release, where others have one."""
    for number, line in enumerate(lines):
        if (found := DEFINITION.fullmatch(line)) is None:
            continue
        label, link = found[1], found[2]
        if is_nameless(label) and (compared := _compared(link)):
            open_ = line.replace(link, f"{compared[1]}{release.tag}{compared[3]}{compared[4]}")
            ours = f"[{release.text}]: {compared[1]}{compared[2]}{compared[3]}{release.tag}{_ending(lines)}"
            return [*lines[:number], open_, ours, *lines[number + 1 :]]
        old = before.titled.text if before and before.titled else None
        if old and label.lstrip("vV") == old and (next_ := _following(link, old, release)):
            ours = f"[{label.replace(old, release.text)}]: {next_}{_ending(lines)}"
            return [*lines[:number], ours, *lines[number:]]
    return list(lines)


def _dated(changelog: Changelog, section: Section, release: Release) -> str:
    """The text with the date where "unreleased" stands."""
    lines, heading = list(changelog.lines), section.heading
    if section.open_line is not None:
        line = lines[section.open_line]
        lines[section.open_line] = _open_line(changelog, section, release) + line[len(line.rstrip("\r\n")) :]
    lines[heading.first : heading.end] = _written(lines, heading, _open_title(changelog, section, release))
    return "".join(lines)


def _open_title(changelog: Changelog, section: Section, release: Release) -> str:
    title, titled = section.heading.title, section.titled
    assert titled is not None
    rest = title[titled.start + len(titled.text) :]
    if word := OPEN.search(rest):
        dates = (find_date(each.after_version) for each in changelog.sections if not each.is_open)
        form = next((found for found in dates if found), None)
        rest = rest[: word.start()] + (form.of(release.day) if form else release.day.isoformat()) + rest[word.end() :]
    version = titled.text if titled.version == release.version else release.text
    return title[: titled.start] + version + rest


def _open_line(changelog: Changelog, section: Section, release: Release) -> str:
    """The line below the heading: as that of a release before, or "Released" and the date."""
    for other in changelog.sections:
        below = (line.rstrip("\r\n") for line in changelog.lines[other.heading.end : other.end] if line.strip())
        line = next(below, "")[:LONGEST]
        found = find_date(line)
        if other is not section and found and found.start <= NEAR and not line[found.end :].strip(" )]*_."):
            return line[: found.start] + found.of(release.day) + line[found.end :]
    return f"Released {release.day.isoformat()}"


def _written(lines: Sequence[str], heading: Heading, title: str) -> list[str]:
    """The lines of a heading with another title, in the same form."""
    old = [line.rstrip("\r\n") for line in lines[heading.first : heading.end]]
    mark = ATX.match(old[0]) if len(old) == 1 else None
    if mark:
        made = [f"{mark[0]}{title}"]
    else:
        made = [
            title if number == heading.title_line - heading.first else _ruled(line, title)
            for number, line in enumerate(old)
        ]
    return [f"{line}{_ending(lines)}" for line in made]


def _ruled(line: str, title: str) -> str:
    """The line above or below a title, at least as long as that; one that was longer on purpose stays."""
    return line[0] * max(len(title), 3) if len(line) < len(title) or len(line) < 20 else line


def _ending(lines: Sequence[str]) -> str:
    return "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
