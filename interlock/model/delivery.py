"""A delivery as the ledger keeps it: what came, what follows from it, and how far that has come."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Self
from uuid import UUID

from pydantic import AwareDatetime, Field, JsonValue

from interlock.common.frozen_model import FrozenModel


class Source(StrEnum):
    """By which door it came."""

    GITHUB = "github"
    SIGNED = "signed"


class DeliveryState(StrEnum):
    """How far a delivery has come."""

    ACCEPTED = "accepted"  # it is kept, and its flow run is still to be made
    STARTED = "started"  # its flow run is there
    IGNORED = "ignored"  # nothing follows from it


class Condition(StrEnum):
    """What must hold in the ledger when a run is to be started."""

    NOT_OURS = "not released by a cascade"
    A_CASCADE_WAITS = "a cascade waits for a merge"


class Start(FrozenModel):
    """A flow run that is to be made.

    Attributes:
        deployment: As `flow/deployment`.
        parameters: Of the run.
        key: Events of one key mean one thing: Prefect makes one run of them.
        package: The member that it is about.
        condition: What must hold besides.
    """

    deployment: str
    parameters: Mapping[str, JsonValue]
    key: str
    package: str
    condition: Condition | None = None


class Delivery(FrozenModel):
    """A genuine delivery.

    Attributes:
        guid: GitHub's; of a plain one, the name of its bytes.
        event: As GitHub or the workflow names it.
        at: When it came.
        start: What follows from it.
        why: Why it is ignored, or why it could not be started yet.
        attempts: How often it was tried to start it.
        due_at: When it is tried next; while somebody does so, until when nobody else does.
        run: The id of its flow run.
        ended_at: When it was started or ignored.
        body: What was sent, as long as it is kept.
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
        """The same with its flow run."""
        state = DeliveryState.STARTED
        return self.model_copy(update={"state": state, "run": run, "why": "", "due_at": None, "ended_at": at})

    def ignored(self, why: str, at: AwareDatetime) -> Self:
        """The same when nothing is to follow after all."""
        return self.model_copy(
            update={"state": DeliveryState.IGNORED, "why": why, "due_at": None, "ended_at": at, "body": None}
        )

    def put_off(self, why: str, until: AwareDatetime) -> Self:
        """The same to be tried again later."""
        return self.model_copy(update={"why": why, "due_at": until, "attempts": self.attempts + 1})
