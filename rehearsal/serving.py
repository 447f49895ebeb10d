"""Serves ASGI applications on loopback, many in one event loop, and stops at once, even with open connections."""

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
# Many clients may connect at once, and a short queue would make some of them wait a second.
BACKLOG = 128
# The key in a request's scope for a function that closes its connection without an answer.
CLOSE = "rehearsal.close"
# The key for reason phrases by status: PyPI, for example, says more than "Bad Request".
REASONS = "rehearsal.reasons"


class PortTakenError(OSError):
    """A port is in use."""


def bind(port: int = 0) -> socket.socket:
    """Bind a port on loopback, any free one for 0; it refuses connections until it is served.

    Raises:
        PortTakenError: Another program has it.
    """
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if port:  # when a world is started again, its port may have been closed just now
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
    """Let connections wait until the port is served; a second call changes nothing.

    Raises:
        PortTakenError: Two had bound the port, and the other was first to listen.
    """
    with _or_port_taken(sock, sock.getsockname()[1]):
        sock.listen(BACKLOG)


def url_of(sock: socket.socket) -> str:
    """The address of a bound port, as `http://127.0.0.1:40123`."""
    return f"http://{HOST}:{sock.getsockname()[1]}"


@contextlib.asynccontextmanager
async def serve_all(
    apps: Mapping[str, ASGIApp], sockets: Mapping[str, socket.socket] | None = None
) -> AsyncIterator[dict[str, str]]:
    """Serve each application on a port of its own until the end of the block; yields their addresses by name.

    Args:
        apps: The applications by name.
        sockets: Bound sockets by name, for applications that must know their addresses before they are made; others
            get any free port. All are closed at the end.

    Raises:
        PortTakenError: Another program was first to listen on one of them.
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
    await asyncio.sleep(0)  # lets each connection notice that it is lost, so that it tries no answer
    tasks = list(state.tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Connection(h11.Connection):
    """Sends the application's reason phrase for a status instead of the usual one."""

    reasons: dict[int, str]

    def send(self, event: h11.Event) -> bytes | None:  # type: ignore[override]  # its overloads say no more
        if isinstance(event, h11.Response) and (reason := self.reasons.get(event.status_code)):
            said = " ".join(reason.split()).encode("latin-1", "replace")
            event = h11.Response(status_code=event.status_code, headers=event.headers, reason=said)
        return super().send(event)


class _Protocol(H11Protocol):
    """HTTP/1.1 in which an application can close its connection, and set the reason phrase of a status."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        app, self.conn = self.app, _Connection(h11.SERVER)

        async def extended(scope: Scope, receive: Receive, send: Send) -> None:
            scope[CLOSE], scope[REASONS] = transport.close, {}
            connection.reasons = scope[REASONS]
            # When the server ends, this is cancelled, and there is no caller left to answer.
            with contextlib.suppress(asyncio.CancelledError):
                await app(scope, receive, send)

        connection = self.conn
        connection.reasons = {}
        self.app = extended


async def close_connection(scope: Scope) -> bool:
    """Close the connection of a request without an answer; False if the server can't do that."""
    close: Callable[[], None] | None = scope.get(CLOSE)
    if close is None:
        return False
    close()
    await asyncio.sleep(0)  # lets the connection notice that it is closed
    return True
