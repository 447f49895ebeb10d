"""Reading and routing a genuine delivery, for the ledger."""

from datetime import datetime
from uuid import UUID, uuid5

from interlock.common.frozen_model import FrozenModel
from interlock.model.delivery import Delivery, DeliveryState, Source
from interlock.model.family import Family
from interlock.webhooks.events import Received, Unhandled
from interlock.webhooks.github import Envelope, read_event
from interlock.webhooks.routing import Ignored, Kind, route
from interlock.webhooks.signed import event_of, guid_of, read_post

# Larger bodies are not kept: GitHub shows them for three days.
LARGEST_KEPT = 1_000_000


class IntakeResult(FrozenModel):
    """A delivery, and why it is ignored; None when it is not.

    Attributes:
        others: The same delivery for other packages of its repository, with a run each.
    """

    delivery: Delivery
    others: tuple[Delivery, ...] = ()
    ignored: Kind | None = None


def receive_github(envelope: Envelope, body: bytes, family: Family, at: datetime) -> IntakeResult:
    """Read and route a delivery of GitHub's with a genuine signature.

    Raises:
        DeliveryRefusedError: The body is not a JSON object.
    """
    received = read_event(envelope.event, body)
    return _result(received, envelope.guid, Source.GITHUB, envelope.event, body, family, at)


def receive_signed(body: bytes, family: Family, at: datetime) -> IntakeResult:
    """Read and route a plain POST with a genuine signature.

    Raises:
        DeliveryRefusedError: The body is not as docs/gateway.md describes it.
    """
    post = read_post(body)
    names = family.in_repository(post.repository)
    received = event_of(post, family.package(names[0]).branch if names else "main")
    result = _result(received, guid_of(body), Source.SIGNED, post.event, body, family, at)
    return result if post.id is None else _with_own_run(result, post.id)


def _with_own_run(result: IntakeResult, name: str) -> IntakeResult:
    """The result with a key of its own, since its sender asked for a run by an id."""

    def own(delivery: Delivery) -> Delivery:
        start = delivery.start
        keyed = start and start.model_copy(update={"key": f"{start.key};{name}"})
        return delivery.model_copy(update={"start": keyed})

    return result.model_copy(update={"delivery": own(result.delivery), "others": tuple(map(own, result.others))})


def _result(
    received: Received, guid: UUID, source: Source, event: str, body: bytes, family: Family, at: datetime
) -> IntakeResult:
    found = route(received, family)
    action = None if isinstance(received, Unhandled) or source is Source.SIGNED else received.action
    came = Delivery(
        guid=guid,
        source=source,
        event=event,
        action=action,
        repository=received.repository,
        at=at,
        state=DeliveryState.ACCEPTED,
    )
    if isinstance(found, Ignored):
        return IntakeResult(delivery=came.ignored(found.why, at), ignored=found.kind)
    first, *others = found
    kept = body.decode() if len(body) <= LARGEST_KEPT else None
    more = tuple(came.model_copy(update={"start": each, "guid": uuid5(guid, each.package)}) for each in others)
    return IntakeResult(delivery=came.model_copy(update={"start": first, "body": kept}), others=more)
