"""Git: the commits from one to another, along the branch."""

from pathlib import Path

from interlock.git.command import git, succeeded
from interlock.git.values import Commit, checked_sha

_FORMAT = "%H%x00%s%x00%an%x00"


async def first_parents(repository: Path, older: str, newer: str) -> tuple[Commit, ...]:
    """What was put upon a commit until another: each by its first parent, so that a merge is one step.

    Args:
        repository: Where.
        older: A SHA, which is left out.
        newer: A SHA, which is the last.

    Returns:
        Oldest first; nothing when the newer one is in the older one's history.

    Raises:
        RepositoryError: One of them is not here.
    """
    order = ("log", "--first-parent", "--reverse", "--no-decorate", f"--format={_FORMAT}")
    listed = await git(*order, f"{checked_sha(older)}..{checked_sha(newer)}", "--", at=repository)
    fields = succeeded(listed, f"the commits from {older} to {newer} can't be read").split("\0")
    records = zip(*([iter(fields)] * 3), strict=False)
    return tuple(Commit(sha=sha.strip(), subject=subject, author=author) for sha, subject, author in records)
