"""Lets every answer pass the judge: those that an httpx client gets, or all that an ASGI application gives."""

from urllib.parse import unquote

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.support.openapi.oracle import OpenApiOracle, UnfaithfulError, official

# Not in the description: GraphQL has its own, and files are served beside the API.
BESIDE = ("/graphql", "/api/graphql")


def _judge(response: httpx.Response) -> None:
    request = response.request
    if request.url.path not in BESIDE:
        path = unquote(request.url.path)
        official().check(request.method, path, response.status_code, response.headers, response.content)


def _check(response: httpx.Response) -> None:
    response.read()
    _judge(response)


async def _check_async(response: httpx.Response) -> None:
    await response.aread()
    _judge(response)


def checked_client(base_url: str, token: str | None = None) -> httpx.Client:
    """A client that fails on an answer which GitHub would not give."""
    return httpx.Client(base_url=base_url, headers=_headers(token), event_hooks={"response": [_check]}, trust_env=False)


def checked_async_client(
    base_url: str, token: str | None = None, *, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """The same, asynchronous; over a transport such as `httpx.ASGITransport` when one is given."""
    hooks = {"response": [_check_async]}
    return httpx.AsyncClient(
        base_url=base_url, headers=_headers(token), event_hooks=hooks, transport=transport, trust_env=False
    )


def _headers(token: str | None) -> dict[str, str]:
    accept = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}
    return accept if token is None else {**accept, "authorization": f"Bearer {token}"}


class Judge:
    """An ASGI application around the API that judges every answer, whichever client asked; it never stops one.

    Attributes:
        complaints: What was wrong with answers so far; a test asserts that there is nothing.
        answers: How many were judged.
    """

    def __init__(self, app: ASGIApp, *, oracle: OpenApiOracle | None = None) -> None:
        self._app = app
        self._oracle = oracle or official()
        self.complaints: list[str] = []
        self.answers = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http" or scope["path"] in BESIDE:
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        await self._app(scope, receive, answer)
        self.answers += 1
        try:
            self._oracle.check(scope["method"], scope["path"], answer.status, answer.headers, bytes(answer.body))
        except UnfaithfulError as error:
            self.complaints.append(str(error))


class _Answer:
    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            self.body += message.get("body", b"")
        await self._send(message)
