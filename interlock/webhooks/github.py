"""GitHub's deliveries: what their headers say, and their payloads as typed events."""

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from interlock.common.frozen_model import FrozenModel
from interlock.webhooks.events import (
    DispatchEvent,
    Event,
    MergeGroupEvent,
    PullRequestEvent,
    PushEvent,
    ReleaseEvent,
    RepositoryName,
    Unhandled,
    WorkflowRunEvent,
)
from interlock.webhooks.refusals import DeliveryRefusedError, Reason

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_REPOSITORY: TypeAdapter[str] = TypeAdapter(RepositoryName)
_KINDS: Mapping[str, type[Event]] = {
    "merge_group": MergeGroupEvent,
    "pull_request": PullRequestEvent,
    "push": PushEvent,
    "release": ReleaseEvent,
    "repository_dispatch": DispatchEvent,
    "workflow_dispatch": DispatchEvent,
    "workflow_run": WorkflowRunEvent,
}
EVENTS = (*_KINDS, "ping")


class Envelope(FrozenModel):
    """The event and id in a delivery's headers.

    Attributes:
        guid: The delivery's id; a redelivery keeps it.
        target: What the webhook belongs to: `repository`, `organization`, or `integration` for an App's.
    """

    event: str
    guid: UUID
    target: str = ""


def read_envelope(headers: Mapping[str, str]) -> Envelope:
    """Read the headers of a delivery.

    Args:
        headers: The values by lower-case name.

    Raises:
        DeliveryRefusedError: The event or the delivery's id is missing.
    """
    event, guid = headers.get("x-github-event", ""), headers.get("x-github-delivery", "")
    if not re.fullmatch(r"[a-z_]{1,60}", event, re.ASCII) or not _GUID.fullmatch(guid):
        raise DeliveryRefusedError(Reason.HEADERS)
    return Envelope(event=event, guid=UUID(guid), target=headers.get("x-github-hook-installation-target-type", ""))


def check_media_type(headers: Mapping[str, str]) -> None:
    """Check that the headers declare JSON.

    Raises:
        DeliveryRefusedError: They declare something else.
    """
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == "application/x-www-form-urlencoded":
        raise DeliveryRefusedError(Reason.FORM)
    if media != "application/json":
        raise DeliveryRefusedError(Reason.MEDIA_TYPE)


def read_object(body: bytes) -> dict[str, Any]:
    """Read a body that must be a JSON object.

    Raises:
        DeliveryRefusedError: It is not one.
    """
    try:
        found = json.loads(body.decode())
    except (ValueError, RecursionError):  # the latter: brackets nested too deeply
        raise DeliveryRefusedError(Reason.MALFORMED, "it is no JSON") from None
    if not isinstance(found, dict):
        raise DeliveryRefusedError(Reason.MALFORMED, "it is no JSON object")
    return found


def read_event(event: str, body: bytes) -> Event | Unhandled:
    """Read the event of a genuine delivery of GitHub's.

    Raises:
        DeliveryRefusedError: The body is not a JSON object.
    """
    payload = read_object(body)
    kind = _KINDS.get(event)
    if kind is None:
        why = "a ping: the webhook reaches the gateway" if event == "ping" else f"nothing follows from {event}"
        return Unhandled(why=why, repository=_repository(payload), is_ping=event == "ping")
    try:
        return kind.model_validate(_named(event, payload))
    except ValidationError as error:
        wrong = ", ".join(sorted({".".join(map(str, one["loc"])) for one in error.errors()}))
        return Unhandled(why=f"its payload is not as GitHub describes it: {wrong}", repository=_repository(payload))


def _named(event: str, payload: dict[str, Any]) -> dict[str, Any]:
    """The payload, with the name of its workflow file as the event's type."""
    if event != "workflow_dispatch":
        return payload
    workflow = payload.get("workflow")
    return {**payload, "action": PurePosixPath(workflow).stem if isinstance(workflow, str) else None}


def _repository(payload: dict[str, Any]) -> str | None:
    found = payload.get("repository")
    try:
        return _REPOSITORY.validate_python(found.get("full_name") if isinstance(found, dict) else None)
    except ValidationError:
        return None
