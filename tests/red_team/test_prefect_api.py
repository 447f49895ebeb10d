"""Prefect's API on this machine: what a web page, another user and code under test can't do with it."""

import http.client
import json
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from deployments.embedded_server import ServerDirectory
from tests.support.prefect_server import api_client, processes_of

FOREIGN = "https://evil.example"
PREFECT = Subprotocol("prefect")
PROGRAM = Path(sys.executable).with_name("interlock")
VARIABLE = b'{"name": "made_by_a_page", "value": 1}'
AUTOMATION = json.dumps(
    {
        "name": "made by a page",
        "trigger": {"type": "event", "posture": "Reactive", "expect": ["prefect.flow-run.Completed"], "threshold": 1},
        "actions": [{"type": "run-deployment", "source": "inferred", "parameters": {"request": {"bump": "patch"}}}],
    }
).encode()
SECRETS = b'{"include_secrets": true}'
WRITES = (("variables/", VARIABLE), ("automations/", AUTOMATION))
SOCKETS = (
    "events/in",
    "events/out",
    "logs/out",
    "task_runs/subscriptions/scheduled",
    "work_pools/interlock/workers/connect",
)


@pytest.fixture(scope="module")
def stranger(api: str) -> Iterator[httpx.Client]:
    """A program or a page that does not know the password."""
    with httpx.Client(base_url=api, trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def insider(place: ServerDirectory) -> Iterator[httpx.Client]:
    """A client that knows the password, and has a token against forged requests."""
    with api_client(place) as client:
        yield client


@pytest.fixture
def _nothing_is_made(insider: httpx.Client) -> Iterator[None]:
    yield
    for kind in ("variables", "automations"):
        made = insider.post(f"{kind}/filter", json={}).raise_for_status().json()
        assert [each for each in made if "by_a_page" in each["name"].replace(" ", "_")] == []


# ---- without the password ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", [None, "evil.example"])
def test_blocks_with_secrets_are_not_given(stranger: httpx.Client, host: str | None) -> None:
    headers = {"Content-Type": "application/json", **({"Host": host} if host else {})}
    answer = stranger.post("block_documents/filter", content=SECRETS, headers=headers)
    assert answer.status_code == (400 if host else 403)
    assert list(answer.json()) == ["detail"]


@pytest.mark.usefixtures("_nothing_is_made")
@pytest.mark.parametrize(("path", "body"), WRITES)
@pytest.mark.parametrize("origin", [None, FOREIGN, "null"])
@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/json"])
def test_nothing_is_made(
    stranger: httpx.Client, path: str, body: bytes, origin: str | None, content_type: str | None
) -> None:
    headers = {"Origin": origin, "Content-Type": content_type}
    answer = stranger.post(path, content=body, headers={name: text for name, text in headers.items() if text})
    undeclared = 415 if content_type != "application/json" else 403
    assert answer.status_code == (403 if origin else undeclared)
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["admin/settings", "admin/version", "csrf-token?client=page", "docs", "openapi.json"])
def test_nothing_is_read(stranger: httpx.Client, path: str) -> None:
    for authorization in ({}, {"Authorization": "Basic YWRtaW46cGFzcw=="}, {"Authorization": "Bearer x"}):
        answer = stranger.get(path, headers=authorization)
        assert (answer.status_code, answer.json()) == (401, {"exception_message": "Unauthorized"})


def test_what_is_open_tells_nothing(stranger: httpx.Client, api: str, insider: httpx.Client) -> None:
    ui = api.removesuffix("/api")
    settings = stranger.get(f"{ui}/ui-settings")
    assert (settings.json()["auth"], settings.json()["csrf_enabled"]) == ("BASIC", True)
    assert stranger.get("ready").json() == {"message": "OK"}
    page = stranger.get(ui, headers={"Accept": "text/html"}, follow_redirects=True)
    assert "<html" in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("frame-ancestors 'none'; connect-src 'self' blob: http://127.0.0.1:")
    assert "https:" not in policy
    password = insider.headers["Authorization"]
    assert password not in settings.text + page.text


