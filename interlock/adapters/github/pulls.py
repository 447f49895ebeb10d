"""The calls about pull requests: find, make, change and merge them."""

import re
from collections.abc import Collection
from enum import StrEnum
from urllib.parse import quote, urlencode

from interlock.adapters.github.base_client import PAGE, at, parsed
from interlock.adapters.github.comments import Comments
from interlock.adapters.github.errors import NotThereError, UnprocessableError
from interlock.adapters.github.models import Collaborator, PullRequest

ENABLE = """mutation($pull: ID!, $method: PullRequestMergeMethod!) {
  enablePullRequestAutoMerge(input: {pullRequestId: $pull, mergeMethod: $method}) { clientMutationId }
}"""
QUEUE = """query($pull: ID!) {
  node(id: $pull) {
    ... on PullRequest {
      isMergeQueueEnabled
      isInMergeQueue
      timelineItems(last: 1, itemTypes: [REMOVED_FROM_MERGE_QUEUE_EVENT]) { nodes { __typename } }
    }
  }
}"""
ENQUEUE = """mutation($pull: ID!, $sha: GitObjectID!) {
  enqueuePullRequest(input: {pullRequestId: $pull, expectedHeadOid: $sha}) { clientMutationId }
}"""
STATUS = re.compile(r"[Pp]ull request is in (\w+) status")


class Waiting(StrEnum):
    """GitHub's answer to a request for auto-merge."""

    ON = "it is merged as soon as it can be"
    CLEAN = "nothing has to be waited for: it can be merged now"
    UNSTABLE = "nothing that is required has to be waited for, but a check is not green"
    NOT_ALLOWED = "the repository does not allow auto-merge"


class Queue(StrEnum):
    """What a pull request is to the merge queue of its base, and what it waits for there."""

    NONE = "there is no merge queue"
    ENTERED = "the merge queue of its base to merge it"
    REMOVED = "somebody to enqueue it again, since the merge queue has removed it"


