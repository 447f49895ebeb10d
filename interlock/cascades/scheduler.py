"""The scheduler of a cascade: starts the packages that are ready, in parallel, until nothing more can be done.

**What it promises.** A package starts when all of its upstreams have ended, and runs at most once at a time. An error
fails its package alone: its downstreams are held, and other branches continue. A hold or an abort by another process
is seen within `LOOKS` seconds, and before each change of a package's state. When the scheduler ends, no package is
ready: the cascade is over, or it waits for a merge.

**Where its state is.** In the ledger alone, one row for each package; memory only has the running tasks. So
`CascadeRun.mark` reads, decides and writes under one lock; otherwise it would lose what another branch writes
meanwhile. What follows from a change (`settle` in `model/cascade/transitions.py`) is written with it, and only the
changed rows are, so that a person's decision in between is never overwritten. A package that was held between a look
and a mark raises `OvertakenError`, which ends its task without a trace: the scheduler starts it again once it is
unheld.

**What can interrupt it.** A killed process leaves packages under way. The next run starts those again: each act looks
at the world first, and finds what was done. The lease of the cascade keeps two runs apart. Cancelling cancels the
tasks and waits for them. An error outside of our tree of errors is a defect: it is raised when the other branches have
ended.

**Why it ends.** Every package moves along `TRANSITIONS` (`model/cascade/states.py`), in which only people go back; an
act ends its package, or leaves it waiting for a merge, and then it is not ready again.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar

from packaging.version import Version

from interlock.cascades.context import CascadeContext
from interlock.cascades.verify import installable
from interlock.common.clock import now
from interlock.errors import InterlockError
from interlock.model.cascade import (
    Cascade,
    HeldBy,
    Outcome,
    Proven,
    State,
    moved,
    ready,
    repaired,
    resumed,
    settle,
    under_way,
)

# Seconds between looks at the ledger, and so the delay of another process's hold or abort.
LOOKS = 1.0
Watch = Callable[[Cascade], Awaitable[None]]
Act = Callable[[str], Awaitable[None]]


async def _nobody(_cascade: Cascade) -> None:
    return


# A flow's parameters are data; a function to call in the same process goes beside them.
watcher: ContextVar[Watch] = ContextVar("cascade_watcher", default=_nobody)


class OvertakenError(Exception):
    """The package was held, or the cascade aborted, meanwhile: nothing more is done with the package."""


class CascadeRun:
    """A running cascade: its state is in the ledger, where other processes may hold a package or abort it."""

    def __init__(self, context: CascadeContext, id: str) -> None:  # noqa: A002  the field's name
        self.context = context
        self.ledger = context.connections.ledger
        self.id = id
        # Held from a read to the write that it leads to, so that no other branch's write is lost.
        self._one_at_a_time = asyncio.Lock()

    async def now(self) -> Cascade:
        """Read the cascade from the ledger, and write what follows from its states."""
        async with self._one_at_a_time:
            return await self._settled()

    async def _settled(self) -> Cascade:
        cascade = await asyncio.to_thread(self.ledger.cascade, self.id)
        assert cascade is not None
        if follows := settle(cascade, now()):
            await asyncio.to_thread(self.ledger.record_progress, self.id, *follows)
            cascade = cascade.with_progress(*follows)
        await watcher.get()(cascade)
        return cascade

    async def prove(self, package: str, proof: tuple[Proven, ...]) -> None:
        """Record what a package's suites showed."""
        async with self._one_at_a_time:
            progress = (await self._settled()).progress[package].model_copy(update={"proof": proof})
            await asyncio.to_thread(self.ledger.record_progress, self.id, progress)

    async def mark(
        self,
        package: str,
        state: State,
        reason: str = "",
        *,
        version: Version | None = None,
        link: str | None = None,
        pins: Mapping[str, Version] | None = None,
        breaks: bool = False,
    ) -> None:
        """Record a package's state; one that `breaks` what was released holds all the others from now on.

        Raises:
            OvertakenError: The package was held meanwhile, and must not continue.
        """
        async with self._one_at_a_time:
            progress = (await self._settled()).progress[package]
            # A hold does not undo a release that is out.
            if progress.state is State.HELD and state not in {State.HELD, State.RELEASED}:
                raise OvertakenError(package)
            progress = moved(progress, state, reason, now(), version=version, link=link, held_by=HeldBy.ITSELF)
            progress = progress.model_copy(
                update={"breaks": breaks or progress.breaks, "pins": progress.pins if pins is None else pins}
            )
            await asyncio.to_thread(self.ledger.record_progress, self.id, progress)
            await self._settled()


