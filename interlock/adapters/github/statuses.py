"""The calls about commit statuses: what is said of a commit, in one line for each context."""

from enum import StrEnum

from interlock.adapters.github.base_client import PAGE, BaseClient, at, parsed
from interlock.adapters.github.models import Answer

LONGEST_DESCRIPTION = 140


class StatusState(StrEnum):
    """What a status says."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"


class CommitStatus(Answer):
    """What is said of a commit in one context.

    Attributes:
        description: 140 characters at most.
        target_url: Where there is more to read.
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
        """Say something of a commit; GitHub takes 1,000 for each commit and context, and the newest counts.

        Raises:
            UnprocessableError: There is no such commit, or too much was said of it.
            UnreachableError: It may have been said: look at the statuses.
        """
        data = status.model_dump(mode="json", exclude_none=True)
        what = f"take the status {status.context} of {sha[:10]}"
        await self._write("POST", f"{at(repo)}/statuses/{sha}", what, repo, data)
