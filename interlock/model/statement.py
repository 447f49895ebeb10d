"""Something to tell on GitHub, as the ledger keeps it: written by work that is not trusted, told by work that is."""

from uuid import UUID

from pydantic import AwareDatetime, Field

from interlock.common.frozen_model import FrozenModel

LARGEST = 8_000_000
"""Characters of a statement's body: a report of ten thousand red cells has about half of it."""


class Statement(FrozenModel):
    """A statement.

    Attributes:
        subject: What it is about; a newer statement replaces the older one of its subject.
        family: The name of the family.
        at: When it was made.
        run: The flow run that replaces it when it ends; None when nothing follows.
        body: JSON. It is checked by the process that tells it.
    """

    subject: str
    id: UUID
    family: str
    at: AwareDatetime
    run: UUID | None = None
    body: str = Field(max_length=LARGEST, repr=False)
