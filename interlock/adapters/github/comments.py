"""The calls about comments on pull requests, and GraphQL, which some calls need."""

import contextlib
from collections.abc import Mapping
from typing import Any

from interlock.adapters.github.base_client import PAGE, BaseClient, at, parsed
from interlock.adapters.github.errors import MINUTE, NotThereError, RateLimitError, UnprocessableError, UnreachableError
from interlock.adapters.github.models import Account, Comment
from interlock.errors import GitHubError, InterlockError, TokenError

VIEWER = "query { viewer { login } }"
BOT = "[bot]"


class Comments(BaseClient):
    """Comments on pull requests: list, write, change and delete them."""

    async def comments(self, repo: str, number: int) -> tuple[Comment, ...]:
        """The comments on a pull request, oldest first.

        Raises:
            TokenError: There is no such pull request, or this token cannot see it.
        """
        url = f"{at(repo)}/issues/{number}/comments?{PAGE}"
        found = await self._all(url, "list the comments", repo, named=f"{repo}#{number}")
        return tuple(parsed(Comment, one, repo) for one in found)

    async def comment(self, repo: str, number: int, body: str) -> Comment:
        """Write a comment.

        Raises:
            UnreachableError: It may have been written: look at the comments.
        """
        url = f"{at(repo)}/issues/{number}/comments"
        reply = await self._write("POST", url, f"comment the pull request {number}", repo, {"body": body})
        return parsed(Comment, reply.data, repo)

    async def update_comment(self, repo: str, comment: int, body: str) -> Comment:
        """Change a comment; a repetition does no harm.

        Raises:
            TokenError: It is another account's, or gone.
        """
        url = f"{at(repo)}/issues/comments/{comment}"
        reply = await self._write("PATCH", url, f"change the comment {comment}", repo, {"body": body})
        return parsed(Comment, reply.data, repo)

    async def delete_comment(self, repo: str, comment: int) -> None:
        """Delete a comment; one that is gone is not an error."""
        url = f"{at(repo)}/issues/comments/{comment}"
        with contextlib.suppress(NotThereError):
            await self._transport.write("DELETE", url, f"remove the comment {comment}", repo)

    async def account(self) -> Account:
        """The account that this token writes as; REST does not name it for an App's token.

        Fact: `viewer` names an installation's bot as `slug[bot]`, as REST does.
        """
        data = (await self._graphql_query(VIEWER, {}, "say whose token it is", "GitHub")).get("viewer") or {}
        return parsed(Account, {**data, "type": "Bot" if str(data.get("login")).endswith(BOT) else "User"}, "GitHub")

    @property
    def _graphql_url(self) -> str:
        """GitHub's own and GitHub Enterprise's: …/graphql beside the API, …/api/graphql beside …/api/v3."""
        return f"{self._transport.server.api.removesuffix('/v3')}/graphql"

    async def _graphql_query(self, query: str, variables: Mapping[str, Any], what: str, repo: str) -> dict[str, Any]:
        """Ask for something; the answer's data."""
        data = {"query": query, "variables": dict(variables)}
        reply = await self._transport.query(self._graphql_url, what, repo, data)
        _refuse(reply.data, f"{repo}: GitHub did not {what}", self._transport.credentials.name)
        return reply.data.get("data") or {}

    async def _graphql(self, query: str, variables: Mapping[str, Any], what: str, repo: str) -> None:
        data = {"query": query, "variables": dict(variables)}
        reply = await self._write("POST", self._graphql_url, what, repo, data)
        _refuse(reply.data, f"{repo}: GitHub did not {what}", self._transport.credentials.name)


def _refuse(data: Mapping[str, Any], message: str, token: str) -> None:
    """Raise the first error of an answer: GraphQL answers with 200 even then."""
    for error in data.get("errors") or ():
        raise _as_error(error, message, token)


def _as_error(error: Mapping[str, Any], message: str, token: str) -> InterlockError:
    kind, said = error.get("type"), f"{message}: {error.get('message')}"
    if kind == "RATE_LIMITED":
        return RateLimitError(said, seconds=MINUTE)
    if kind in {"FORBIDDEN", "INSUFFICIENT_SCOPES", "NOT_FOUND"}:
        return TokenError(said, hint=f"the token of {token} needs Contents: write and Pull requests: write")
    if kind is None and "omething went wrong" in said:
        return UnreachableError(said, hint="see githubstatus.com, and run it again")
    if kind in {None, "UNPROCESSABLE"}:
        return UnprocessableError(said, hint="what was asked is not possible as GitHub's words say")
    return GitHubError(said)
