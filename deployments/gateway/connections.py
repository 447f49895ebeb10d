"""Limits of connections: strangers who send slowly, much or nothing must not keep genuine senders out.

A connection waits for its peer until the head and the body of a request are complete. Each of these has its time, after
which the connection is closed. When there are more connections than the limit, the one that has waited longest is
closed for the new one: a genuine sender does not let the gateway wait, so it is hardly ever the one.
"""

import asyncio
import logging
import resource
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import h11
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from deployments.gateway.logs import say
from interlock.common.frozen_model import FrozenModel


class ConnectionLimits(FrozenModel):
    """The limits of connections and heads.

    Attributes:
        connections: How many at once.
        head_seconds: The time from the beginning of the connection, or from the last answer, to the end of the head.
        body_seconds: The time that a body may take; longer than that of `Limits`, so that its sender gets an answer.
        headers: How many headers a request may have; GitHub sends about twenty.
        head_bytes: The size of all of them together.
    """

    connections: int = 1000
    head_seconds: float = 10.0
    body_seconds: float = 40.0
    headers: int = 100
    head_bytes: int = 32_768


class Wait(NamedTuple):
    """What a connection waits for, and the timer that closes it."""

    state: object
    timer: asyncio.TimerHandle


@dataclass(frozen=True)
class Waiting:
    """The connections of one server that wait for their peers, the oldest first.

    Attributes:
        most: How many connections there may be.
    """

    limits: ConnectionLimits
    most: int
    waits: "dict[BoundedProtocol, Wait]" = field(default_factory=dict)


class BoundedConfig(uvicorn.Config):
    """uvicorn's settings, with the limits of connections.

    Args:
        app: The application.
        limits: The limits; there are never more connections than half of the open files that this process may have.
        settings: uvicorn's own.
    """

    def __init__(self, app: ASGIApp, limits: ConnectionLimits, **settings: Any) -> None:  # noqa: ANN401  uvicorn's
        super().__init__(
            HeadGuard(app, limits), http=BoundedProtocol, h11_max_incomplete_event_size=limits.head_bytes, **settings
        )
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        unlimited = files == resource.RLIM_INFINITY
        self.waiting = Waiting(limits, limits.connections if unlimited else min(limits.connections, files // 2))


class BoundedProtocol(H11Protocol):
    """A connection that is closed when its peer lets it wait."""

    config: BoundedConfig

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Make room for it, and wait for its first head."""
        super().connection_made(transport)
        waiting = self.config.waiting
        if len(self.connections) > waiting.most:
            oldest = next(iter(waiting.waits), self)
            oldest.close_waiting("too many connections")
        if not transport.is_closing():
            self._follow()

    def data_received(self, data: bytes) -> None:
        """Handle the data, and follow what the connection waits for now."""
        super().data_received(data)
        self._follow()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of a body that nobody needed."""
        super().on_response_complete()
        self._follow()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._end_wait()
        super().connection_lost(exc)

    def close_waiting(self, why: str) -> None:
        """Close it, since its peer lets it wait."""
        say(logging.WARNING, "connection closed", reason=why)
        self._end_wait()
        self.transport.close()

    def _follow(self) -> None:
        limits, state = self.config.waiting.limits, self.conn.their_state
        known = self.config.waiting.waits.get(self)
        if known is not None and known.state is state:
            return  # the time goes on, however often it gets a byte
        seconds = {h11.IDLE: limits.head_seconds, h11.SEND_BODY: limits.body_seconds}.get(state)
        if known is not None:
            known.timer.cancel()
        if seconds is None or self.transport.is_closing():
            self._end_wait()
            return
        timer = self.loop.call_later(seconds, self.close_waiting, "too slow")
        self.config.waiting.waits[self] = Wait(state, timer)

    def _end_wait(self) -> None:
        if known := self.config.waiting.waits.pop(self, None):
            known.timer.cancel()


class HeadGuard:
    """Refuses heads that are too large, and those that say in two ways how long the body is (RFC 9112, 6.1)."""

    def __init__(self, app: ASGIApp, limits: ConnectionLimits) -> None:
        self._app, self._limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "http" and (refused := self._refused(scope["headers"])):
            status, words = refused
            say(logging.WARNING, "request refused", reason=words)
            # What follows in this connection may be anything.
            await PlainTextResponse(f"{words}\n", status, {"connection": "close"})(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refused(self, headers: list[tuple[bytes, bytes]]) -> tuple[int, str] | None:
        if len(headers) > self._limits.headers:
            return 431, "too many headers"
        if sum(len(name) + len(value) for name, value in headers) > self._limits.head_bytes:
            return 431, "the headers are too large"
        if {b"content-length", b"transfer-encoding"} <= {name for name, _ in headers}:
            return 400, "a body has a Content-Length or a Transfer-Encoding, not both"
        return None


def raise_file_limit() -> None:
    """Let this process open as many files as it may: each connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS says "unlimited" and allows less
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
