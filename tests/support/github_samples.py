"""Recorded exchanges with GitHub, and a client that hears them."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
from pydantic import SecretStr

from interlock.adapters.github import GitHub, GitHubServer, RetryPolicy, StaticToken
from interlock.adapters.github.transport import Transport

SAMPLES = Path(__file__).parent / "samples"
TOKEN = "ghp_" + "s3cr3tT0ken" * 3
AT_ONCE = RetryPolicy(first=0, longest_backoff=0, longest_wait=5)
PLACE = GitHubServer(api="https://api.example.org", server="https://example.org", pause_between_writes=0)


def answer(name: str, **headers: str) -> httpx.Response:
    sample = json.loads((SAMPLES / f"{name}.json").read_text())
    body = sample["body"] if isinstance(sample["body"], str) else json.dumps(sample["body"])
    return httpx.Response(sample["status"], headers={**sample["headers"], **headers}, content=body.encode())


def json_answer(data: object, **headers: str) -> httpx.Response:
    return httpx.Response(200, json=data, headers=headers)


class Wire:
    """Answers one after the other, the last one for ever; `heard` is what was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.heard: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.heard.append(request)
        found = self.answers[min(len(self.heard), len(self.answers)) - 1]
        if isinstance(found, Exception):
            raise found
        return found

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.heard]


def github(
    wire: Callable[[httpx.Request], httpx.Response],
    *,
    token: str = TOKEN,
    patience: RetryPolicy = AT_ONCE,
    place: GitHubServer = PLACE,
) -> GitHub:
    client = httpx.AsyncClient(transport=httpx.MockTransport(wire))
    return GitHub(Transport(client, StaticToken(SecretStr(token), "REPO_DISPATCH_TOKEN"), place, patience))