# ---- with the password: each door holds alone --------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:4270", "127.0.0.1.evil.example", "localhost.evil.example", "evil.localhost"),
        *("localhost.", "127.0.0.1.", "127.0.0.1:4270.", "localhost:", "localhost:x", "localhost:123456"),
        *("127.1", "2130706433", "0.0.0.0", "[::ffff:127.0.0.1]", "[::]", "::1", "[::1].evil.example", "[fe80::1]"),
        *("localhost@evil.example", "127.0.0.1, evil.example", "localhost/evil.example", ""),
    ],
)
@pytest.mark.parametrize("path", ["/api/admin/version", "/api/ready", "/ui-settings", "/"])
def test_only_its_own_names_are_answered(insider: httpx.Client, host: str, path: str) -> None:
    answer = insider.get(str(insider.base_url.copy_with(path=path)), headers={"Host": host})
    assert (answer.status_code, answer.json()) == (400, {"detail": "This server has another name."})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LocalHost:9999", "[::1]", "[::1]:4270"])
def test_its_own_names_are_answered_at_any_port(insider: httpx.Client, host: str) -> None:
    assert insider.get("admin/version", headers={"Host": host}).status_code == 200


def raw(api: str, *lines: str) -> int:
    """The status of an answer to a head that no client would send."""
    port = httpx.URL(api).port
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status


def test_a_name_in_another_place_does_not_count(api: str, insider: httpx.Client) -> None:
    password = f"Authorization: {insider.headers['Authorization']}"
    own = "GET /api/admin/version HTTP/1.1"
    assert raw(api, own, "Host: localhost", password) == 200
    for head in (
        (own, "Host: evil.example", "X-Forwarded-Host: localhost", "X-Forwarded-For: 127.0.0.1"),
        (own, "Host: evil.example", "Forwarded: host=localhost"),
        (own, "Host: localhost", "Host: evil.example"),
        (own, "Host: evil.example", "Host: localhost"),
        (own,),
        ("GET /api/admin/version HTTP/1.0",),
        ("GET http://localhost/api/admin/version HTTP/1.1", "Host: evil.example"),
    ):
        assert raw(api, *head, password) == 400, head
    # A target with another name than the Host is no path of this server.
    assert raw(api, "GET http://evil.example/api/admin/version HTTP/1.1", "Host: localhost", password) == 404
    assert raw(api, own, "Host: localhost", "X-Forwarded-Host: evil.example", password) == 200


