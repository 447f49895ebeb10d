"""The proxy in front of each of a world's servers: it logs requests, and makes faults happen."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from threading import Lock

from pydantic import Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interlock.common.frozen_model import FrozenModel
from rehearsal.faults import Effect, FaultScript, InjectedFault
from rehearsal.serving import close_connection

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# Makes an effect that only the server can make; called before the server gets the request.
Happen = Callable[[InjectedFault, Scope], Awaitable[None]]


class LoggedRequest(FrozenModel):
    """A request, and how it ended.

    Attributes:
        origin: The server: `api`, `uploads`, `git` or `index`.
        path: The path with the query; neither contains a token here.
        status: The status that the caller got; 0 for a closed connection.
        done: The server's own status; None if a fault kept the request away from it.
        note: The server's remark on what it did, as `dispatch core_release mjdevaccount/market_data_pipeline`.
        user: The name of the caller's token.
    """

    at: float
    origin: str
    method: str
    path: str
    status: int
    done: int | None
    note: str | None = None
    user: str | None = None
    fault: Effect | None = Field(default=None)

    @property
    def wrote(self) -> bool:
        """Whether it changed something."""
        # Git reads by POST as well, and answers a refused push with a success: there the note decides.
        took = self.method in WRITES and self.done is not None and self.done < 400
        return took and (self.origin != "git" or self.note is not None)


class RequestLog:
    """Every request in order, also in a file if one is given: a JSON object on each line."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._seen: list[LoggedRequest] = [LoggedRequest.model_validate_json(line) for line in _lines(file)]
        self._lock = Lock()

    def add(self, seen: LoggedRequest) -> None:
        """Add a request."""
        with self._lock:
            self._seen.append(seen)
            if self._file is not None:
                with self._file.open("a", encoding="utf-8") as log:
                    log.write(seen.model_dump_json() + "\n")

    def all(self) -> tuple[LoggedRequest, ...]:
        """Every request so far."""
        with self._lock:
            return tuple(self._seen)

    def writes(self, origin: str = "*") -> tuple[LoggedRequest, ...]:
        """The requests that changed something."""
        return tuple(seen for seen in self.all() if seen.wrote and origin in {"*", seen.origin})


def _lines(file: Path | None) -> Iterator[str]:
    if file is not None and file.exists():
        for line in file.read_text("utf-8").splitlines():
            # A killed server may have left half a line.
            if _is_whole(line):
                yield line


def _is_whole(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def note(scope: Scope, what: str, user: str | None = None) -> None:
    """Note for the log what a request did, and its user; the servers call this."""
    scope["rehearsal.note"] = what
    if user is not None:
        scope["rehearsal.user"] = user


class FaultProxy:
    """An ASGI application around a server's.

    Args:
        app: The server's application.
        origin: Its name in faults and in the log.
        faults: The faults of the world.
        log: The requests of the world.
        happen: Makes the effects `race`, `expire` and `stale`.
    """

    def __init__(
        self, app: ASGIApp, *, origin: str, faults: FaultScript, log: RequestLog, happen: Happen | None = None
    ) -> None:
        self._app, self._origin, self._faults, self._log, self._happen = app, origin, faults, log, happen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; anything but HTTP is passed on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        fault = self._faults.take(self._origin, scope["method"], scope["path"])
        exchange = _Exchange(send, lambda: self._log.add(self._entry(scope, exchange, fault)))
        try:
            await self._serve(fault, scope, receive, exchange)
        finally:
            exchange.end()

    async def _serve(self, fault: InjectedFault | None, scope: Scope, receive: Receive, exchange: "_Exchange") -> None:
        effect = fault.effect if fault else None
        if fault and effect in {Effect.SLOW, Effect.RACE, Effect.EXPIRE, Effect.STALE}:
            await self._first(fault, scope)
        if effect not in {Effect.REFUSE, Effect.DROP}:
            exchange.passes = effect not in {Effect.LOSE, Effect.CUT}
            await self._app(scope, receive, exchange)
        if effect in {Effect.DROP, Effect.CUT}:
            await exchange.close(scope)
        elif fault and effect in {Effect.REFUSE, Effect.LOSE}:
            await exchange.answer(fault)

    async def _first(self, fault: InjectedFault, scope: Scope) -> None:
        if fault.effect is Effect.SLOW:
            await asyncio.sleep(fault.seconds)
        elif self._happen is not None:
            await self._happen(fault, scope)

    def _entry(self, scope: Scope, exchange: "_Exchange", fault: InjectedFault | None) -> LoggedRequest:
        query = scope["query_string"].decode("latin-1")
        return LoggedRequest(
            at=time.time(),
            origin=self._origin,
            method=scope["method"],
            path=scope["path"] + (f"?{query}" if query else ""),
            status=exchange.status,
            done=exchange.done,
            note=scope.get("rehearsal.note"),
            user=scope.get("rehearsal.user"),
            fault=fault.effect if fault else None,
        )


class _Exchange:
    """The sending side of a request: passes on the server's answer, or keeps it back.

    The request is logged before its caller can know that it ended, so a caller that reads the log finds it there.
    """

    def __init__(self, send: Send, log: Callable[[], None]) -> None:
        self._send, self._log, self._is_logged = send, log, False
        self.passes = True
        self.status = 0
        self.done: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.done = message["status"]
            self.status = self.done if self.passes and self.done is not None else 0
        if self.passes:
            if _is_the_end(message):
                self.end()
            await self._send(message)

    def end(self) -> None:
        if not self._is_logged:
            self._is_logged = True
            self._log()

    async def answer(self, fault: InjectedFault) -> None:
        self.status = fault.status
        body = b'{"message": "a fault that was asked for"}'
        headers = {"content-type": "application/json", "content-length": str(len(body)), **fault.headers}
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": fault.status, "headers": encoded})
        self.end()
        await self._send({"type": "http.response.body", "body": body})

    async def close(self, scope: Scope) -> None:
        self.end()
        if await close_connection(scope):
            return
        # A server that breaks off a promised body can only close the connection.
        await self._send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})


def _is_the_end(message: Message) -> bool:
    """Whether this message shows the caller that the answer is complete."""
    if message["type"] == "http.response.start":
        return message["status"] in {204, 304} or (b"content-length", b"0") in message.get("headers", ())
    return not message.get("more_body", False)
