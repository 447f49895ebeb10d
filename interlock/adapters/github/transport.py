"""Requests to GitHub as one token: reads are tried again; writes are sent once, with pauses between them."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
from gidgethub import sansio

from interlock.adapters.github.credentials import Credentials
from interlock.adapters.github.errors import ApiRequest
from interlock.adapters.github.gidgethub_client import HEADERS, STUMBLES, USER_AGENT, Reply, Wire, as_error
from interlock.adapters.github.retry_policy import RetryPolicy
from interlock.adapters.github.server import GitHubServer

WRITES_AT_ONCE = 5
CHUNK = 256 * 1024


class Transport:
    """Sends requests as one token.

    Args:
        client: With connections to GitHub.
        credentials: Give the token before each request, since it may change.
        server: Which GitHub.
        policy: What is tried again.
    """

    def __init__(
        self, client: httpx.AsyncClient, credentials: Credentials, server: GitHubServer, policy: RetryPolicy
    ) -> None:
        self.credentials = credentials
        self.server = server
        self._policy = policy
        self._client = client
        self._writes = asyncio.Semaphore(WRITES_AT_ONCE)
        self._turn = asyncio.Lock()
        self._next_write = 0.0

    async def read(self, url: str, what: str, subject: str) -> Reply:
        """GET, with retries.

        Args:
            url: From the API's root, or whole.
            what: The request, for messages: "GitHub did not …".
            subject: The repository, for messages.
        """
        return await self._policy.reading(lambda: self._exchange("GET", url, what, subject))

    async def query(self, url: str, what: str, subject: str, data: Any) -> Reply:  # noqa: ANN401
        """POST a query that changes nothing, with retries."""
        return await self._policy.reading(lambda: self._exchange("POST", url, what, subject, data))

    async def pages(self, url: str, what: str, subject: str, key: str = "") -> AsyncIterator[Any]:
        """The items of a list; each page is read when it is needed.

        Args:
            url: From the API's root.
            what: The request, for messages.
            subject: The repository, for messages.
            key: The key of the items, where the answer is not the list itself.
        """
        page: str | None = url
        while page:
            reply = await self.read(page, what, subject)
            for item in reply.data[key] if key else reply.data:
                yield item
            page = reply.next

    async def write(self, method: str, url: str, what: str, subject: str, data: Any = b"") -> Reply:  # noqa: ANN401
        """POST, PATCH, PUT or DELETE: once; again only after a rate limit refused it.

        Args:
            method: Which.
            url: From the API's root.
            what: The request, for messages.
            subject: The repository, for messages.
            data: The body, which is sent as JSON.
        """
        return await self._policy.writing(lambda: self.write_once(method, url, what, subject, data))

    async def write_once(self, method: str, url: str, what: str, subject: str, data: Any = b"") -> Reply:  # noqa: ANN401
        """Like `write`, but never sent again, whatever the answer is."""
        async with self._writes:
            await self._wait_for_turn()
            return await self._exchange(method, url, what, subject, data)

    async def upload(self, url: str, what: str, subject: str, path: Path, content_type: str) -> Reply:
        """POST a file to the address that GitHub gave, as it is read; again only after a rate limit refused it."""
        return await self._policy.writing(lambda: self._upload(url, what, subject, path, content_type))

    async def _exchange(self, method: str, url: str, what: str, subject: str, data: Any = b"") -> Reply:  # noqa: ANN401
        token = (await self.credentials.token()).get_secret_value()
        try:
            return await Wire(self._client, self.server.api).exchange(method, url, data, token)
        except STUMBLES as error:
            raise as_error(error, self._request(what, subject)) from None

    async def _upload(self, url: str, what: str, subject: str, path: Path, content_type: str) -> Reply:
        token = (await self.credentials.token()).get_secret_value()
        headers = {
            **sansio.create_headers(USER_AGENT, oauth_token=token),
            **HEADERS,
            "content-type": content_type,
            "content-length": str(path.stat().st_size),
        }
        async with self._writes:
            await self._wait_for_turn()
            try:
                response = await self._client.post(url, content=_chunks(path), headers=headers)
                data, _, _ = sansio.decipher_response(response.status_code, response.headers, response.content)
            except STUMBLES as error:
                raise as_error(error, self._request(what, subject)) from None
        return Reply(data=data, headers=dict(response.headers))

    def _request(self, what: str, subject: str) -> ApiRequest:
        return ApiRequest(what=what, subject=subject, token=self.credentials.name)

    async def _wait_for_turn(self) -> None:
        async with self._turn:
            await asyncio.sleep(max(0.0, self._next_write - time.monotonic()))
            self._next_write = time.monotonic() + self.server.pause_between_writes


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk
