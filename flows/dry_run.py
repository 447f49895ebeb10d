"""The end of a dry run: a refusal is its answer, not a failure."""

from collections.abc import Awaitable, Callable

from prefect.client.schemas.objects import State as RunState
from prefect.states import Completed

from interlock.errors import InterlockError

PLANNED = "Planned"
REFUSED = "Refused"


async def outcome(look: Callable[[], Awaitable[str]]) -> RunState[None]:
    """End a dry run as completed: `Planned` with what would be done, or `Refused` with the reason.

    Raises:
        InterlockError: A transient error: the answer is not known.
    """
    try:
        return Completed(name=PLANNED, message=await look())
    except InterlockError as error:
        if error.transient:
            raise
        return Completed(name=REFUSED, message=str(error))
