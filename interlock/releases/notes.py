"""The notes of a GitHub Release: what was written of it or the commits since the release before, and the files."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from packaging.version import Version

from interlock.model.release import ReleasedFile

# GitHub takes 125,000 characters.
LONGEST = 120_000
MOST_COMMITS = 500
MOST_TEXT = 100_000
MOST_NAMED = 5
# A subject is other people's text: it must not format the notes, mention a user or close an issue.
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#|!~])")


class Change(NamedTuple):
    """A commit since the release before."""

    sha: str
    subject: str


def release_notes(
    *,
    repository_url: str,
    tag: str,
    previous: str | None,
    changes: Sequence[Change],
    files: Iterable[ReleasedFile],
    text: str = "",
    untagged: Sequence[Version] = (),
) -> str:
    """Write the notes in Markdown.

    Args:
        repository_url: The address for links, as `https://github.com/owner/name`.
        tag: The tag of this release.
        previous: The tag of the release before.
        changes: The commits, newest first.
        files: The files of the release.
        text: What was written of the release, as Markdown; then the commits are not listed.
        untagged: The releases since the one before that have no tag.
    """
    since = f"hanges since [{previous}]({repository_url}/compare/{previous}...{tag})" if previous else "hanges"
    lines = (
        [text[:MOST_TEXT], "", f"All c{since}"] if text else [f"### C{since}", "", *_listed(changes, repository_url)]
    )
    lines += ["", f"{without_tags(untagged)}."] if untagged else []
    lines += ["", "### Files", "", "| file | SHA-256 |", "|---|---|"]
    lines += [f"| {file.name} | `{file.sha256}` |" for file in files]
    return "\n".join(lines)[:LONGEST] + "\n"


def without_tags(versions: Sequence[Version]) -> str:
    """That releases are on the index and have no tag, and what follows for the notes."""
    named = ", ".join(map(str, versions[-MOST_NAMED:]))
    named = f"{len(versions) - MOST_NAMED} more and {named}" if len(versions) > MOST_NAMED else named
    has = "is on the index and has no tag" if len(versions) == 1 else "are on the index and have no tags"
    return f"{named} {has}: these notes have what was changed there"


def _listed(changes: Sequence[Change], repository_url: str) -> list[str]:
    lines = [_line(change, repository_url) for change in changes[:MOST_COMMITS]]
    if len(changes) > MOST_COMMITS:
        lines.append(f"- … and {len(changes) - MOST_COMMITS} more")
    return lines or ["No commits but the release's own."]


def _line(change: Change, repository_url: str) -> str:
    return f"- {plain(change.subject)} ([{change.sha[:7]}]({repository_url}/commit/{change.sha}))"


def plain(text: str) -> str:
    """Escape text, so that Markdown shows it as it is and GitHub notifies nobody."""
    # GitHub looks for mentions after Markdown has resolved entities: an entity for @ notifies, a zero-width space after
    # it does not.
    return _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("@", "@&#8203;")
