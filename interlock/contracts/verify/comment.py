"""The one comment on a pull request that says what it does to the downstreams: found again, and kept up to date.

It begins with a marker that nobody sees: the package, the commit and when the run began. Whose comment it is decides
as much: one with the same marker by somebody else is never touched. GitHub has no way to change a comment only if it
is still as it was read, so the rules are these, and looked after once more when it was made:

- Of the same commit, the run that began later is right.
- Of two commits, the one that is the pull request's head is right, whenever its run began or ended.
- Of two commits that are both not its head (any more), the run that began later is right.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Self

from pydantic import AwareDatetime, ValidationError

from interlock.adapters.code_host import PullRequests
from interlock.adapters.github import Account, Comment
from interlock.common.frozen_model import FrozenModel

_MARKER = re.compile(r"\A<!-- interlock:contracts (\S+) (\S+) (\S+) -->\s*")


class Marker(FrozenModel):
    """What a comment is about.

    Attributes:
        at: When the run began that wrote it.
    """

    package: str
    sha: str
    at: AwareDatetime

    @classmethod
    def read(cls, body: str) -> Self | None:
        """The marker that a comment begins with; None when it has none."""
        found = _MARKER.match(body)
        if found is None:
            return None
        try:
            return cls(package=found[1], sha=found[2], at=datetime.fromisoformat(found[3]))
        except (ValueError, ValidationError):
            return None

    def __str__(self) -> str:
        return f"<!-- interlock:contracts {self.package} {self.sha} {self.at.isoformat()} -->"

    def may_replace(self, other: Self, head: str | None) -> bool:
        """Whether what this says is newer than what the other says.

        Args:
            other: That of the comment which is there.
            head: The newest commit of the pull request.
        """
        if self.sha != other.sha and head in {self.sha, other.sha}:
            return self.sha == head
        return self.at >= other.at


def visible(body: str) -> str:
    """A comment without its marker, whatever ends its lines."""
    return _MARKER.sub("", body.replace("\r\n", "\n")).strip()


class CommentLocation(FrozenModel):
    """Where the comment is.

    Attributes:
        repository: As owner/name.
        pull: The number of the pull request.
    """

    repository: str
    pull: int


async def keep(github: PullRequests, place: CommentLocation, me: Account, marker: Marker, text: str) -> tuple[str, str]:
    """Say it in the one comment; called again, it changes nothing.

    Args:
        github: Whose token writes.
        place: Of the comment.
        me: Who the token is.
        marker: What is told.
        text: Markdown.

    Returns:
        What was done, in a word or two (none when it was as it is), and the comment's address.

    Raises:
        GitHubError, TokenError: GitHub refuses; when transient, call it again.
    """
    found = await _find(github, place, me, marker.package)
    if found:
        return await _update(github, place, found[0], marker, text)
    made = await github.comment(place.repository, place.pull, f"{marker}\n{text}")
    # Two runs may have found none at the same moment: the older comment stays, and has what is newer.
    first = next(iter(await _find(github, place, me, marker.package)), made)
    if first.id >= made.id:
        return "made", made.html_url
    await github.delete_comment(place.repository, made.id)
    return await _update(github, place, first, marker, text)


async def _find(github: PullRequests, place: CommentLocation, me: Account, package: str) -> list[Comment]:
    """This account's comments about the package, the oldest first."""
    return _mine(await github.comments(place.repository, place.pull), me, package)


def _mine(comments: Iterable[Comment], me: Account, package: str) -> list[Comment]:
    marked = ((comment, Marker.read(comment.body or "")) for comment in comments if me.is_same(comment.user))
    mine = [comment for comment, marker in marked if marker is not None and marker.package == package]
    return sorted(mine, key=lambda comment: comment.id)


async def _update(
    github: PullRequests, place: CommentLocation, comment: Comment, marker: Marker, text: str
) -> tuple[str, str]:
    there = Marker.read(comment.body or "")
    assert there is not None
    if there.sha == marker.sha and visible(comment.body or "") == visible(text):
        return "", comment.html_url
    head = (await github.pull(place.repository, place.pull)).head.sha
    if not marker.may_replace(there, head):
        return f"left to the newer run for {there.sha[:10]}", comment.html_url
    await github.update_comment(place.repository, comment.id, f"{marker}\n{text}")
    return "changed", comment.html_url
