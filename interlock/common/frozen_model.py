"""The base of every value: immutable, complete when built, and refusing what it does not know."""

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    """An immutable record; building one validates it, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
