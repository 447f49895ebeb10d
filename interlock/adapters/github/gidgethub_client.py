"""One exchange with GitHub: gidgethub builds the request and reads the answer, httpx sends it once."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
from gidgethub import GitHubException, HTTPException, sansio
from gidgethub.abc import GitHubAPI

from interlock.adapters.github.errors import ApiRequest, UnreachableError, explain
from interlock.common.frozen_model import FrozenModel
from interlock.errors import InterlockError

USER_AGENT = "interlock"
API_VERSION = "2022-11-28"
HEADERS = {"X-GitHub-Api-Version": API_VERSION}
# gidgethub relies on the form of GitHub's answers; other answers end in these errors.
STUMBLES = (httpx.HTTPError, httpx.InvalidURL, GitHubException, ValueError, LookupError, TypeError, AttributeError)


class Reply(FrozenModel):
    """An answer.

    Attributes:
        data: Its JSON; None when it has no body.
        headers: By their names in lower case.
        next: The address of the next page.
    """

    data: Any
    headers: Mapping[str, str]
    next: str | None = None


class Wire(GitHubAPI):
    """One exchange with GitHub."""

    def __init__(self, client: httpx.AsyncClient, base_url: str) -> None:
        super().__init__(USER_AGENT, base_url=base_url)
        self._client = client
        self._headers: Mapping[str, str] = {}

    async def exchange(self, method: str, url: str, data: Any, token: str) -> Reply:  # noqa: ANN401  any JSON
        """Send a request, once, and read the answer."""
        # GitHub expects an App's JSON web token under another scheme than a token.
        signs = token.startswith("ey") and token.count(".") == 2
        jwt, oauth_token = (token, None) if signs else (None, token)
        body, next_page, _ = await self._make_request(
            method, url, None, data, sansio.accept_format(), jwt=jwt, oauth_token=oauth_token
        )
        return Reply(data=body, headers=self._headers, next=next_page)

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        response = await self._client.request(method, url, headers={**headers, **HEADERS}, content=body)
        self._headers = dict(response.headers)
        return response.status_code, response.headers, response.content

    async def sleep(self, seconds: float) -> None:  # pragma: no cover  gidgethub asks for it, and never calls it
        """Sleep."""
        await asyncio.sleep(seconds)


def as_error(error: BaseException, request: ApiRequest) -> InterlockError:
    """The error for a failed exchange."""
    if isinstance(error, HTTPException):
        return explain(error, request)
    words = type(error).__name__ if isinstance(error, httpx.HTTPError) else "what came is no answer of GitHub's"
    return UnreachableError(
        f"{request.subject}: GitHub did not {request.what}: {words}", hint="check the network and GITHUB_API_URL"
    )
