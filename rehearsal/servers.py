"""The servers of a world, each behind its proxy, with one script of faults and one log."""

from collections.abc import Mapping
from datetime import timedelta

from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from interlock.adapters.index.rules import MIB, rules_of
from interlock.model import family_file
from rehearsal.control import ControlApp
from rehearsal.directory import Facts, RehearsalDirectory
from rehearsal.environment import UPLOADS, addresses
from rehearsal.fault_proxy import FaultProxy, RequestLog
from rehearsal.faults import Effect, FaultScript, InjectedFault
from rehearsal.github import fault_effects
from rehearsal.github.app import api_app, uploads_app
from rehearsal.github.git_http import git_app
from rehearsal.github.records import TokenKind
from rehearsal.github.state import Addresses, GitHubState
from rehearsal.index import IndexStore, index_app

# Enough for releases and for the redelivery of webhooks, and no more.
PERMISSIONS = {
    "contents": "write",
    "metadata": "read",
    "actions": "read",
    "pull_requests": "write",
    "repository_hooks": "write",
    "statuses": "write",
    "workflows": "write",
    "secrets": "read",
}
TOKEN_DAYS = timedelta(days=90)


class WithUploads:
    """The API and the uploads on one server, as on GitHub Enterprise Server.

    On github.com, uploads have a server of their own, whose name clients know: PyGithub uploads only there, or to the
    API's own host and port. Here they are below a path that the API does not have, so that a client that uploads to
    the API itself fails as it does on GitHub.

    Args:
        api: The API.
        uploads: The uploads' application.
    """

    def __init__(self, api: ASGIApp, uploads: ASGIApp) -> None:
        self._api, self._uploads = api, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http" and scope["path"].startswith(f"{UPLOADS}/"):
            path = scope["path"].removeprefix(UPLOADS)
            await self._uploads({**scope, "path": path, "raw_path": path.encode()}, receive, send)
        else:
            await self._api(scope, receive, send)


def _index(directory: RehearsalDirectory) -> IndexStore:
    """The index, with the rules of the index that it stands for."""
    family = family_file.load(directory.family_file)
    largest = {name: package.largest_file * MIB for name, package in family.packages.items()}
    return IndexStore(directory.index, rules_of(family.index, family.index_rules, None), largest)


class Apps:
    """The servers of a world.

    Args:
        directory: Its directory.
        facts: The facts about it, with the ports of its servers.
        upstream: The simple API of the user's own index, for projects that the rehearsal's index lacks.

    Attributes:
        faults: The faults that are still to happen.
        log: The requests so far.
        github: GitHub's state.
        index: The index's state.
    """

    def __init__(self, directory: RehearsalDirectory, facts: Facts, upstream: SecretStr | None = None) -> None:
        self.faults = FaultScript()
        self.log = RequestLog(directory.log)
        self.github = GitHubState(directory.path)
        self.index = _index(directory)
        self._directory, self._facts, self._upstream = directory, facts, upstream
        urls = addresses(facts)
        self.github.addresses = Addresses(api=urls["api"], uploads=urls["uploads"], server=urls["git"])
        self._on_github = fault_effects.happen(self.github)
        self._renew_token()

    def all(self) -> Mapping[str, ASGIApp]:
        """The applications by server."""
        apps: dict[str, ASGIApp] = {
            "api": api_app(self.github),
            "uploads": uploads_app(self.github),
            "git": git_app(self.github),
            "index": self._with_upstream(index_app(self.index)),
        }
        proxies: dict[str, ASGIApp] = {
            origin: FaultProxy(app, origin=origin, faults=self.faults, log=self.log, happen=self._happen)
            for origin, app in apps.items()
        }
        api = WithUploads(proxies["api"], proxies.pop("uploads"))
        return {**proxies, "api": ControlApp(api, self._directory.tokens().control, self.faults, self.log)}

    def _renew_token(self) -> None:
        """Renew the maintainer's token, since a world may be used again long after it was made."""
        with self.github.changing():
            self.github.add_token(
                self._directory.tokens().github.get_secret_value(),
                self._facts.owner,
                kind=TokenKind.FINE_GRAINED,
                name="maintainer",
                permissions=PERMISSIONS,
                expires_at=self.github.now() + TOKEN_DAYS,
            )

    async def _happen(self, fault: InjectedFault, scope: Scope) -> None:
        if fault.effect is Effect.STALE:
            self.index.go_stale(fault.seconds)
        else:
            await self._on_github(fault, scope)

    def _with_upstream(self, index: ASGIApp) -> ASGIApp:
        if self._upstream is None:
            return index
        from rehearsal.upstream_index import UpstreamIndex  # noqa: PLC0415  half a second that most worlds don't need

        return UpstreamIndex(index, self._upstream)
