"""Named servers for a program in the sandbox, and nothing else of the network.

Theory of operation. The sandbox has no network. A socket in one of its folders leads to this process, which speaks
HTTP's proxy protocol there: it connects to a server that is named, and refuses every other. `sandbox_relay` runs inside
and makes the socket look like a proxy on the sandbox's own loopback, which every tool understands. TLS goes from end to
end, so this process reads nothing of it. A name counts, and the address behind it too: a server that resolves to this
machine or to a private network is refused, unless the operator named it (as the family's own index).
"""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

CONNECT_SECONDS = 30.0
LONGEST_HEAD = 1 << 16
STEP = 1 << 16
REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
NOT_THERE = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
# Between a client and its proxy; what follows them says that the server ends the connection.
HOP = (b"connection:", b"proxy-")


class Server(NamedTuple):
    """A server by name and port."""

    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Server | None":
        """The server of an http or https address; None for another one."""
        try:
            parts = urlsplit(url)
            port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        except (KeyError, ValueError):
            return None
        return cls(parts.hostname.lower(), port) if parts.hostname else None


@contextlib.asynccontextmanager
async def leading_to(
    servers: Collection[Server], path: Path, *, anywhere: Collection[Server] = ()
) -> AsyncIterator[None]:
    """Serve a proxy at a socket until the end of the block.

    Args:
        servers: Servers that it connects to when their addresses are public.
        path: Where the socket is made, of at most a hundred characters.
        anywhere: Servers that it connects to whatever their addresses are.
    """
    gate = _Gate(frozenset(servers), frozenset(anywhere))
    server = await asyncio.start_unix_server(gate.serve, path, limit=LONGEST_HEAD)
    try:
        yield
    finally:
        server.close()
        for task in gate.tasks:
            task.cancel()
        await asyncio.gather(*gate.tasks, return_exceptions=True)


class _Gate:
    def __init__(self, servers: Collection[Server], anywhere: Collection[Server]) -> None:
        self._servers, self._anywhere = servers, anywhere
        self.tasks: set[asyncio.Task[None]] = set()

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, *_ = head.decode("latin-1").split(" ", 2)
            server = Server.of(f"https://{target}" if method == "CONNECT" else target)
            there = await self._connected(server) if server else None
            if there is None:
                writer.write(REFUSED)
            elif method == "CONNECT":
                await _joined((reader, writer), there, CONNECTED, b"")
            else:
                await _joined((reader, writer), there, b"", _direct(head, method, target))
            await writer.drain()
        except (OSError, ValueError, EOFError, asyncio.LimitOverrunError):
            writer.write(NOT_THERE)  # also to a client that is in the middle of an answer, and sees that it broke off
        finally:
            writer.close()

    async def _connected(self, server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection to a server; None where it may not be reached."""
        if server not in self._servers and server not in self._anywhere:
            return None
        found = await asyncio.get_running_loop().getaddrinfo(server.host, server.port, proto=6)
        addresses = [str(each[4][0]) for each in found]
        if server not in self._anywhere:
            addresses = [each for each in addresses if ipaddress.ip_address(each).is_global]
        if not addresses:
            return None
        async with asyncio.timeout(CONNECT_SECONDS):
            return await asyncio.open_connection(addresses[0], server.port)


def _direct(head: bytes, method: str, target: str) -> bytes:
    """A request to a proxy, as its server expects it."""
    parts = urlsplit(target)
    path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    lines = [line for line in head.split(b"\r\n")[1:] if line and not line.lower().startswith(HOP)]
    return b"\r\n".join([f"{method} {path} HTTP/1.1".encode("latin-1"), *lines, b"Connection: close", b"", b""])


async def _joined(
    here: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    there: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    to_here: bytes,
    to_there: bytes,
) -> None:
    """Pass on what comes in both directions, until both have ended."""
    here[1].write(to_here)
    there[1].write(to_there)
    try:
        await asyncio.gather(_pass_on(here[0], there[1]), _pass_on(there[0], here[1]))
    finally:
        there[1].close()


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(STEP):
        target.write(data)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()
