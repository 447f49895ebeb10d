"""Deliveries that did not reach the gateway, found on GitHub and sent again; GitHub never does so by itself."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AwareDatetime

from interlock.adapters.code_host import Webhooks
from interlock.adapters.connections import Connections
from interlock.adapters.github import Hook, HookDelivery
from interlock.common.frozen_model import FrozenModel
from interlock.errors import InterlockError

# As far back as GitHub remembers.
KEPT = timedelta(days=3)
PATH = "/webhooks/github"


class MissedDelivery(FrozenModel):
    """A delivery that no attempt has brought to the gateway.

    Attributes:
        id: Of its last attempt.
        at: When that was.
        said: What GitHub says of it.
    """

    hook: Hook
    id: int
    guid: UUID
    event: str
    at: AwareDatetime
    said: str


class MissedDeliveries(FrozenModel):
    """What was found.

    Attributes:
        hooks: How many webhooks lead to the gateway.
        missed: The oldest first.
        troubles: What could not be looked at, and why.
    """

    hooks: int
    missed: tuple[MissedDelivery, ...]
    troubles: tuple[str, ...] = ()


class SweepResult(FrozenModel):
    """What was done.

    Attributes:
        sent: What was sent again; whether it arrives is the gateway's to say.
        troubles: What could not be looked at or sent, and why.
    """

    hooks: int
    sent: tuple[MissedDelivery, ...] = ()
    troubles: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """In a line."""
        if not self.hooks and not self.troubles:
            return "no webhook leads to the gateway"
        return "; ".join([f"{len(self.sent)} sent again, of {self.hooks} webhooks", *self.troubles])


async def look(connections: Connections, now: datetime, *, gateway: str | None = None) -> MissedDeliveries:
    """Find what GitHub could not deliver and the ledger does not have; nothing is changed.

    Args:
        connections: The family, the ledger of the gateway, and GitHub with a token that may see webhooks.
        now: The time.
        gateway: The gateway's address, as webhooks name it. Default: any that ends as the gateway's does.
    """
    troubles: list[str] = []
    hooks = [hook async for hook in _hooks(connections, troubles) if leads_to(hook, gateway)]
    missed: list[MissedDelivery] = []
    for hook in hooks:
        try:
            missed += undelivered(hook, await _client(connections, hook).hook_deliveries(hook, now - KEPT))
        except InterlockError as error:
            troubles.append(error.message)
    known = await asyncio.to_thread(connections.ledger.known_deliveries, [each.guid for each in missed])
    left = sorted((each for each in missed if each.guid not in known), key=lambda each: (each.at, each.id))
    return MissedDeliveries(hooks=len(hooks), missed=tuple(left), troubles=tuple(troubles))


async def send_again(looked: MissedDeliveries, connections: Connections) -> SweepResult:
    """Have GitHub send each of them once more; a second time does no harm, since each keeps its GUID."""
    sent, troubles = [], list(looked.troubles)
    for each in looked.missed:
        try:
            await _client(connections, each.hook).redeliver(each.hook, each.id)
        except InterlockError as error:
            troubles.append(error.message)
        else:
            sent.append(each)
    return SweepResult(hooks=looked.hooks, sent=tuple(sent), troubles=tuple(dict.fromkeys(troubles)))


def _client(connections: Connections, hook: Hook) -> Webhooks:
    """GitHub, asked by whom the webhook belongs to: the App's own by the App itself."""
    app = connections.app if hook.place.startswith("/app/") else None
    return app or connections.github


async def _hooks(connections: Connections, troubles: list[str]) -> AsyncIterator[Hook]:
    for name in connections.family.packages:
        try:
            for hook in await connections.github.hooks(connections.family.repository(name)):
                yield hook
        except InterlockError as error:
            troubles.append(error.message)
    if connections.app is not None:
        try:
            yield await connections.app.app_hook()
        except InterlockError as error:
            troubles.append(error.message)


def leads_to(hook: Hook, gateway: str | None) -> bool:
    """Whether a webhook that is in use leads to the gateway."""
    if not hook.active:
        return False
    if gateway is None:
        return urlsplit(hook.url).path.endswith(PATH)
    wanted = gateway.rstrip("/")
    return hook.url.rstrip("/") in {wanted, f"{wanted}{PATH}"}


def undelivered(hook: Hook, attempts: Sequence[HookDelivery]) -> Iterable[MissedDelivery]:
    """The deliveries of which no attempt went well, and none is under way.

    One whose first attempt GitHub has forgotten is given up: what the gateway always refuses would otherwise be sent
    every hour for ever, and become more and more.

    Args:
        hook: To whom.
        attempts: The newest first.
    """
    over = {each.guid for each in attempts if each.is_good or each.is_pending}
    fresh = {each.guid for each in attempts if not each.redelivery and each.event != "ping"}
    wanted = fresh - over
    last = {each.guid: each for each in reversed(attempts) if each.guid in wanted}
    for guid, each in last.items():
        yield MissedDelivery(hook=hook, id=each.id, guid=guid, event=each.event, at=each.delivered_at, said=each.status)
