"""How full a queue is, and how fast its source may go."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class BackpressureLevel(StrEnum):
    """How urgently a queue needs relief."""

    ok = "ok"
    soft = "soft"
    hard = "hard"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class FeedbackEvent(_Message):
    """What a coordinator says about its queue."""

    coordinator_id: str
    queue_size: int = Field(ge=0)
    capacity: int = Field(gt=0)
    level: BackpressureLevel
    source: str = "store"
    ts: float

    @property
    def load(self) -> float:
        """The filled part of the queue; 1.0 is full."""
        return self.queue_size / self.capacity


class RateAdjustment(_Message):
    """What a provider is asked to do about it: 1.0 is full speed, 0.0 a stop."""

    provider: str
    scale: float = Field(ge=0.0, le=1.0)
    reason: BackpressureLevel
    ts: float
