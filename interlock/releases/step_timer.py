"""How the steps of a release are run, who watches them, and how long each of them takes."""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from enum import StrEnum
from typing import ParamSpec, TypeVar

from interlock.common.clock import now
from interlock.common.retry import is_transient
from interlock.model.release import Step

P = ParamSpec("P")
R = TypeVar("R")

# Fewer pushes by others than this come between a look and a push, or something else is wrong.
MOST_RACES = 5


class StepEvent(StrEnum):
    """What happens to a step."""

    BEGINS = "begins"
    ENDS = "ends"
    STUMBLES = "stumbles"  # in an error that another try may cure
    FAILS = "fails"


Watch = Callable[[Step, StepEvent], Awaitable[None]]


async def _nobody(_step: Step, _event: StepEvent) -> None:
    return


# A flow's parameters are data; what is to be called in the same process goes beside them.
watcher: ContextVar[Watch] = ContextVar("watcher", default=_nobody)


async def _certainly() -> None:
    return


class StepTimer:
    """The seconds of each step of one run, and how often it has begun again.

    Attributes:
        make_sure: Ends a step before it begins when another process releases the package now.
    """

    def __init__(self) -> None:
        self.seconds: dict[Step, float] = {}
        self.races = 0
        self.make_sure: Callable[[], Awaitable[None]] = _certainly
        self.began_at = now()

    @contextlib.asynccontextmanager
    async def step(self, step: Step) -> AsyncIterator[None]:
        """Notify the watcher of a step, and keep its time."""
        notify = watcher.get()
        began = time.monotonic()
        await notify(step, StepEvent.BEGINS)
        try:
            await self.make_sure()
            yield
        except BaseException as error:
            await notify(step, StepEvent.STUMBLES if is_transient(error) else StepEvent.FAILS)
            raise
        self.seconds[step] = self.seconds.get(step, 0.0) + time.monotonic() - began
        await notify(step, StepEvent.ENDS)
