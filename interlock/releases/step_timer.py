"""The time that each step of a release takes, and the events for a watcher in the same process."""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from enum import StrEnum
from typing import ParamSpec, TypeVar

from interlock.common.clock import now
from interlock.common.retry import is_transient
from interlock.model.release import VISIBLE, Step

P = ParamSpec("P")
R = TypeVar("R")

# More pushes by others than this between a look and a push mean that something else is wrong.
MOST_RACES = 5


class StepEvent(StrEnum):
    """What happens to a step."""

    BEGINS = "begins"
    ENDS = "ends"
    WAS_DONE = "was done"  # what it leaves was there before
    STUMBLES = "stumbles"  # over an error that another try may overcome
    FAILS = "fails"


Watch = Callable[[Step, StepEvent], Awaitable[None]]


async def _nobody(_step: Step, _event: StepEvent) -> None:
    return


# A flow's parameters are data; a function to call in the same process goes beside them.
watcher: ContextVar[Watch] = ContextVar("watcher", default=_nobody)


async def _silently(_words: str) -> None:
    return


# What a step waits for, in words.
waiting: ContextVar[Callable[[str], Awaitable[None]]] = ContextVar("waiting", default=_silently)


async def _certainly() -> None:
    return


class StepTimer:
    """The seconds of each step of one run, and how often another push came first.

    Attributes:
        resumes: Whether an earlier run has begun the release.
        done_before: The steps that have found there what they leave in the world.
        make_sure: Raises before a step starts when this run has lost its lease.
    """

    def __init__(self) -> None:
        self.seconds: dict[Step, float] = {}
        self.races = 0
        self.done_before: list[Step] = []
        self.resumes = False
        self._step: Step | None = None
        self._acted: set[Step | None] = set()
        self.make_sure: Callable[[], Awaitable[None]] = _certainly
        self.began_at = now()

    def acts(self) -> None:
        """Note that the present step does something in the world that was not done before."""
        self._acted.add(self._step)

    @contextlib.asynccontextmanager
    async def step(self, step: Step) -> AsyncIterator[None]:
        """Notify the watcher about a step, and keep its time."""
        notify = watcher.get()
        began = time.monotonic()
        self._step = step
        await notify(step, StepEvent.BEGINS)
        try:
            await self.make_sure()
            yield
        except BaseException as error:
            await notify(step, StepEvent.STUMBLES if is_transient(error) else StepEvent.FAILS)
            raise
        self.seconds[step] = self.seconds.get(step, 0.0) + time.monotonic() - began
        was_done = self.resumes and step in VISIBLE and step not in self._acted
        self.done_before += [step] if was_done else []
        await notify(step, StepEvent.WAS_DONE if was_done else StepEvent.ENDS)
