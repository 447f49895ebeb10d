"""Webhooks, without I/O: whether a delivery is genuine, what it says, and which deployment it starts."""

from interlock.model.delivery import Condition, Delivery, DeliveryState, Source, Start
from interlock.webhooks.github import Envelope, check_media_type, read_envelope
from interlock.webhooks.intake import IntakeResult, receive_github, receive_signed
from interlock.webhooks.refusals import DeliveryRefusedError, Reason
from interlock.webhooks.routing import Ignored, Kind, route
from interlock.webhooks.signature import (
    Secrets,
    check,
    check_repository,
    dated,
    find_secrets,
    read_signature,
    read_time,
)

__all__ = [
    "Condition",
    "Delivery",
    "DeliveryRefusedError",
    "DeliveryState",
    "Envelope",
    "Ignored",
    "IntakeResult",
    "Kind",
    "Reason",
    "Secrets",
    "Source",
    "Start",
    "check",
    "check_media_type",
    "check_repository",
    "dated",
    "find_secrets",
    "read_envelope",
    "read_signature",
    "read_time",
    "receive_github",
    "receive_signed",
    "route",
]
