"""The calls about what is said of a pull request."""

import contextlib

from interlock.github.asking import PAGE, at, parsed
from interlock.github.errors import NotThereError
from interlock.github.graphql import GraphQL
from interlock.github.values import Comment


class Comments(GraphQL):
    """Comments on pull requests: listed, made, changed, taken back."""

    async def comments(self, repo: str, number: int) -> tuple[Comment, ...]:
        """What was said of it, oldest first.

        Raises:
            TokenError: There is no such pull request, or this token cannot see it.
        """
        url = f"{at(repo)}/issues/{number}/comments?{PAGE}"
        found = await self._all(url, "list the comments", repo, f"{repo}#{number}")
        return tuple(parsed(Comment, one, repo) for one in found)

    async def comment(self, repo: str, number: int, body: str) -> Comment:
        """Say something of it.

        Raises:
            UnreachableError: It may have been said: look at the comments.
        """
        url = f"{at(repo)}/issues/{number}/comments"
        reply = await self._write("POST", url, f"comment the pull request {number}", repo, {"body": body})
        return parsed(Comment, reply.data, repo)

    async def update_comment(self, repo: str, comment: int, body: str) -> Comment:
        """Say it otherwise; a repetition does no harm.

        Raises:
            TokenError: It is somebody else's, or gone.
        """
        url = f"{at(repo)}/issues/comments/{comment}"
        reply = await self._write("PATCH", url, f"change the comment {comment}", repo, {"body": body})
        return parsed(Comment, reply.data, repo)

    async def delete_comment(self, repo: str, comment: int) -> None:
        """Take it back; nothing happens when it is gone."""
        url = f"{at(repo)}/issues/comments/{comment}"
        with contextlib.suppress(NotThereError):
            await self._transport.write("DELETE", url, f"remove the comment {comment}", repo)
