"""Deliveries that did not reach the gateway: found on GitHub and sent again, since GitHub never does so by itself.

**What it promises.** Every delivery of the last three days that the ledger does not have is sent again, unless one of
its attempts went well or is under way.

**Why it is right.** A redelivery keeps its GUID, and the ledger takes each GUID once, so a second one does no harm. A
delivery whose first attempt GitHub has forgotten is given up: otherwise a delivery that the gateway always refuses
would be sent every hour for ever. One webhook that can't be read hides no other: its error is reported beside them.
"""

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

# GitHub remembers deliveries for three days.
KEPT = timedelta(days=3)
PATH = "/webhooks/github"


class MissedDelivery(FrozenModel):
    """A delivery with no successful attempt.

    Attributes:
        id: The id of its last attempt.
        at: The time of that attempt.
        said: Its status in GitHub's words.
    """

    hook: Hook
    id: int
    guid: UUID
    event: str
    at: AwareDatetime
    said: str


class MissedDeliveries(FrozenModel):
    """The missed deliveries.

    Attributes:
        hooks: How many webhooks lead to the gateway.
        missed: The deliveries, oldest first.
        troubles: The errors of what could not be read.
    """

    hooks: int
    missed: tuple[MissedDelivery, ...]
    troubles: tuple[str, ...] = ()


class SweepResult(FrozenModel):
    """The deliveries that were sent again.

    Attributes:
        sent: The deliveries that GitHub sends again; the ledger shows whether they arrive.
        troubles: The errors of what could not be read or sent.
    """

    hooks: int
    sent: tuple[MissedDelivery, ...] = ()
    troubles: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """The result in a line."""
        if not self.hooks and not self.troubles:
            return "no webhook leads to the gateway"
        return "; ".join([f"{len(self.sent)} sent again, of {self.hooks} webhooks", *self.troubles])


async def look(connections: Connections, now: datetime, *, gateway: str | None = None) -> MissedDeliveries:
    """Find what GitHub could not deliver and the ledger does not have; this changes nothing.

    Args:
        connections: The family, the gateway's ledger, and GitHub with a token that may see webhooks.
        now: The time.
        gateway: The gateway's address, as webhooks name it. Default: any address with the gateway's path.
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
    """Ask GitHub to send each of them again."""
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
    """The client for a webhook: an App's own webhook needs the App itself."""
    app = connections.app if hook.path.startswith("/app/") else None
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
    """Whether a webhook is active and leads to the gateway."""
    if not hook.active:
        return False
    if gateway is None:
        return urlsplit(hook.url).path.endswith(PATH)
    wanted = gateway.rstrip("/")
    return hook.url.rstrip("/") in {wanted, f"{wanted}{PATH}"}


def undelivered(hook: Hook, attempts: Sequence[HookDelivery]) -> Iterable[MissedDelivery]:
    """The deliveries without an attempt that went well or is under way, and with a first attempt that GitHub remembers.

    Args:
        hook: Their webhook.
        attempts: The attempts, newest first.
    """
    over = {each.guid for each in attempts if each.is_good or each.is_pending}
    fresh = {each.guid for each in attempts if not each.redelivery and each.event != "ping"}
    wanted = fresh - over
    last = {each.guid: each for each in reversed(attempts) if each.guid in wanted}
    for guid, each in last.items():
        yield MissedDelivery(hook=hook, id=each.id, guid=guid, event=each.event, at=each.delivered_at, said=each.status)
