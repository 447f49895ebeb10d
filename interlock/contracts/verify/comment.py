"""The one comment on a pull request that says what it does to the downstreams: found again, and kept up to date.

It starts with an invisible marker: the package, the commit and the start of the run. Only a comment of the token's own
account is ever changed, whatever marker others have. GitHub can't change a comment on condition that it is unchanged,
so two runs may race. These rules decide which of two texts stays, and are checked again after a comment was made:

- Of the same commit, the run that started later is right.
- Of two commits, the one that is the pull request's head is right, whenever its run started or ended.
- Of two commits that are not its head (any more), the run that started later is right.

A first comment is made for the head alone: a result of another commit would be taken for one of the pull request.
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
    """The subject of a comment.

    Attributes:
        at: The start of the run that wrote it.
    """

    package: str
    sha: str
    at: AwareDatetime

    @classmethod
    def read(cls, body: str) -> Self | None:
        """The marker at the start of a comment; None when it has none."""
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
        """Whether a comment with this marker may replace the other.

        Args:
            other: The marker of the existing comment.
            head: The newest commit of the pull request.
        """
        if self.sha != other.sha and head in {self.sha, other.sha}:
            return self.sha == head
        return self.at >= other.at


def visible(body: str) -> str:
    """A comment without its marker, and with plain line endings."""
    return _MARKER.sub("", body.replace("\r\n", "\n")).strip()


class CommentLocation(FrozenModel):
    """The pull request of a comment.

    Attributes:
        repository: As owner/name.
        pull: The number of the pull request.
    """

    repository: str
    pull: int


async def publish(
    github: PullRequests, location: CommentLocation, me: Account, marker: Marker, text: str
) -> tuple[str, str]:
    """Make or update the one comment; a second call changes nothing.

    Args:
        github: The client; its token writes.
        location: The pull request.
        me: The token's account.
        marker: The subject.
        text: Markdown.

    Returns:
        What was done, in a word or two (empty when nothing was changed), and the comment's address, if there is one.

    Raises:
        GitHubError, TokenError: GitHub refuses; when transient, call it again.
    """
    found = await _find(github, location, me, marker.package)
    if found:
        return await _update(github, location, found[0], marker, text)
    if (head := (await github.pull(location.repository, location.pull)).head.sha) != marker.sha:
        return f"not made, since the pull request is at {head[:10]} now", ""
    made = await github.comment(location.repository, location.pull, f"{marker}\n{text}")
    # Two runs may have found none at the same time: the older comment stays, with the newer text.
    first = next(iter(await _find(github, location, me, marker.package)), made)
    if first.id >= made.id:
        return "made", made.html_url
    await github.delete_comment(location.repository, made.id)
    return await _update(github, location, first, marker, text)


async def _find(github: PullRequests, location: CommentLocation, me: Account, package: str) -> list[Comment]:
    """This account's comments about the package, the oldest first."""
    return _mine(await github.comments(location.repository, location.pull), me, package)


def _mine(comments: Iterable[Comment], me: Account, package: str) -> list[Comment]:
    marked = ((comment, Marker.read(comment.body or "")) for comment in comments if me.is_same(comment.user))
    mine = [comment for comment, marker in marked if marker is not None and marker.package == package]
    return sorted(mine, key=lambda comment: comment.id)


async def _update(
    github: PullRequests, location: CommentLocation, comment: Comment, marker: Marker, text: str
) -> tuple[str, str]:
    there = Marker.read(comment.body or "")
    assert there is not None
    if there.sha == marker.sha and visible(comment.body or "") == visible(text):
        return "", comment.html_url
    head = (await github.pull(location.repository, location.pull)).head.sha
    if not marker.may_replace(there, head):
        return f"left to the newer run for {there.sha[:10]}", comment.html_url
    await github.update_comment(location.repository, comment.id, f"{marker}\n{text}")
    return "changed", comment.html_url