class Pulls(Comments):
    """The calls about pull requests."""

    async def pulls(self, repo: str, *, head: str = "", base: str = "", state: str = "open") -> tuple[PullRequest, ...]:
        """The pull requests of the repository's own branches, newest first; those of forks are left out.

        Args:
            repo: The repository.
            head: The branch that is to be merged; any by default.
            base: The branch that it is merged into; any by default.
            state: `open`, `closed` or `all`.

        Raises:
            TokenError: The repository does not exist, or this token cannot see it.
        """
        wanted = {"state": state, "head": head and f"{repo.partition('/')[0]}:{head}", "base": base}
        query = urlencode({name: value for name, value in wanted.items() if value})
        found = await self._all(f"{at(repo)}/pulls?{query}&{PAGE}", "list the pull requests", repo)
        pulls = [parsed(PullRequest, one, repo) for one in found]
        # A fork may have the same owner, and GitHub ignores what it can't use of a query.
        kept = [pull for pull in pulls if pull.is_within(repo) and head in {"", pull.head.ref}]
        return tuple(sorted(kept, key=lambda pull: -pull.number))

    async def pull(self, repo: str, number: int) -> PullRequest:
        """A pull request; this request lets GitHub find out whether it can be merged.

        Raises:
            TokenError: There is none, or this token cannot see it.
        """
        url, what = f"{at(repo)}/pulls/{number}", f"show the pull request {number}"
        return await self._one(PullRequest, url, what, repo, named=f"{repo}#{number}")

    async def may_write(self, repo: str, login: str) -> bool:
        """Whether a user has the permission to write to a repository; every role is at least read, write or admin.

        Raises:
            TokenError: This token may not know.
        """
        url, what = f"{at(repo)}/collaborators/{quote(login, safe='')}/permission", f"say what {login} may do"
        try:
            return parsed(Collaborator, (await self._read(url, what, repo)).data, repo).permission in {"admin", "write"}
        except NotThereError:
            return False

    async def create_pull(self, repo: str, *, head: str, base: str, title: str, body: str) -> PullRequest:
        """Propose to merge a branch into another.

        Raises:
            AlreadyExistsError: There is one already.
            UnprocessableError: There is no such branch, or nothing to merge.
            UnreachableError: It may have been made: look for it by its head.
        """
        data = {"title": title, "head": head, "base": base, "body": body, "maintainer_can_modify": False}
        reply = await self._write("POST", f"{at(repo)}/pulls", f"make the pull request of {head}", repo, data)
        return parsed(PullRequest, reply.data, repo)

    async def update_pull(self, repo: str, number: int, **changes: str) -> PullRequest:
        """Change a pull request; a repetition does no harm.

        Args:
            repo: The repository.
            number: Which.
            changes: As GitHub names them: title, body, base, state (`closed` to close it).
        """
        url = f"{at(repo)}/pulls/{number}"
        reply = await self._write("PATCH", url, f"change the pull request {number}", repo, changes)
        return parsed(PullRequest, reply.data, repo)

    async def add_labels(self, repo: str, number: int, labels: Collection[str]) -> None:
        """Add labels, made as needed; present labels stay, and a repetition does no harm."""
        url = f"{at(repo)}/issues/{number}/labels"
        await self._write("POST", url, f"label the pull request {number}", repo, {"labels": sorted(labels)})

    async def changed_files(self, repo: str, number: int) -> tuple[str, ...]:
        """The paths of the files that it adds or changes, 3,000 at most.

        Raises:
            TokenError: There is no such pull request, or this token cannot see it.
        """
        url = f"{at(repo)}/pulls/{number}/files?{PAGE}"
        found = await self._all(url, "list the changed files", repo, named=f"{repo}#{number}")
        return tuple(one["filename"] for one in found if one["status"] != "removed")

    async def merge_pull(self, repo: str, number: int, *, sha: str, method: str) -> str:
        """Merge it now; the commit that it became.

        Args:
            repo: The repository.
            number: Which.
            sha: What its head must be.
            method: `merge`, `squash` or `rebase`.

        Raises:
            GitHubError: It can't be merged, or not by this method, or its head is another.
            UnreachableError: It may have been merged: look at it.
        """
        url, data = f"{at(repo)}/pulls/{number}/merge", {"sha": sha, "merge_method": method}
        reply = await self._write("PUT", url, f"merge the pull request {number}", repo, data)
        return str(reply.data["sha"])

    async def enqueue(self, repo: str, pull: PullRequest) -> Queue:
        """Add it to its base's merge queue, unless it is or was there: what was removed would be removed again.

        Raises:
            UnprocessableError: It can't be merged, or its head is another.
            UnreachableError: It may be in the queue: look at it.
        """
        what = f"enqueue the pull request {pull.number}"
        try:
            found = (await self._graphql_query(QUEUE, {"pull": pull.node_id}, what, repo)).get("node") or {}
        except UnprocessableError as error:
            if "doesn't exist on type" in error.message:  # a GitHub Enterprise Server without merge queues
                return Queue.NONE
            raise
        if not found.get("isMergeQueueEnabled"):
            return Queue.NONE
        if found.get("isInMergeQueue"):
            return Queue.ENTERED
        if (found.get("timelineItems") or {}).get("nodes"):
            return Queue.REMOVED
        await self._graphql(ENQUEUE, {"pull": pull.node_id, "sha": pull.head.sha}, what, repo)
        return Queue.ENTERED

    async def auto_merge(self, repo: str, pull: PullRequest, *, method: str) -> Waiting:
        """Have it merged as soon as it can be; the answer says what is left to do otherwise.

        Args:
            repo: The repository, for messages.
            pull: Which.
            method: `merge`, `squash` or `rebase`.

        Raises:
            UnprocessableError: It can't be merged: it is closed, a draft, or in conflict with its base.
            UnreachableError: It may be on: look at it.
        """
        variables = {"pull": pull.node_id, "method": method.upper()}
        try:
            await self._graphql(ENABLE, variables, f"auto-merge the pull request {pull.number}", repo)
        except UnprocessableError as error:
            status = STATUS.search(error.message)
            if status and status[1] in {"clean", "unstable"}:
                return Waiting[status[1].upper()]
            if "not allowed for this repository" in error.message:
                return Waiting.NOT_ALLOWED
            raise
        return Waiting.ON
