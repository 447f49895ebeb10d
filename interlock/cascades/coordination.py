"""Cascades that meet at a package: one of them releases it, with what all of them have moved.

**What it promises.** A package that several unfinished cascades have is released once, by the one that goes first
(`cascade_plan.who_goes_first`: who began first), moved to the versions of all of them. The others then find that it
was released with what they have moved, and take that release for theirs; what came too late for it is released after
it.

**How they know.** Only by the ledger: each cascade reads all others when the turn of a package may have come. None
asks another to wait or to go on, and nothing is locked but the release itself, by the lease of its package. So the
worst that a race can do is a second release with newer requirements, never two of the same.

**Why nobody waits in a circle.** Only a cascade that began later waits, so that the oldest never does. One that waits
for a merge, which may take days, is not waited for: the package is left awaiting the same merge, and the walk ends.
One that was killed is waited for as long as patience lasts; then the package fails, naming the cascade to be resumed.
A package that has had its turn (`HAD_ITS_TURN`) keeps the versions with which it began, whoever comes later: what was
proved is what is released.
"""

import asyncio
from collections.abc import Mapping

from packaging.version import Version

from interlock.cascades.scheduler import CascadeRun
from interlock.common.retry import until
from interlock.errors import BusyError
from interlock.model.cascade import Cascade, State, beside, released_with, upstreams_moved, who_goes_first

# A package that has come so far has had its turn.
HAD_ITS_TURN = frozenset({State.RELEASING, State.AWAITING_MERGE})


async def what_moves(run: CascadeRun, name: str) -> Mapping[str, Version] | None:
    """The upstreams that a package is moved to, when its turn has come; None when there is nothing (more) to do now.

    There is nothing to do when another cascade has released it with all of them; and for now, when that one waits for
    a pull request to be merged.

    Raises:
        BusyError: The other cascade doesn't go on.
        OvertakenError: The package is held by now.
    """
    progress = (await run.now()).progress[name]
    if progress.state in HAD_ITS_TURN and progress.pins:
        return progress.pins
    if first := await _turn(run, name):
        await run.mark(name, State.TESTING, f"{first.id} goes first")
        await run.mark(name, State.AWAITING_MERGE, f"{first.id}, which goes first, waits for a merge")
        return None
    cascade, known = await run.now(), await _known(run)
    others = [each for each in known if each.id != cascade.id and name in each.progress]
    pins = upstreams_moved(cascade, beside(cascade, others), name)
    for other in others:
        there = other.progress[name]
        if pins and released_with(there, pins):
            await run.mark(name, State.RELEASING, f"in {other.id}", pins=pins)
            await run.mark(name, State.RELEASED, f"in {other.id}", version=there.version, link=there.link)
            return None
    return pins


async def _turn(run: CascadeRun, name: str) -> Cascade | None:
    """Wait for cascades that go first; one that itself waits for a merge is not waited for, but given."""
    ahead: list[Cascade] = []

    async def come() -> bool | None:
        cascade = await run.now()
        first = who_goes_first(cascade, beside(cascade, await _known(run)), name)
        ahead[:] = [first] if first else []
        if first is None or waits_for_a_merge(first):
            return True
        if cascade.state(name) in {State.PLANNED, State.WAITING}:
            await run.mark(name, State.WAITING, f"{first.id} has it too, and goes first")
        return None

    seconds = run.context.request.patience.run
    if not await until(come, seconds=seconds, first=1.0):
        raise BusyError(
            f"{ahead[0].id} has {name} too, goes first, and has not ended with it after {seconds:g} s",
            hint=f"interlock cascade resume {ahead[0].id}, or abort it; then run this again",
        )
    return next(iter(ahead), None)


def waits_for_a_merge(cascade: Cascade) -> bool:
    """Whether nothing may go on in it until somebody merges."""
    return any(each.state is State.AWAITING_MERGE for each in cascade.progress.values())


async def _known(run: CascadeRun) -> tuple[Cascade, ...]:
    return await asyncio.to_thread(run.ledger.cascades)
