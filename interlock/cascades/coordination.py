"""Cascades that share a package: one of them releases it, with what all of them have moved.

**What it promises.** A package of several unfinished cascades is released once, by the cascade that started first
(`who_goes_first`), moved to the upstream versions of all of them. The others find this release and take it as theirs.
What came too late for it is released after it.

**How it works.** Only through the ledger: each cascade reads all others when it may be a package's turn. No cascade
asks another to wait or to resume, and the only lock is the lease of the package's release. So a race can at worst
make a second release with newer requirements, never two equal ones.

**Why there is no deadlock.** Only the cascade that started later waits, so the oldest never does. It does not wait for
a cascade that waits for a merge, which may take days: the package then awaits the same merge, and the run ends. It
waits for a killed cascade as long as patience lasts; then the package fails, and the error names the cascade to
resume. A package that has had its turn (`HAD_ITS_TURN`) keeps the versions that it started with, so that the cascade
releases what it proved.
"""

import asyncio
from collections.abc import Mapping

from packaging.version import Version

from interlock.cascades.scheduler import CascadeRun
from interlock.common.retry import until
from interlock.errors import BusyError
from interlock.model.cascade import Cascade, State, beside, released_with, upstreams_moved, who_goes_first

# A package in one of these states has had its turn.
HAD_ITS_TURN = frozenset({State.RELEASING, State.AWAITING_MERGE})


async def what_moves(run: CascadeRun, name: str) -> Mapping[str, Version] | None:
    """Wait for a package's turn; the upstream versions to move it to, or None when there is nothing to do now.

    There is nothing to do when another cascade has released it with all of them, or waits for the merge of its pull
    request.

    Raises:
        BusyError: The other cascade makes no progress.
        OvertakenError: The package was held meanwhile.
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
    """Wait for cascades that go first; returns one that waits for a merge itself, at once."""
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
    """Whether a pull request of the cascade has to be merged first."""
    return any(each.state is State.AWAITING_MERGE for each in cascade.progress.values())


async def _known(run: CascadeRun) -> tuple[Cascade, ...]:
    return await asyncio.to_thread(run.ledger.cascades)
