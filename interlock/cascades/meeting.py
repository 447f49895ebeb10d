"""Cascades that meet at a package: one of them releases it, with what all of them have moved; see `cascade_plan`."""

import asyncio
from collections.abc import Mapping

from packaging.version import Version

from interlock.cascade_plan import Cascade, State, beside, released_with, upstreams_moved, who_goes_first
from interlock.cascades.walk import Course
from interlock.errors import BusyError
from interlock.patience import until

# A package that has come so far has had its turn.
HAD_ITS_TURN = frozenset({State.RELEASING, State.AWAITING_MERGE})


async def what_moves(course: Course, name: str) -> Mapping[str, Version] | None:
    """The upstreams that a package is moved to, when its turn has come; None when there is nothing (more) to do now.

    There is nothing to do when another cascade has released it with all of them; and for now, when that one waits for
    a pull request to be merged.

    Raises:
        BusyError: The other cascade doesn't go on.
        OvertakenError: The package is held by now.
    """
    progress = (await course.now()).progress[name]
    if progress.state in HAD_ITS_TURN and progress.pins:
        return progress.pins
    if first := await _turn(course, name):
        await course.mark(name, State.TESTING, f"{first.id} goes first")
        await course.mark(name, State.AWAITING_MERGE, f"{first.id}, which goes first, waits for a merge")
        return None
    cascade, known = await course.now(), await _known(course)
    others = [each for each in known if each.id != cascade.id and name in each.progress]
    pins = upstreams_moved(cascade, beside(cascade, others), name)
    for other in others:
        there = other.progress[name]
        if pins and released_with(there, pins):
            await course.mark(name, State.RELEASING, f"in {other.id}", pins=pins)
            await course.mark(name, State.RELEASED, f"in {other.id}", version=there.version, link=there.link)
            return None
    return pins


async def _turn(course: Course, name: str) -> Cascade | None:
    """Wait for cascades that go first; one that itself waits for a merge is not waited for, but given."""
    ahead: list[Cascade] = []

    async def come() -> bool | None:
        cascade = await course.now()
        first = who_goes_first(cascade, beside(cascade, await _known(course)), name)
        ahead[:] = [first] if first else []
        if first is None or waits_for_a_merge(first):
            return True
        if cascade.state(name) in {State.PLANNED, State.WAITING}:
            await course.mark(name, State.WAITING, f"{first.id} has it too, and goes first")
        return None

    seconds = course.yard.request.patience.run
    if not await until(come, seconds=seconds, first=1.0):
        raise BusyError(
            f"{ahead[0].id} has {name} too, goes first, and has not ended with it after {seconds:g} s",
            hint=f"interlock cascade resume {ahead[0].id}, or abort it; then run this again",
        )
    return next(iter(ahead), None)


def waits_for_a_merge(cascade: Cascade) -> bool:
    """Whether nothing may go on in it until somebody merges."""
    return any(each.state is State.AWAITING_MERGE for each in cascade.progress.values())


async def _known(course: Course) -> tuple[Cascade, ...]:
    return await asyncio.to_thread(course.yard.ledger.cascades)
