"""Who watches a release while it is made, and how long each of its steps took."""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum

from interlock.lifecycle import Step
from interlock.patience import is_transient

# Fewer pushes by others than this come between a look and a push, or something else is wrong.
MOST_RACES = 5


class Moment(StrEnum):
    """What happens to a step."""

    BEGINS = "begins"
    ENDS = "ends"
    STUMBLES = "stumbles"  # in an error that another try may cure
    FAILS = "fails"


Watch = Callable[[Step, Moment], Awaitable[None]]


async def _nobody(_step: Step, _moment: Moment) -> None:
    return


# A flow's parameters are data; what is to be called in the same process goes beside them.
watcher: ContextVar[Watch] = ContextVar("watcher", default=_nobody)


async def _certainly() -> None:
    return


class Journal:
    """The seconds of each step of one run, and how often it has begun anew.

    Attributes:
        sure: Ends a step before it begins when somebody else releases the package now.
    """

    def __init__(self) -> None:
        self.seconds: dict[Step, float] = {}
        self.races = 0
        self.sure: Callable[[], Awaitable[None]] = _certainly
        self.began_at = datetime.now(UTC)

    @contextlib.asynccontextmanager
    async def step(self, step: Step) -> AsyncIterator[None]:
        """Tell the watcher of a step, and keep its time."""
        tell = watcher.get()
        began = time.monotonic()
        await tell(step, Moment.BEGINS)
        try:
            await self.sure()
            yield
        except BaseException as error:
            await tell(step, Moment.STUMBLES if is_transient(error) else Moment.FAILS)
            raise
        self.seconds[step] = self.seconds.get(step, 0.0) + time.monotonic() - began
        await tell(step, Moment.ENDS)
