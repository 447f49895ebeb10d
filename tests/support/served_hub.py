"""A GitHub that is served at addresses of its own, and a client of it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import SecretStr

from interlock.adapters.github import (
    GitHub,
    GitHubServer,
    RetryPolicy,
    StaticToken,
    github_server,
    open_github,
)
from rehearsal.faults import Effect, InjectedFault
from rehearsal.github.app import api_app, uploads_app
from rehearsal.github.state import Addresses
from tests.support.github_hub import Hub
from tests.support.universe.served import Served

T = TypeVar("T")
AT_ONCE = RetryPolicy(first=0, longest_backoff=0, longest_wait=2)
CORE = "alice/core"


class ServedHub:
    """A GitHub that is served at addresses of its own."""

    def __init__(self, hub: Hub, server: GitHubServer) -> None:
        self.hub = hub
        self.server = server

    def ask(self, work: Callable[[GitHub], Awaitable[T]], token: str = "alice-classic") -> T:
        async def asking() -> T:
            async with open_github(StaticToken(SecretStr(token), "REPO_TOKEN"), self.server, policy=AT_ONCE) as github:
                return await work(github)

        return asyncio.run(asking())

    def fault(self, effect: Effect, **facts: object) -> None:
        self.hub.faults.add(InjectedFault.model_validate({"effect": effect, **facts}))

    def token(self, text: str, **facts: object) -> str:
        with self.hub.state.changing():
            self.hub.state.add_token(text, **{"login": "alice", **facts})  # type: ignore[arg-type]
        return text


@contextlib.contextmanager
def serve_hub(folder: Path) -> Iterator[ServedHub]:
    """A GitHub in a folder, served until the end of the block."""
    hub = Hub(folder)
    with contextlib.ExitStack() as stack:
        apps = {"api": hub.front(api_app(hub.state), "api"), "uploads": hub.front(uploads_app(hub.state), "uploads")}
        urls = {
            name: stack.enter_context(Served(app)).url for name, app in (apps | {"server": hub.serve_git()}).items()
        }
        hub.state.addresses = Addresses(**urls)
        environ = {"GITHUB_API_URL": urls["api"], "GITHUB_SERVER_URL": urls["server"]}
        yield ServedHub(hub, github_server(environ))
