"""The calls about commit statuses: one line about a commit for each context."""

from enum import StrEnum

from interlock.adapters.github.base_client import PAGE, BaseClient, at, parsed
from interlock.adapters.github.models import Answer

LONGEST_DESCRIPTION = 140


class StatusState(StrEnum):
    """The state of a status."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"


class CommitStatus(Answer):
    """The status of a commit in one context.

    Attributes:
        description: 140 characters at most.
        target_url: A page with more about it.
    """

    context: str
    state: StatusState
    description: str | None = None
    target_url: str | None = None


class Statuses(BaseClient):
    """Commit statuses."""

    async def statuses(self, repo: str, sha: str) -> dict[str, CommitStatus]:
        """The newest status of each context.

        Raises:
            TokenError: The repository does not exist, or this token cannot see it.
            UnprocessableError: It has no such commit.
        """
        url, what = f"{at(repo)}/commits/{sha}/status?{PAGE}", f"list the statuses of {sha[:10]}"
        found = (parsed(CommitStatus, one, repo) for one in await self._all(url, what, repo, key="statuses"))
        return {status.context: status for status in found}

    async def create_status(self, repo: str, sha: str, status: CommitStatus) -> None:
        """Set the status of a context; GitHub takes 1,000 for each commit and context, and the newest counts.

        Raises:
            UnprocessableError: There is no such commit, or it has too many statuses.
            UnreachableError: It may have been set: look at the statuses.
        """
        data = status.model_dump(mode="json", exclude_none=True)
        what = f"take the status {status.context} of {sha[:10]}"
        await self._write("POST", f"{at(repo)}/statuses/{sha}", what, repo, data)
