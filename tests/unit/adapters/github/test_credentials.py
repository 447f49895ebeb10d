import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from interlock.adapters.github import AppInstallation, GitHubServer, RetryPolicy, UnreachableError
from interlock.errors import InterlockError, TokenError

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Api(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses: list[int] = []
        self.seen: list[tuple[str, str, str]] = []


class Handler(BaseHTTPRequestHandler):
    server: Api

    def do_POST(self) -> None:
        self.server.seen.append((self.path, self.headers["authorization"], self.headers["x-github-api-version"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 201
        expires = (NOON + timedelta(hours=len(self.server.seen))).isoformat()
        good = {"token": f"ghs_{len(self.server.seen)}", "expires_at": expires}
        body = json.dumps(good if status == 201 else {"message": "no"}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Clock:
    now = NOON

    def __call__(self) -> datetime:
        return self.now


def pem(key: rsa.RSAPrivateKey) -> SecretStr:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return SecretStr(key.private_bytes(*form).decode())


def app(api: Api, private_key: SecretStr, clock: Clock | None = None) -> AppInstallation:
    return AppInstallation(
        app_id="77",
        private_key=private_key,
        installation_id="5",
        server=GitHubServer(api=f"http://127.0.0.1:{api.server_port}"),
        policy=RetryPolicy(first=0, longest_backoff=0),
        clock=clock or Clock(),
    )


def test_an_app_proves_itself_for_ten_minutes_at_most(api: Api, key: rsa.RSAPrivateKey) -> None:
    token = asyncio.run(app(api, pem(key)).token())
    assert token.get_secret_value() == "ghs_1"
    path, authorization, version = api.seen[0]
    assert (path, version) == ("/app/installations/5/access_tokens", "2022-11-28")
    claims = jwt.decode(authorization.removeprefix("bearer "), key.public_key(), algorithms=["RS256"])
    assert claims["iss"] == "77"
    assert claims["exp"] - claims["iat"] <= 600


def test_a_token_is_kept_until_five_minutes_before_its_end_and_fetched_once_for_all(
    api: Api, key: rsa.RSAPrivateKey
) -> None:
    clock = Clock()
    installation = app(api, pem(key), clock)

    async def many() -> set[str]:
        return {token.get_secret_value() for token in await asyncio.gather(*(installation.token() for _ in range(9)))}

    assert asyncio.run(many()) == {"ghs_1"}
    clock.now = NOON + timedelta(minutes=54, seconds=59)
    assert asyncio.run(many()) == {"ghs_1"}
    clock.now = NOON + timedelta(minutes=55)
    assert asyncio.run(many()) == {"ghs_2"}
    assert len(api.seen) == 2


def test_a_passing_fault_is_waited_out(api: Api, key: rsa.RSAPrivateKey) -> None:
    api.statuses = [502, 500]
    assert asyncio.run(app(api, pem(key)).token()).get_secret_value() == "ghs_3"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, TokenError), (404, TokenError), (403, TokenError), (422, TokenError), (502, UnreachableError)],
)
def test_an_app_that_github_does_not_know_is_a_matter_of_its_credentials(
    api: Api, key: rsa.RSAPrivateKey, status: int, kind: type[InterlockError]
) -> None:
    api.statuses = [status] * 9
    with pytest.raises(kind, match="the GitHub App 77: GitHub did not give the installation a token") as caught:
        asyncio.run(app(api, pem(key)).token())
    assert caught.value.hint


@pytest.mark.parametrize(
    "text", ["", "s3cr3t", "-----BEGIN RSA PRIVATE KEY-----\ns3cr3t\n-----END RSA PRIVATE KEY-----\n"]
)
def test_what_is_no_key_is_refused_without_showing_it(api: Api, text: str) -> None:
    with pytest.raises(TokenError, match="the private key of the GitHub App 77 is none") as caught:
        asyncio.run(app(api, SecretStr(text)).token())
    assert "s3cr3t" not in str(caught.value)
    assert api.seen == []
