"""A genuine delivery as the ledger is to keep it: read, and routed."""

from datetime import datetime
from uuid import UUID

from interlock.common.frozen_model import FrozenModel
from interlock.model.delivery import Delivery, DeliveryState, Source, Start
from interlock.model.family import Family
from interlock.webhooks.events import Received, Unhandled
from interlock.webhooks.github import Envelope, read_event
from interlock.webhooks.routing import Ignored, Kind, package_in, route
from interlock.webhooks.signed import event_of, guid_of, read_post

# Larger ones are not kept: GitHub shows them for three days.
LARGEST_KEPT = 1_000_000


class IntakeResult(FrozenModel):
    """A delivery that came, and why it is ignored if it is."""

    delivery: Delivery
    ignored: Kind | None = None


def receive_github(envelope: Envelope, body: bytes, family: Family, at: datetime) -> IntakeResult:
    """What becomes of a delivery of GitHub's whose signature is genuine.

    Raises:
        DeliveryRefusedError: Its body is no JSON object.
    """
    heard = read_event(envelope.event, body)
    return _arrival(heard, envelope.guid, Source.GITHUB, envelope.event, body, family, at)


def receive_signed(body: bytes, family: Family, at: datetime) -> IntakeResult:
    """What becomes of a plain POST whose signature is genuine.

    Raises:
        DeliveryRefusedError: Its body is not as docs/gateway.md describes it.
    """
    post = read_post(body)
    name = package_in(family, post.repository)
    heard = event_of(post, family.package(name).branch if name else "main")
    arrival = _arrival(heard, guid_of(body), Source.SIGNED, post.event, body, family, at)
    return arrival if post.id is None else _by_itself(arrival, post.id)


def _by_itself(arrival: IntakeResult, name: str) -> IntakeResult:
    """The same with a run of its own, whatever has been run already: its sender has asked for that by an id."""
    start = arrival.delivery.start
    own = start and start.model_copy(update={"key": f"{start.key};{name}"})
    return arrival.model_copy(update={"delivery": arrival.delivery.model_copy(update={"start": own})})


def _arrival(
    heard: Received, guid: UUID, source: Source, event: str, body: bytes, family: Family, at: datetime
) -> IntakeResult:
    found = route(heard, family)
    action = None if isinstance(heard, Unhandled) or source is Source.SIGNED else heard.action
    came = Delivery(
        guid=guid,
        source=source,
        event=event,
        action=action,
        repository=heard.repository,
        at=at,
        state=DeliveryState.ACCEPTED,
        due_at=at,
    )
    match found:
        case Ignored():
            return IntakeResult(delivery=came.ignored(found.why, at), ignored=found.kind)
        case Start():
            kept = body.decode() if len(body) <= LARGEST_KEPT else None
            return IntakeResult(delivery=came.model_copy(update={"start": found, "body": kept}))
