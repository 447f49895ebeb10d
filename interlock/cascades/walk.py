"""Walking a cascade: whoever is ready is begun, independent branches side by side, until nothing more can be done."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar

from packaging.version import Version

from interlock.cascade_plan import (
    Cascade,
    HeldBy,
    Outcome,
    Proven,
    State,
    mended,
    moved,
    ready,
    resumed,
    settle,
    under_way,
)
from interlock.cascades.proof import installable
from interlock.cascades.yard import Yard
from interlock.errors import InterlockError

# Seconds between looks at the ledger: a hold or an abort of another process is seen that late.
LOOKS = 1.0
Watch = Callable[[Cascade], Awaitable[None]]
Act = Callable[[str], Awaitable[None]]


async def _nobody(_cascade: Cascade) -> None:
    return


# A flow's parameters are data; what is to be called in the same process goes beside them.
watcher: ContextVar[Watch] = ContextVar("cascade_watcher", default=_nobody)


class OvertakenError(Exception):
    """Somebody holds the package meanwhile, or has ended the cascade: nothing more is done with it."""


class Course:
    """One cascade as it goes on: its state is in the ledger, where others may hold a package or end it."""

    def __init__(self, yard: Yard, id: str) -> None:  # noqa: A002  the field's name
        self.yard = yard
        self.id = id
        # From a look to what is written of it: what another branch has written meanwhile would be lost.
        self._one_at_a_time = asyncio.Lock()

    async def now(self) -> Cascade:
        """The cascade as everybody left it, and with what follows from that."""
        async with self._one_at_a_time:
            return await self._settled()

    async def _settled(self) -> Cascade:
        cascade = await asyncio.to_thread(self.yard.ledger.cascade, self.id)
        assert cascade is not None
        if follows := settle(cascade, self.yard.now()):
            await asyncio.to_thread(self.yard.ledger.record_progress, self.id, *follows)
            cascade = cascade.with_progress(*follows)
        await watcher.get()(cascade)
        return cascade

    async def prove(self, package: str, proof: tuple[Proven, ...]) -> None:
        """Keep what a package's suites showed."""
        async with self._one_at_a_time:
            progress = (await self._settled()).progress[package].model_copy(update={"proof": proof})
            await asyncio.to_thread(self.yard.ledger.record_progress, self.id, progress)

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
        """Let a package be in a state; one that `breaks` what was released holds all the others from now on.

        Raises:
            OvertakenError: It is held by now, and so can't go on.
        """
        async with self._one_at_a_time:
            progress = (await self._settled()).progress[package]
            # What is out is out, whoever has held it meanwhile.
            if progress.state is State.HELD and state not in {State.HELD, State.RELEASED}:
                raise OvertakenError(package)
            progress = moved(
                progress, state, reason, self.yard.now(), version=version, link=link, held_by=HeldBy.ITSELF
            )
            progress = progress.model_copy(
                update={"breaks": breaks or progress.breaks, "pins": progress.pins if pins is None else pins}
            )
            await asyncio.to_thread(self.yard.ledger.record_progress, self.id, progress)
            await self._settled()


async def begin(yard: Yard, planned: Cascade) -> Course:
    """Put a cascade into the ledger, or join the one that is there: what failed of it is tried again."""
    ledger = yard.ledger
    known = await asyncio.to_thread(ledger.begin_cascade, planned)
    if known.outcome is Outcome.FAILED:
        again = resumed(known, yard.now())
        moved_again = [each for name, each in again.progress.items() if each != known.progress[name]]
        await asyncio.to_thread(ledger.record_progress, known.id, *moved_again)
        await asyncio.to_thread(ledger.end_cascade, known.id, None)
    await _look_for_fixes(yard, known)
    return Course(yard, known.id)


async def _look_for_fixes(yard: Yard, cascade: Cascade) -> None:
    """Let a later version of what broke the family take its place, when all can be installed together with it."""
    for breaker in cascade.breakers():
        served = await yard.index.served(breaker.package)
        final = (each for each, release in served.items() if not release.yanked and not each.is_prerelease)
        newest = max(final, default=None)
        if newest is None or breaker.version is None or newest <= breaker.version:
            continue
        if await installable(yard, {**cascade.released(), breaker.package: newest}) is None:
            fixed = mended(cascade, breaker.package, newest, yard.now())
            await asyncio.to_thread(yard.ledger.record_progress, cascade.id, *fixed.progress.values())
            await asyncio.to_thread(yard.ledger.end_cascade, cascade.id, None)


async def walk(course: Course, act: Act) -> Cascade:
    """Begin whoever is ready, and again who was under way when an earlier run ended, until nobody is left.

    What a package's act ends with is that package's business: it has failed, and those above it are held. An error that
    is none of ours is raised when the others have ended.

    Args:
        course: The cascade.
        act: Does for a package what is to be done, and marks where it is.
    """
    walking = _Walking(course, act)
    try:
        return await walking.to_the_end()
    finally:
        await walking.stop()


class _Walking:
    def __init__(self, course: Course, act: Act) -> None:
        self._course = course
        self._act = act
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def to_the_end(self) -> Cascade:
        cascade = await self._course.now()
        self._begin(*under_way(cascade), *ready(cascade))
        while running := [task for task in self._tasks.values() if not task.done()]:
            await asyncio.wait(running, timeout=LOOKS, return_when=asyncio.FIRST_COMPLETED)
            ended = {name for name, task in self._tasks.items() if task.done() and not task.exception()}
            cascade = await self._course.now()
            # Ready again after it has ended is who was held, and let go.
            self._begin(*(name for name in ready(cascade) if name in ended or name not in self._tasks))
        for task in self._tasks.values():
            task.result()
        if cascade.is_over:
            at = self._course.yard.now()
            await asyncio.to_thread(self._course.yard.ledger.end_cascade, cascade.id, at)
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
                await self._course.mark(name, State.FAILED, str(error))

    async def stop(self) -> None:
        """End what still runs, as when somebody interrupts."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
