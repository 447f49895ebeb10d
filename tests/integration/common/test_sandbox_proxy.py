"""A program in the sandbox reaches the servers that it may reach, and no other."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Collection
from pathlib import Path

import pytest

from interlock.common.sandbox_proxy import Server, leading_to


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + head)
    await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def _server() -> AsyncIterator[Server]:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    async with server:
        yield Server("127.0.0.1", server.sockets[0].getsockname()[1])


def ask(request: str, *, public: bool = False, others: Collection[Server] = ()) -> bytes:
    """What comes back through the proxy, with one server that it leads to (`{0}`)."""

    async def asked() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "socket")
            async with _server() as server:
                servers, anywhere = ([server, *others], []) if public else (others, [server])
                async with leading_to(servers, path, anywhere=anywhere):
                    reader, writer = await asyncio.open_unix_connection(path)
                    writer.write(request.format(f"{server.host}:{server.port}").encode())
                    try:
                        return await asyncio.wait_for(reader.read(), 10)
                    finally:
                        writer.close()

    return asyncio.run(asked())


def test_a_request_reaches_its_server_as_one_of_its_own() -> None:
    said = ask("GET http://{0}/simple/?a=b HTTP/1.1\r\nHost: x\r\nProxy-Authorization: y\r\nConnection: z\r\n\r\n")
    assert said.partition(b"\r\n\r\n")[2] == b"GET /simple/?a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def test_a_tunnel_leads_to_its_server() -> None:
    said = ask("CONNECT {0} HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK")


@pytest.mark.parametrize(
    "request_",
    [
        "GET http://127.0.0.1:1/ HTTP/1.1\r\n\r\n",
        "CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n",
        "CONNECT other.example.org:443 HTTP/1.1\r\n\r\n",
        "GET file:///etc/passwd HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: {0}\r\n\r\n",
        "CONNECT [::1]:1 HTTP/1.1\r\n\r\n",
    ],
)
def test_no_other_server_is_reached(request_: str) -> None:
    said = ask(request_)
    assert b"200 OK" not in said


@pytest.mark.parametrize(
    "request_", ["\r\n\r\n", "GET\r\n\r\n", "CONNECT a:b HTTP/1.1\r\n\r\n", "GET http://[ x\r\n\r\n"]
)
def test_nonsense_ends_the_connection(request_: str) -> None:
    assert ask(request_).startswith(b"HTTP/1.1 ")


def test_a_server_that_is_only_named_is_not_reached_in_a_private_network() -> None:
    assert ask("GET http://{0}/ HTTP/1.1\r\n\r\n", public=True).startswith(b"HTTP/1.1 403 ")
