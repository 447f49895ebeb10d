import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from rehearsal import server_process
from rehearsal.fault_proxy import FaultProxy, RequestLog
from rehearsal.faults import Effect, FaultScript, InjectedFault
from rehearsal.serving import (
    CLOSE,
    REASONS,
    PortTakenError,
    bind,
    close_connection,
    listen,
    serve_all,
    url_of,
)
from tests.support.universe.served import Served


class App:
    """Says its name, or does what the path says."""

    def __init__(self, name: str = "app") -> None:
        self.name = name
        self.waits = threading.Event()

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["path"] == "/close":
            assert await close_connection(scope)
            return
        if scope["path"] == "/wait":
            self.waits.set()
            await asyncio.sleep(60)
        if scope["path"] == "/reason":
            scope[REASONS][200] = "it is\n  well – so"
        body = self.name.encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client() as opened:
        yield opened


def test_an_application_is_served_between_start_and_stop(client: httpx.Client) -> None:
    threads = threading.active_count()
    served = Served(App())
    with pytest.raises(httpx.ConnectError):
        client.get(served.url)
    assert served.start() == served.url
    assert client.get(served.url).text == "app"
    served.stop()
    with pytest.raises(httpx.ConnectError):
        client.get(served.url)
    served.stop()
    assert threading.active_count() == threads


def test_one_that_was_never_started_gives_its_port_back() -> None:
    served = Served(App())
    port = int(served.url.rpartition(":")[2])
    with pytest.raises(PortTakenError, match=f"port {port} can't be had"):
        Served(App(), port=port)
    served.stop()
    first, second = Served(App(), port=port), Served(App(), port=port)
    with first:
        assert first.url == served.url
        with pytest.raises(PortTakenError, match=f"port {port} can't be had"):
            second.start()
    second.stop()


def test_a_world_that_has_its_ports_can_lose_them_to_nobody() -> None:
    with contextlib.closing(server_process._bind(0)) as ours:
        port = ours.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"port {port} can't be had"):
            listen(bind(port))
        with contextlib.closing(server_process._bind(port)) as another:
            assert another.getsockname()[1] != port


def test_the_end_waits_for_nobody_and_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    app, ended = App(), []

    def ask(url: str) -> None:
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"{url}/wait", timeout=60)
        ended.append(True)

    with Served(app) as served, socket.create_connection(("127.0.0.1", int(served.url.rpartition(":")[2]))) as idle:
        thread = threading.Thread(target=ask, args=[served.url])
        thread.start()
        app.waits.wait()
        served.stop()
        thread.join()
        idle.settimeout(10)
        assert idle.recv(1) == b""
    assert ended
    assert caplog.messages == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_connection_can_be_closed_without_an_answer(client: httpx.Client, method: str) -> None:
    with Served(App()) as served:
        client.get(served.url)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            client.request(method, f"{served.url}/close")
        assert client.get(served.url).text == "app"


@pytest.mark.parametrize("effect", [Effect.DROP, Effect.CUT])
def test_a_fault_closes_the_connection_whatever_was_asked(client: httpx.Client, effect: Effect) -> None:
    log = RequestLog()
    front = FaultProxy(App(), origin="api", faults=FaultScript([InjectedFault(effect=effect, times=2)]), log=log)
    with Served(front) as served:
        for method in ("HEAD", "POST"):
            with pytest.raises(httpx.RemoteProtocolError):
                client.request(method, served.url)
    assert [(seen.status, seen.done) for seen in log.all()] == [(0, 200 if effect is Effect.CUT else None)] * 2


def _a_scope(close: Callable[[], None]) -> Scope:
    return {"type": "http", "method": "GET", "path": "/", "query_string": b"", CLOSE: close}


@pytest.mark.parametrize("head", [(204, []), (304, []), (200, [(b"content-length", b"0")])])
def test_an_answer_without_a_body_is_in_the_log_before_it_begins(head: tuple[int, list[tuple[bytes, bytes]]]) -> None:
    logged: list[int] = []
    log = RequestLog()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": head[0], "headers": head[1]})
        await send({"type": "http.response.body", "body": b""})

    async def send(_message: Message) -> None:
        logged.append(len(log.all()))

    async def receive() -> Message:
        return {"type": "http.request"}

    front = FaultProxy(app, origin="api", faults=FaultScript(), log=log)
    asyncio.run(front(_a_scope(lambda: None), receive, send))
    assert logged == [1, 1]


@pytest.mark.parametrize("effect", [None, Effect.REFUSE, Effect.LOSE, Effect.DROP, Effect.CUT, Effect.SLOW])
def test_a_request_is_in_the_log_before_its_caller_knows_that_it_ended(effect: Effect | None) -> None:
    logged: list[int] = []
    log, told = RequestLog(), _a_scope(lambda: logged.append(len(log.all())))
    script = FaultScript([InjectedFault(effect=effect)] if effect else [])

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            logged.append(len(log.all()))

    async def receive() -> Message:
        return {"type": "http.request"}

    asyncio.run(FaultProxy(App(), origin="api", faults=script, log=log)(told, receive, send))
    assert logged == [1]
    assert len(log.all()) == 1


def test_a_status_can_have_a_reason_of_its_own_for_one_answer(client: httpx.Client) -> None:
    with Served(App()) as served:
        assert client.get(f"{served.url}/reason").reason_phrase == "it is well ? so"
        assert client.get(served.url).reason_phrase == "OK"


def test_elsewhere_a_connection_can_not_be_closed() -> None:
    assert asyncio.run(close_connection({"type": "http"})) is False


def test_many_are_served_in_one_loop_until_the_end_of_the_block(client: httpx.Client) -> None:
    place = bind()

    async def serving() -> dict[str, str]:
        apps = {"one": App("one"), "other": App("other")}
        async with serve_all(apps, {"other": place}) as urls:
            async with httpx.AsyncClient() as asking:
                answers = [(await asking.get(url)).text for url in urls.values()]
            assert answers == ["one", "other"]
            return urls

    before = url_of(place)
    urls = asyncio.run(serving())
    assert urls["other"] == before
    for url in urls.values():
        with pytest.raises(httpx.ConnectError):
            client.get(url)
