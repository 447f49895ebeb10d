"""A webhook delivery as the ledger keeps it: the event, the flow run that it starts, and its state."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Self
from uuid import UUID

from pydantic import AwareDatetime, Field, JsonValue

from interlock.common.frozen_model import FrozenModel


class Source(StrEnum):
    """How it came: from GitHub, or from a workflow that signs its own deliveries."""

    GITHUB = "github"
    SIGNED = "signed"


class DeliveryState(StrEnum):
    """How far a delivery has come."""

    ACCEPTED = "accepted"  # it is recorded, and its flow run is still to be started
    STARTED = "started"  # its flow run has been started
    IGNORED = "ignored"  # it starts nothing


class Condition(StrEnum):
    """A condition that must hold in the ledger when a run is to be started."""

    NOT_OURS = "not released by a cascade"
    A_CASCADE_WAITS = "a cascade waits for a merge"


class Start(FrozenModel):
    """A flow run that is to be started.

    Attributes:
        deployment: As `flow/deployment`.
        parameters: Of the run.
        key: The idempotency key: for events with one key Prefect makes one run.
        package: The member that it is about.
        condition: What must hold in the ledger.
        also: Further runs that the event starts; only of a start without a condition.
    """

    deployment: str
    parameters: Mapping[str, JsonValue]
    key: str
    package: str
    condition: Condition | None = None
    also: tuple[Self, ...] = ()

    @property
    def every(self) -> "tuple[Start, ...]":
        """This run and the further ones."""
        return (self, *self.also)


class Delivery(FrozenModel):
    """A genuine delivery.

    Attributes:
        guid: GitHub's; for a signed delivery, a UUID made from its bytes.
        event: As GitHub or the workflow names it.
        at: When it came.
        start: The flow run that it starts.
        why: Why it is ignored, or why it could not be started yet.
        attempts: How often a start was tried.
        due_at: When it is tried next, None for at once; while a worker has it, the end of the worker's lease.
        run: The id of its flow run.
        ended_at: When it was started or ignored.
        body: The request's body, as long as it is kept.
    """

    guid: UUID
    source: Source
    event: str
    action: str | None = None
    repository: str | None = None
    at: AwareDatetime
    state: DeliveryState
    start: Start | None = None
    why: str = ""
    attempts: int = 0
    due_at: AwareDatetime | None = None
    run: str | None = None
    ended_at: AwareDatetime | None = None
    body: str | None = Field(default=None, repr=False)

    def started(self, run: str, at: AwareDatetime) -> Self:
        """A copy that has its flow run."""
        state = DeliveryState.STARTED
        return self.model_copy(update={"state": state, "run": run, "why": "", "due_at": None, "ended_at": at})

    def ignored(self, why: str, at: AwareDatetime) -> Self:
        """A copy that starts nothing."""
        return self.model_copy(
            update={"state": DeliveryState.IGNORED, "why": why, "due_at": None, "ended_at": at, "body": None}
        )

    def put_off(self, why: str, until: AwareDatetime) -> Self:
        """A copy that is tried again later."""
        return self.model_copy(update={"why": why, "due_at": until, "attempts": self.attempts + 1})
