"""The base of all values: immutable, and validated when it is built."""

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    """An immutable record; building one validates it, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
