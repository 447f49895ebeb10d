"""A run that only says what it would do: what would be refused is its answer, and no failure."""

from collections.abc import Awaitable, Callable

from prefect.client.schemas.objects import State as RunState
from prefect.states import Completed

from interlock.errors import InterlockError

PLANNED = "Planned"
REFUSED = "Refused"


async def outcome(look: Callable[[], Awaitable[str]]) -> RunState[None]:
    """How a dry run ends: completed, as `Planned` with what would be done, or as `Refused` with why it would not be.

    Raises:
        InterlockError: A trouble of the world that may pass: the answer is not known.
    """
    try:
        return Completed(name=PLANNED, message=await look())
    except InterlockError as error:
        if error.transient:
            raise
        return Completed(name=REFUSED, message=str(error))
