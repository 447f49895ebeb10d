"""Serving ASGI applications on loopback, many in one event loop; ending at once, whoever is there."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import h11
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

HOST = "127.0.0.1"
# Many clients connect at the same moment: a short queue would make some of them wait a second.
BACKLOG = 128
# In the scope of a request: a function that closes its connection without an answer.
CLOSE = "rehearsal.close"
# In the same: reason phrases by status, for an application that has more to say than "Bad Request" (as PyPI has).
REASONS = "rehearsal.reasons"


class PortTakenError(OSError):
    """A port that was asked for is in use."""


def bind(port: int = 0) -> socket.socket:
    """Take a port on loopback, any free one for 0; it refuses connections until something is served there.

    Raises:
        PortTakenError: Something else has it.
    """
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if port:  # which was in use a moment ago, when a world is brought up again
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with _or_port_taken(taken, port):
        taken.bind((HOST, port))
    return taken


@contextlib.contextmanager
def _or_port_taken(sock: socket.socket, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        sock.close()
        raise PortTakenError(error.errno, f"port {port} can't be had: {error.strerror}") from None


def listen(sock: socket.socket) -> None:
    """Let connections wait there until something is served; a repetition changes nothing.

    Raises:
        PortTakenError: Two had bound the port, and the other was first to listen.
    """
    with _or_port_taken(sock, sock.getsockname()[1]):
        sock.listen(BACKLOG)


def url_of(sock: socket.socket) -> str:
    """The address of what is served there, as `http://127.0.0.1:40123`."""
    return f"http://{HOST}:{sock.getsockname()[1]}"


@contextlib.asynccontextmanager
async def serve_all(
    apps: Mapping[str, ASGIApp], sockets: Mapping[str, socket.socket] | None = None
) -> AsyncIterator[dict[str, str]]:
    """Serve each application on a port of its own until the end of the block; gives their addresses by name.

    Args:
        apps: By name.
        sockets: Where each is served, as `bind` gave it (for applications that must know their addresses before they
            are made); any free port for those that are not named. All are closed at the end.

    Raises:
        PortTakenError: Something else was first to listen on one of them.
    """
    async with contextlib.AsyncExitStack() as stack:
        urls = {}
        for name, app in apps.items():
            sock = (sockets or {}).get(name) or bind()
            listen(sock)
            urls[name] = url_of(sock)
            await stack.enter_async_context(_serving(app, sock))
        yield urls


@contextlib.asynccontextmanager
async def _serving(app: ASGIApp, sock: socket.socket) -> AsyncIterator[None]:
    # uvicorn's own server wakes ten times a second to see whether it should end, takes the process's signals,
    # and waits for connections that nobody uses; its protocol is all that is needed.
    config = Config(app, interface="asgi3", ws="none", lifespan="off", log_config=None, access_log=False)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Protocol(config, state, {}), sock=sock, backlog=BACKLOG
    )
    try:
        yield
    finally:
        server.close()
        await _end(state)


async def _end(state: ServerState) -> None:
    for connection in list(state.connections):
        connection.transport.abort()
    await asyncio.sleep(0)  # lets each connection learn that it is lost, so that no answer is tried
    tasks = list(state.tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Connection(h11.Connection):
    """Sends the reason that an application gave for a status, in place of the usual one."""

    reasons: dict[int, str]

    def send(self, event: h11.Event) -> bytes | None:  # type: ignore[override]  # its overloads say no more
        if isinstance(event, h11.Response) and (reason := self.reasons.get(event.status_code)):
            said = " ".join(reason.split()).encode("latin-1", "replace")
            event = h11.Response(status_code=event.status_code, headers=event.headers, reason=said)
        return super().send(event)


class _Protocol(H11Protocol):
    """HTTP/1.1 that lets an application close the connection on its caller, and give a status its reason."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        app, self.conn = self.app, _Connection(h11.SERVER)

        async def extended(scope: Scope, receive: Receive, send: Send) -> None:
            scope[CLOSE], scope[REASONS] = transport.close, {}
            connection.reasons = scope[REASONS]
            # Cancelled when the server ends: nobody is there to be answered.
            with contextlib.suppress(asyncio.CancelledError):
                await app(scope, receive, send)

        connection = self.conn
        connection.reasons = {}
        self.app = extended


async def close_connection(scope: Scope) -> bool:
    """Close the connection of a request without an answer; False where the server gives no way to."""
    close: Callable[[], None] | None = scope.get(CLOSE)
    if close is None:
        return False
    close()
    await asyncio.sleep(0)  # lets the connection learn that it is closed
    return True
