"""The headings of a changelog in Markdown or reStructuredText, by line."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+|$)")
# Three backticks with another one behind them are code within a line.
FENCE = re.compile(r" {0,3}(`{3,}(?!.*`)|~{3,})")
CODE = r"(?<!`)`++[^`\n]++`++"
# What underlines a title; a line of dots or dashes shorter than this is a text.
ADORNMENT = re.compile(r"([=\-~^\"'`#*+.:_])\1{2,}\s*")
NOT_A_TITLE = re.compile(r"\s|[-*+>|]\s|\.\. |$")


class Heading(NamedTuple):
    """A heading.

    Attributes:
        first: Its first line: a line above the title in reStructuredText, or the title.
        title_line: The line of its title.
        end: The line after its last one.
        level: 1 for the highest.
        title: Its text, without marks and spaces around it.
    """

    first: int
    title_line: int
    end: int
    level: int
    title: str


def headings(lines: Sequence[str], *, markdown: bool) -> tuple[Heading, ...]:
    """The headings outside of code and comments, in order.

    Args:
        lines: The file's.
        markdown: Whether `#` begins a heading, and ``` code.
    """
    return tuple(_markdown(lines) if markdown else _restructured(lines))


def _markdown(lines: Sequence[str]) -> Iterator[Heading]:
    for number in _of_text(lines):
        line = lines[number]
        if mark := ATX.match(line):
            title = line[mark.end() :].strip()
            yield Heading(number, number, number + 1, len(mark[1]), title.rstrip("#").rstrip() or title)
        elif number and re.fullmatch(r"(=+|-{2,})\s*", line) and not _is_no_title(lines[number - 1]):
            level = 1 if line[0] == "=" else 2
            yield Heading(number - 1, number - 1, number + 1, level, lines[number - 1].strip())


def _is_no_title(line: str) -> bool:
    return ATX.match(line) is not None or NOT_A_TITLE.match(line) is not None


def _of_text(lines: Sequence[str]) -> Iterator[int]:
    """The lines that are in no code block and no comment."""
    fence, is_comment, is_block = "", False, False
    for number, line in enumerate(lines):
        if is_comment and not is_block and not line.strip():
            is_comment = False  # within a text, a comment does not go beyond it
        mark = FENCE.match(line)
        if fence:
            closes = mark and mark[1].startswith(fence) and not line.strip().strip(fence[0])
            fence = "" if closes else fence
        elif is_comment:
            is_comment = "-->" not in line
        elif mark:
            fence = mark[1]
        else:
            plain = re.sub(CODE, "", line)
            is_comment, is_block = plain.rfind("<!--") > plain.rfind("-->"), plain.lstrip().startswith("<!--")
            yield number


def _restructured(lines: Sequence[str]) -> Iterator[Heading]:
    """Titles with a line below, and perhaps the same above; levels by the order in which their forms first appear."""
    forms: list[tuple[str, bool]] = []
    last = 0
    for number in range(1, len(lines)):
        title, below = lines[number - 1], ADORNMENT.fullmatch(lines[number])
        if number - 1 < last or not below or ADORNMENT.fullmatch(title) or not title.strip():
            continue
        above = number >= 2 and lines[number - 2].rstrip() == lines[number].rstrip()
        if len(lines[number].rstrip()) < len(title.rstrip()) or (not above and NOT_A_TITLE.match(title)):
            continue
        form = below[1], above
        if form not in forms:
            forms.append(form)
        yield Heading(number - 1 - above, number - 1, number + 1, forms.index(form) + 1, title.strip())
        last = number + 1
