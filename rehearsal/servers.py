"""The four servers of a world, each behind its front, with one script of faults and one log."""

from collections.abc import Mapping
from datetime import timedelta

from pydantic import SecretStr
from starlette.types import ASGIApp, Scope

from rehearsal.control import Door
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
        place: Its directory.
        facts: With the ports that its servers have.
        behind: The simple API that is asked for what the rehearsal's own index does not have.

    Attributes:
        faults: What is to go wrong.
        log: Who asked for what.
        github: What GitHub knows.
        index: What the index has.
    """

    def __init__(self, place: RehearsalDirectory, facts: Facts, behind: SecretStr | None = None) -> None:
        self.faults = FaultScript()
        self.log = RequestLog(place.log)
        self.github = GitHubState(place.directory)
        self.index = IndexStore(place.index)
        self._place, self._facts, self._behind = place, facts, behind
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
            "index": _in_front_of(self._behind, index) if self._behind else index,
        }
        fronts: dict[str, ASGIApp] = {
            origin: FaultProxy(app, origin=origin, faults=self.faults, log=self.log, happen=self._happen)
            for origin, app in apps.items()
        }
        return {**fronts, "api": Door(fronts["api"], self._place.tokens().control, self.faults, self.log)}

    def _renew_token(self) -> None:
        """A world may be taken up again long after it was made; its maintainer has a new token then."""
        with self.github.changing():
            self.github.add_token(
                self._place.tokens().github.get_secret_value(),
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


def _in_front_of(behind: SecretStr, index: ASGIApp) -> ASGIApp:
    from rehearsal.upstream_index import Behind  # noqa: PLC0415  half a second that most worlds don't need

    return Behind(index, behind)
