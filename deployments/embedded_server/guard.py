"""What the embedded server refuses before Prefect sees it: names of other hosts, other origins, bodies without a type.

A page in the user's browser can send requests to any address, also to this machine. Three kinds look as if a program of
this machine had sent them: one to a name that its owner points at 127.0.0.1 (DNS rebinding), one with a body that is
not declared as JSON, which the browser sends without a preflight, and a WebSocket, for which there is no preflight. The
password stops them too; this module does not depend on it.
"""

import re
from collections.abc import Collection, Iterable
from http import HTTPStatus

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

OWN_HOST = re.compile(rb"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
JSON = re.compile(rb"application/json\s*(;.*)?", re.IGNORECASE)
# A page that shows the UI in a frame could have the user click there; and the UI would report its use to its makers.
POLICY = "frame-ancestors 'none'; connect-src 'self' blob: {own}"


class Guard:
    """An ASGI application in front of another one.

    Args:
        app: What answers requests that are not refused.
        origins: The origins that browsers may send from, such as "http://127.0.0.1:4270".
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in origins)
        own = sorted([*origins, *(origin.replace("http", "ws", 1) for origin in origins)])
        self._policy = (b"content-security-policy", POLICY.format(own=" ".join(own)).encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or hand it on."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
        elif (refusal := self._refusal(scope)) is None:
            await self._app(scope, receive, self._with_policy(send))
        elif scope["type"] == "websocket":
            await WebSocketClose()(scope, receive, send)
        else:
            status, detail = refusal
            await JSONResponse({"detail": detail}, status)(scope, receive, send)

    def _with_policy(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), self._policy]}
            await send(message)

        return sent

    def _refusal(self, scope: Scope) -> tuple[HTTPStatus, str] | None:
        hosts = _values(scope, b"host")
        if len(hosts) != 1 or OWN_HOST.fullmatch(hosts[0]) is None:
            return HTTPStatus.BAD_REQUEST, "This server has another name."
        if not self._origins.issuperset(_values(scope, b"origin")):
            return HTTPStatus.FORBIDDEN, "Pages of other origins may not use this server."
        types = _values(scope, b"content-type")
        if _has_body(scope) and (not types or not all(map(JSON.fullmatch, types))):
            return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A body must be application/json, and say so."
        return None


def _has_body(scope: Scope) -> bool:
    return bool(_values(scope, b"transfer-encoding")) or any(
        length != b"0" for length in _values(scope, b"content-length")
    )


def _values(scope: Scope, name: bytes) -> list[bytes]:
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return [value for key, value in headers if key == name]
