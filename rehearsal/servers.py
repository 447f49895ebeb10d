"""The four servers of a world, each upstream its front, with one script of faults and one log."""

from collections.abc import Mapping
from datetime import timedelta

from pydantic import SecretStr
from starlette.types import ASGIApp, Scope

from rehearsal.control import ControlApp
from rehearsal.directory import Facts, RehearsalDirectory
from rehearsal.environment import addresses
from rehearsal.fault_proxy import FaultProxy, RequestLog
from rehearsal.faults import Effect, FaultScript, InjectedFault
from rehearsal.github import fault_effects
from rehearsal.github.app import api_app, uploads_app
from rehearsal.github.git_http import git_app
from rehearsal.github.records import TokenKind
from rehearsal.github.state import Addresses, GitHubState
from rehearsal.index import IndexStore, index_app

# Enough for what a release does and for sweeping up deliveries, and no more.
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


class Apps:
    """The servers of a world.

    Args:
        directory: Its directory.
        facts: With the ports that its servers have.
        upstream: The simple API that is asked for what the rehearsal's own index does not have.

    Attributes:
        faults: What is to go wrong.
        log: Who asked for what.
        github: What GitHub knows.
        index: What the index has.
    """

    def __init__(self, directory: RehearsalDirectory, facts: Facts, upstream: SecretStr | None = None) -> None:
        self.faults = FaultScript()
        self.log = RequestLog(directory.log)
        self.github = GitHubState(directory.path)
        self.index = IndexStore(directory.index)
        self._directory, self._facts, self._upstream = directory, facts, upstream
        urls = addresses(facts)
        self.github.addresses = Addresses(api=urls["api"], uploads=urls["uploads"], server=urls["git"])
        self._on_github = fault_effects.happen(self.github)
        self._renew_token()

    def all(self) -> Mapping[str, ASGIApp]:
        """The applications by origin."""
        index = index_app(self.index)
        apps: dict[str, ASGIApp] = {
            "api": api_app(self.github),
            "uploads": uploads_app(self.github),
            "git": git_app(self.github),
            "index": _in_front_of(self._upstream, index) if self._upstream else index,
        }
        proxies: dict[str, ASGIApp] = {
            origin: FaultProxy(app, origin=origin, faults=self.faults, log=self.log, happen=self._happen)
            for origin, app in apps.items()
        }
        return {**proxies, "api": ControlApp(proxies["api"], self._directory.tokens().control, self.faults, self.log)}

    def _renew_token(self) -> None:
        """A world may be taken up again long after it was made; its maintainer has a new token then."""
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


def _in_front_of(upstream: SecretStr, index: ASGIApp) -> ASGIApp:
    from rehearsal.upstream_index import UpstreamIndex  # noqa: PLC0415  half a second that most worlds don't need

    return UpstreamIndex(index, upstream)