async def begin(context: CascadeContext, planned: Cascade) -> CascadeRun:
    """Record a cascade in the ledger, or join the one that is there; its failed packages are tried again."""
    ledger = context.connections.ledger
    known = await asyncio.to_thread(ledger.begin_cascade, planned)
    if known.outcome is Outcome.FAILED:
        again = resumed(known, now())
        moved_again = [each for name, each in again.progress.items() if each != known.progress[name]]
        await asyncio.to_thread(ledger.record_progress, known.id, *moved_again)
        await asyncio.to_thread(ledger.end_cascade, known.id, None)
    await _look_for_fixes(context, known)
    return CascadeRun(context, known.id)


async def _look_for_fixes(context: CascadeContext, cascade: Cascade) -> None:
    """Replace a release that broke the family by a later version, if everything can be installed with that one."""
    for breaker in cascade.breakers():
        served = await context.connections.index.served(breaker.package)
        final = (each for each, release in served.items() if not release.yanked and not each.is_prerelease)
        newest = max(final, default=None)
        if newest is None or breaker.version is None or newest <= breaker.version:
            continue
        if await installable(context, {**cascade.released(), breaker.package: newest}) is None:
            fixed = repaired(cascade, breaker.package, newest, now())
            ledger = context.connections.ledger
            await asyncio.to_thread(ledger.record_progress, cascade.id, *fixed.progress.values())
            await asyncio.to_thread(ledger.end_cascade, cascade.id, None)


async def walk(run: CascadeRun, act: Act) -> Cascade:
    """Start each package that is ready or was under way when an earlier run ended, until none is left.

    Args:
        run: The cascade.
        act: Runs a package's steps, and records its states.
    """
    walking = _Walking(run, act)
    try:
        return await walking.to_the_end()
    finally:
        await walking.stop()


class _Walking:
    def __init__(self, run: CascadeRun, act: Act) -> None:
        self._cascade_run = run
        self._act = act
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def to_the_end(self) -> Cascade:
        cascade = await self._cascade_run.now()
        self._begin(*under_way(cascade), *ready(cascade))
        while running := [task for task in self._tasks.values() if not task.done()]:
            await asyncio.wait(running, timeout=LOOKS, return_when=asyncio.FIRST_COMPLETED)
            ended = {name for name, task in self._tasks.items() if task.done() and not task.exception()}
            cascade = await self._cascade_run.now()
            # A package that ended and is ready again was held, then unheld.
            self._begin(*(name for name in ready(cascade) if name in ended or name not in self._tasks))
        for task in self._tasks.values():
            task.result()
        if cascade.is_over:
            at = now()
            await asyncio.to_thread(self._cascade_run.ledger.end_cascade, cascade.id, at)
            cascade = cascade.model_copy(update={"ended_at": at})
        return cascade

    def _begin(self, *names: str) -> None:
        for name in names:
            self._tasks[name] = asyncio.create_task(self._one(name))

    async def _one(self, name: str) -> None:
        with contextlib.suppress(OvertakenError):
            try:
                await self._act(name)
            except InterlockError as error:
                await self._cascade_run.mark(name, State.FAILED, str(error))

    async def stop(self) -> None:
        """Cancel what still runs, as after Ctrl-C."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
