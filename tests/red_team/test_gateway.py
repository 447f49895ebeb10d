"""Attacks on the gateway's endpoints by people without a secret, and by people with the secret of one repository."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from deployments.gateway.connections import ConnectionLimits
from interlock.webhooks import Source
from interlock.webhooks.signature import sign
from tests.support.gateways import Up, with_gateway
from tests.support.hub_with_gateway import HubWithGateway
from tests.support.judged_hub import JudgedHub
from tests.support.ledgers import scratch_ledger
from tests.support.webhook_values import SECRETS, a_push, a_release, as_body, github_headers, signed_headers

PUSH = as_body(a_push())
HALF = b"POST /webhooks/github HTTP/1.1\r\nhost: gateway\r\nx-"
LONG = 3600.0


# ---- connections ------------------------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path) -> HubWithGateway:
    return HubWithGateway(JudgedHub(tmp_path / "github"), SecretStr(f"sqlite:///{tmp_path}/ledger.db"))


@contextlib.contextmanager
def sending(world: HubWithGateway, count: int, data: bytes) -> Iterator[list[socket.socket]]:
    """Connections that each send this, and then nothing."""
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(socket.create_connection(("127.0.0.1", world.port), 30)) for _ in range(count)]
        for each in made:
            each.sendall(data)
        yield made


def deliver(world: HubWithGateway) -> int:
    """What a genuine delivery is answered with."""
    headers = github_headers("push", PUSH)
    return httpx.post(world.url, content=PUSH, headers=headers, trust_env=False, timeout=30).status_code


def is_closed(connection: socket.socket) -> bool:
    """Whether the gateway closes it, in the end."""
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True


def answered(world: HubWithGateway, request: bytes) -> bytes:
    """All that comes back before the gateway closes the connection."""
    got = bytearray()
    with sending(world, 1, request) as (connection,), contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(10_000):
            got += piece
    return bytes(got)


def send_for_ever(connection: socket.socket) -> None:
    """Send byte after byte."""
    while True:
        connection.sendall(b"a")
        time.sleep(0.01)


@pytest.mark.parametrize("data", [b"", HALF, HALF + b"a: b\r\n" * 50], ids=["nothing", "half a head", "a long half"])
def test_who_sends_half_a_head_keeps_nobody_out(world: HubWithGateway, data: bytes) -> None:
    world.connections = ConnectionLimits(connections=8, head_seconds=LONG)
    with world.gateway(), sending(world, 40, data):
        assert [deliver(world) for _ in range(3)] == [202, 202, 202]


def test_who_sends_half_a_body_keeps_nobody_out(world: HubWithGateway) -> None:
    head = [f"{name}: {text}" for name, text in github_headers("push", PUSH).items()]
    lines = ["POST /webhooks/github HTTP/1.1", "host: gateway", *head, "content-length: 1000", "", "half"]
    world.connections = ConnectionLimits(connections=8, body_seconds=LONG)
    with world.gateway(), sending(world, 40, "\r\n".join(lines).encode()):
        assert [deliver(world) for _ in range(3)] == [202, 202, 202]


def test_who_keeps_answered_connections_open_keeps_nobody_out(world: HubWithGateway) -> None:
    world.connections = ConnectionLimits(connections=8)
    with world.gateway(), sending(world, 40, b"GET /healthz HTTP/1.1\r\nhost: gateway\r\n\r\n"):
        assert [deliver(world) for _ in range(3)] == [202, 202, 202]


@pytest.mark.parametrize("data", [b"", HALF])
def test_a_head_that_does_not_come_ends_its_connection(world: HubWithGateway, data: bytes) -> None:
    world.connections = ConnectionLimits(head_seconds=0.3)
    with world.gateway(), sending(world, 30, data) as made:
        assert all(is_closed(each) for each in made)
        assert deliver(world) == 202


def test_a_head_that_comes_byte_by_byte_ends_its_connection_too(world: HubWithGateway) -> None:
    world.connections = ConnectionLimits(head_seconds=0.3)
    with world.gateway(), sending(world, 1, HALF) as (connection,), pytest.raises(ConnectionError):
        send_for_ever(connection)


def test_a_body_that_nobody_needs_and_that_does_not_end_ends_its_connection(world: HubWithGateway) -> None:
    world.connections = ConnectionLimits(body_seconds=0.3)
    request = b"POST /nowhere HTTP/1.1\r\nhost: gateway\r\ncontent-length: 1000000\r\n\r\n"
    with world.gateway(), sending(world, 1, request) as (connection,), pytest.raises(ConnectionError):
        send_for_ever(connection)


def test_heads_are_bounded_and_say_once_how_long_the_body_is(world: HubWithGateway) -> None:
    def post(*headers: str) -> bytes:
        known = [f"{name}: {text}" for name, text in github_headers("push", PUSH).items()]
        head = ["POST /webhooks/github HTTP/1.1", "host: gateway", *known, *headers, "", ""]
        return answered(world, "\r\n".join(head).encode() + PUSH)

    length = f"content-length: {len(PUSH)}"
    with world.gateway():
        assert post(length, "connection: close").startswith(b"HTTP/1.1 202 ")
        assert post(length, *["x-many: a"] * 3000).startswith(b"HTTP/1.1 431 ")
        assert post(length, f"x-large: {'a' * 100_000}").startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))
        for both in ((length, "transfer-encoding: chunked"), ("Transfer-Encoding: chunked", length)):
            assert post(*both).startswith(b"HTTP/1.1 400 ")
        assert post(length, length.replace(": ", ": 1")).startswith(b"HTTP/1.1 400 ")
    assert len(world.deliveries()) == 1


# ---- secrets ----------------------------------------------------------------------------------------------------


def refused(path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    """What it is refused with; nothing of it is kept."""
    ledger = scratch_ledger()

    async def work(up: Up) -> tuple[int, str]:
        answer = await up.post(path, body, headers)
        return answer.status_code, str(answer.json().get("reason"))

    found = with_gateway(work, ledger)
    assert ledger.deliveries() == ()
    return found


@pytest.mark.parametrize("named", ["alice/core", "Alice/CORE"])
def test_a_repositorys_own_secret_counts_for_it(named: str) -> None:
    body = as_body(a_release(name=named))

    async def work(up: Up) -> list[int]:
        github = github_headers("release", body, repository="alice/core")
        posted = as_body({"event": "release", "repository": named, "version": "1.2.11"})
        own = [await up.post("github", body, github), await up.post("signed", posted, signed_headers(posted))]
        return [each.status_code for each in own]

    assert with_gateway(work, scratch_ledger()) == [202, 202]


def test_one_repositorys_secret_forges_nothing_of_another() -> None:
    release = as_body(a_release())
    assert refused("github", release, github_headers("release", release, repository="alice/store")) == (403, "foreign")
    foreign = as_body(a_push("mallory/core"))
    assert refused("github", foreign, github_headers("push", foreign, repository="alice/store")) == (403, "foreign")
    ping = as_body({"zen": "…", "repository": {"full_name": "alice/core"}})
    assert refused("github", ping, github_headers("ping", ping, repository="alice/store")) == (403, "foreign")
    post = as_body({"event": "release", "repository": "alice/core", "version": "1.2.11"})
    assert refused("signed", post, signed_headers(post, repository="alice/store")) == (403, "foreign")


def test_the_doors_have_different_secrets() -> None:
    post = as_body({"event": "release", "repository": "alice/core", "version": "1.2.11"})
    headers = signed_headers(post)
    dated = f"{headers['x-interlock-timestamp']}.".encode() + post
    for secret in (SECRETS.current, SECRETS.derived(Source.GITHUB, "alice/core")):
        for message in (post, dated):
            assert refused("signed", post, {**headers, "x-hub-signature-256": sign(secret, message)}) == (403, "forged")
    release = as_body(a_release())
    workflows = sign(SECRETS.derived(Source.SIGNED, "alice/core"), release)
    github = github_headers("release", release) | {"x-hub-signature-256": workflows}
    assert refused("github", release, github) == (403, "forged")


def test_a_repositorys_webhook_may_not_have_the_master_secret() -> None:
    headers = github_headers("push", PUSH)
    target = "x-github-hook-installation-target-type"
    assert refused("github", PUSH, {**headers, target: "repository"}) == (403, "shared")

    async def work(up: Up) -> list[int]:
        kinds = ("integration", "organization")
        return [
            (await up.post("github", PUSH, {**github_headers("push", PUSH), target: kind})).status_code
            for kind in kinds
        ]

    assert with_gateway(work, scratch_ledger()) == [202, 202]


def test_a_copied_post_counts_for_five_minutes_and_its_time_cannot_be_changed() -> None:
    post = as_body({"event": "release", "repository": "alice/core", "version": "1.2.11"})
    old = signed_headers(post, time=time.time() - 400)
    assert refused("signed", post, old) == (401, "stale")
    assert refused("signed", post, signed_headers(post, time=time.time() + 400)) == (401, "stale")
    renewed = {**old, "x-interlock-timestamp": str(int(time.time()))}
    assert refused("signed", post, renewed) == (403, "forged")
    undated = {name: text for name, text in old.items() if name != "x-interlock-timestamp"}
    assert refused("signed", post, undated) == (401, "undated")
    plain = {**undated, "x-hub-signature-256": sign(SECRETS.derived(Source.SIGNED, "alice/core"), post)}
    assert refused("signed", post, plain) == (401, "undated")


def test_a_copy_within_these_minutes_starts_nothing_again() -> None:
    post = as_body({"event": "release", "repository": "alice/core", "version": "1.2.11"})

    async def work(up: Up) -> list[str]:
        answers = [await up.post("signed", post, signed_headers(post, time=time.time() - at)) for at in (9, 9, 0)]
        return [json.loads(each.text)["status"] for each in answers]

    assert with_gateway(work, scratch_ledger()) == ["accepted", "known", "known"]
