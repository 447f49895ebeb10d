"""Releases that end in the middle."""

from collections.abc import Awaitable, Callable

import pytest

from interlock.model.release import Step
from interlock.releases.step_timer import StepEvent
from tests.support.rehearsed_release import RehearsedRelease


class StopError(Exception):
    """A run ends here."""


def stop_at(last: Step, when: StepEvent = StepEvent.ENDS) -> Callable[[Step, StepEvent], Awaitable[None]]:
    async def watch(step: Step, event: StepEvent) -> None:
        if (step, event) == (last, when):
            raise StopError

    return watch


def begin(here: RehearsedRelease, last: Step, *, version: str | None = None) -> None:
    with pytest.raises(StopError):
        here.release(watch=stop_at(last), version=version)
