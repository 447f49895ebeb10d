"""Markdown with other people's text in it: that stands in code, where nothing of it is read, linked or notified.

GitHub makes links, mentions and references of text, also of text that is escaped; never of code.
"""

import re
from collections.abc import Iterable, Sequence

from interlock.common.sanitize import cut, one_line, plain

LONGEST_CODE = 300
NOTHING = "–"


def code(text: str, most: int = LONGEST_CODE) -> str:
    """Other people's text as inline code, between more backticks than it has; a dash for empty text."""
    line = cut(text, most)
    if not line:
        return NOTHING
    ticks = "`" * (_longest_run(line) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{space}{line}{space}{ticks}"


def cell(text: str) -> str:
    """Inline code for a table. No escaping of a bar is safe behind a backslash, so bars become broken bars."""
    return code(text.replace("|", "¦"), 120)


def row(*cells: str) -> str:
    """A row of a table, of cells that are Markdown without bars."""
    return f"| {' | '.join(cells)} |"


def fenced(lines: Iterable[str], language: str = "") -> list[str]:
    """Other people's lines as a block of code, with a fence that they can't end."""
    inside = [line for text in lines for line in plain(text).split("\n")]
    fence = "`" * max(3, _longest_run("\n".join(inside)) + 1)
    return [f"{fence}{language}", *inside, fence]


def folded(title: str, lines: Sequence[str], *, fold: bool = True) -> list[str]:
    """Lines that unfold by a click, or beneath a heading where nothing can be folded; nothing when there are none."""
    if not lines:
        return []
    if not fold:
        return ["", f"### {title}", "", *lines]
    return ["", f"<details><summary>{title}</summary>", "", *lines, "", "</details>"]


def within(items: Sequence[str], most: int, what: str) -> list[str]:
    """The first items that fit into so many characters, and how many did not.

    Args:
        items: Lines, or texts of several.
        most: Characters.
        what: What they are, as `tests`.
    """
    kept: list[str] = []
    left = most
    for item in items:
        left -= len(item) + 1
        if left < 0:
            break
        kept.append(item)
    more = len(items) - len(kept)
    return [*kept, f"… and {more} more {what}"] if more else kept


def link(title: str, url: str) -> str:
    """A link to an address of ours; the title alone for an address that is not safe in a link."""
    is_plain = re.fullmatch(r"https?://[^\s<>()\\|\"'`]+", one_line(url))
    return f"[{title}](<{url}>)" if is_plain else title


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
