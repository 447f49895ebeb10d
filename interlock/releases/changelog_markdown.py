"""A section of a changelog in the notes of a GitHub Release: formatted as it is, and without effects on others.

It is other people's text: it must not mention a user, close an issue, or hide what follows it.
"""

import re
from collections.abc import Iterator

from interlock.project.changelog import Changelog
from interlock.project.changelog.document import DEFINITION, without_comments
from interlock.project.changelog.headings import FENCE, headings

# The notes have 125,000 characters, with the files and their hashes.
LONGEST = 60_000
# Code in a line is found by its marks; in a longer line all is text.
LONGEST_LINE = 1_000
_CODE = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)")
# An address that GitHub makes a link; what looks like a mention in it is none.
_ADDRESS = r"https?://[\w-]+(?:\.[\w-]+)+(?:/[^\s<>()\[\]]*)?"
_CLOSES = r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?=\[?(?:#|GH-|https?:|[\w.-]+/[\w.-]+#))"
_EFFECT = re.compile(
    rf"(?P<closes>{_CLOSES})|(?P<linked><{_ADDRESS}>)|(?P<address>{_ADDRESS})"
    r"|(?P<at>@|&#0*64;|&#[xX]0*40;|&commat;)|(?P<markup><(?=[A-Za-z/!?]))",
    re.IGNORECASE,
)
_LABEL = re.compile(r"\[([^\[\]\n]{1,100})\]")
# It is not seen, and what stands on both sides of it is not taken together.
NOTHING = "&#8203;"


def quoted(text: str, changelog: Changelog, *, rest: str) -> str:
    """A section as Markdown for GitHub.

    Args:
        text: The section.
        changelog: The file, with the links that the section uses.
        rest: What is said where the section is too long.
    """
    text = without_comments(text) if changelog.markdown else text
    written = [line.rstrip() for line in text.splitlines()]
    lines = _safe_lines(_without_empty(written) if changelog.markdown else written, rest)
    return "\n".join([*lines, *_definitions(text, changelog)]).strip("\n")


def _without_empty(lines: list[str]) -> list[str]:
    """The lines without headings that have nothing below them, as a template for the next version has."""
    found = headings(lines, markdown=True)
    empty: set[int] = set()
    after = 0  # the level of the heading after one, 0 for the end
    end = len(lines)
    for heading in reversed(found):
        if after <= heading.level and not any(lines[heading.end : end]):
            empty.update(range(heading.first, end))
        else:
            after = heading.level
        end = heading.first
    return [line for number, line in enumerate(lines) if number not in empty]


def _safe_lines(lines: list[str], rest: str) -> Iterator[str]:
    fence, size = "", 0
    for line in lines:
        made = line if fence else _safe(line)
        size += len(made) + 1
        if size > LONGEST:
            yield from ([fence, "", rest] if fence else ["", rest])
            return
        yield made
        mark = FENCE.match(line)
        if fence:
            is_end = mark is not None and mark[1].startswith(fence) and not line.strip().strip(fence[0])
            fence = "" if is_end else fence
        elif mark and "`" not in line[mark.end() :]:
            fence = mark[1]
    if fence:  # else what follows would be code
        yield fence


def _safe(line: str) -> str:
    if len(line) > LONGEST_LINE:
        return _EFFECT.sub(_harmless, line)
    parts, place = [], 0
    for code in _CODE.finditer(line):
        parts += [_EFFECT.sub(_harmless, line[place : code.start()]), code[0]]
        place = code.end()
    return "".join([*parts, _EFFECT.sub(_harmless, line[place:])])


def _harmless(found: re.Match[str]) -> str:
    if found["at"]:
        return f"@{NOTHING}"
    if found["markup"]:
        return "&lt;"
    return f"{found[0]}{NOTHING}" if found["closes"] else found[0]


def _definitions(text: str, changelog: Changelog) -> list[str]:
    """The definitions of the links that a section uses, which stand at the end of the file."""
    used = {label.lower() for label in _LABEL.findall(text)}
    found = (DEFINITION.fullmatch(line) for line in changelog.lines if changelog.markdown)
    links = {each[1].lower(): each for each in found if each}
    made = [f"[{links[label][1]}]: {links[label][2]}" for label in sorted(used & links.keys())]
    return ["", *(line for line in made if re.search(r"\]: https?://", line))] if made else []