@pytest.mark.usefixtures("_nothing_is_made")
@pytest.mark.parametrize(
    "origin", [FOREIGN, "null", "", "http://127.0.0.1", "http://127.0.0.1:1", "http://evil.example:4270"]
)
@pytest.mark.parametrize(("path", "body"), WRITES)
def test_a_page_of_another_origin_may_do_nothing(insider: httpx.Client, origin: str, path: str, body: bytes) -> None:
    headers = {"Origin": origin, "Content-Type": "application/json"}
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    for answer in (
        insider.post(path, content=body, headers=headers),
        insider.get("admin/version", headers={"Origin": origin}),
        insider.options(path, headers={"Origin": origin, **asked}),
    ):
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.usefixtures("_nothing_is_made")
@pytest.mark.parametrize(
    "content_type",
    [
        *(None, "", "text/plain", "text/plain; charset=application/json", "text/json", "application/jsonp"),
        *("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x/y, application/json"),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("path", "body"), WRITES)
def test_a_body_says_that_it_is_json(
    insider: httpx.Client, content_type: str | None, path: str, body: bytes, *, chunked: bool
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = insider.post(path, content=iter([body]) if chunked else body, headers=headers)
    assert answer.status_code == 415


@pytest.mark.usefixtures("_nothing_is_made")
@pytest.mark.parametrize(("path", "body"), WRITES)
def test_a_change_needs_the_token_against_forged_requests(insider: httpx.Client, path: str, body: bytes) -> None:
    for forged in ({"Prefect-Csrf-Token": "0" * 64}, {"Prefect-Csrf-Client": "page"}):
        headers = {"Content-Type": "application/json", **forged}
        assert insider.post(path, content=body, headers=headers).status_code == 403


def test_its_own_ui_may_read_and_write(insider: httpx.Client, api: str) -> None:
    for host in ("127.0.0.1", "localhost"):
        headers = {"Origin": f"http://{host}:{httpx.URL(api).port}", "Content-Type": "application/json; charset=utf-8"}
        made = insider.post("variables/", content=b'{"name": "by_the_ui", "value": 1}', headers=headers)
        assert made.status_code == 201
        assert made.headers["access-control-allow-origin"] == headers["Origin"]
        assert insider.delete("variables/name/by_the_ui", headers=headers).status_code == 204


# ---- WebSockets --------------------------------------------------------------------------------------------------


def opened(api: str, path: str, **options: Any) -> ClientConnection:
    return connect(f"{api.replace('http', 'ws', 1)}/{path}", proxy=None, open_timeout=60, **options)


@pytest.mark.parametrize("path", SOCKETS)
def test_a_page_of_another_origin_or_name_opens_no_socket(api: str, path: str) -> None:
    for headers in ({"Origin": FOREIGN}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"}):
        with pytest.raises(InvalidStatus, match="403"):
            opened(api, path, subprotocols=[PREFECT], additional_headers=headers)
    port = httpx.URL(api).port
    with socket.create_connection(("127.0.0.1", port)) as connection, pytest.raises(InvalidStatus, match="403"):
        connect(f"ws://evil.example:{port}/api/{path}", sock=connection, subprotocols=[PREFECT], proxy=None)


@pytest.mark.parametrize("path", SOCKETS)
def test_a_socket_asks_for_the_password(api: str, path: str) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        opened(api, path)
    for token in (None, "", "admin:pass"):
        with opened(api, path, subprotocols=[PREFECT]) as connection:
            connection.send(json.dumps({"type": "auth", "token": token}))
            with pytest.raises(ConnectionClosed) as closed:
                connection.recv(60)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize("path", SOCKETS)
def test_a_socket_opens_for_the_password(api: str, place: ServerDirectory, path: str) -> None:
    with opened(api, path, subprotocols=[PREFECT]) as connection:
        connection.send(json.dumps({"type": "auth", "token": place.password.read_text()}))
        assert json.loads(connection.recv(60)) == {"type": "auth_success"}


# ---- the password itself -----------------------------------------------------------------------------------------


def test_the_password_is_in_no_argument_and_no_log(api: str, place: ServerDirectory) -> None:
    assert api
    password = place.password.read_text().rpartition(":")[2]
    assert len(password) >= 32
    assert place.password.stat().st_mode & 0o077 == 0
    running = processes_of(place)
    arguments = [word for process in psutil.process_iter(["cmdline"]) for word in process.info["cmdline"] or ()]
    assert running
    assert [word for word in arguments if password in word] == []
    files = [path for path in place.path.rglob("*") if path.is_file() and path != place.password]
    assert place.log in files
    assert [path for path in files if password.encode() in path.read_bytes()] == []


def test_commands_use_it_by_themselves_and_show_it_only_when_asked(
    insider: httpx.Client, place: ServerDirectory
) -> None:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PREFECT_")}
    home = str(place.path.parent)
    environ = {**kept, "INTERLOCK_HOME": home, "HOME": home}

    def run(script: str) -> str:
        done = subprocess.run(["sh", "-c", script], env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    program, prefect = shlex.quote(str(PROGRAM)), f"{shlex.quote(sys.executable)} -m prefect"
    said = run(f"{program} server status; {program} server status --json; {program} server start")
    password = place.password.read_text()
    assert password not in said
    assert said.count(str(place.password)) == 3
    shown = run(f'eval "$({program} server env)" && {prefect} variable set by_hand 7 && {program} server env')
    assert re.search(r"^export PREFECT_API_AUTH_STRING=" + re.escape(password) + "$", shown, re.MULTILINE)
    assert insider.delete("variables/name/by_hand").status_code == 204
