"""The steps of a release that a push or a merge starts: decide, release or cascade, and say on GitHub how it ended."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tenacity import retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from interlock.adapters.connections import Connections
from interlock.cascades.on_event import EventRequest, Nothing, decide
from interlock.cascades.on_event_report import EventResult, tell
from interlock.cascades.request import CascadeRequest
from interlock.common.frozen_model import FrozenModel
from interlock.common.retry import retried
from interlock.common.steps import RunStep, call
from interlock.errors import BusyError, InterlockError
from interlock.model.cascade import Cascade, Outcome
from interlock.model.release import Release
from interlock.releases.context import Log
from interlock.releases.plan import ReleaseRequest

LOG: Log = logging.getLogger("interlock.cascades").log
# A release waits for receipts of half an hour.
PATIENCE = 7200.0
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0


@dataclass(frozen=True, kw_only=True)
class EventHost:
    """What runs a release for an event.

    Attributes:
        release: Releases a package.
        cascade: Releases a package and what follows.
        run: Runs each step.
        url: The page of this run.
        patience: Seconds until another release of the package must have ended.
        first_pause: Seconds before the second look.
        log: Writes a line at a level of `logging`.
    """

    release: Callable[[ReleaseRequest], Awaitable[Release | str]]
    cascade: Callable[[CascadeRequest], Awaitable[Cascade | str]]
    run: RunStep = call
    url: str | None = None
    patience: float = PATIENCE
    first_pause: float = FIRST_PAUSE
    log: Log = LOG


class Ended(FrozenModel):
    """How it ended.

    Attributes:
        said: For people, in a line.
        is_nothing: Whether nothing was to be released.
        is_good: Whether what was released went well.
    """

    said: str
    is_nothing: bool = False
    is_good: bool = True


async def release_on_event(request: EventRequest, connections: Connections, host: EventHost) -> Ended:
    """Release a package for an event, if it starts a release; run again, it is the same release.

    While another run releases the package, it waits and then looks again.

    Args:
        request: The event.
        connections: The connections of its family.
        host: What runs the steps.

    Raises:
        InterlockError: It was not released, or not to the end; said on GitHub too.
    """

    async def attempt() -> Ended:
        work = connections.work_folder("event") / "clone"
        decided = await host.run("decide", decide, request, connections, work)
        return (
            Ended(said=decided.why, is_nothing=True) if isinstance(decided, Nothing) else await _perform(decided, host)
        )

    wait = wait_exponential_jitter(multiplier=host.first_pause, max=LONGEST_PAUSE, jitter=host.first_pause)
    try:
        ended = await retried(
            attempt, stop=stop_after_delay(host.patience), wait=wait, retry=retry_if_exception_type(BusyError)
        )
    except InterlockError as error:
        await _tell(request, connections, host, Ended(said=error.message, is_good=False), error.hint)
        raise
    if not ended.is_nothing:
        await _tell(request, connections, host, ended)
    return ended


async def _perform(wanted: ReleaseRequest | CascadeRequest, host: EventHost) -> Ended:
    if isinstance(wanted, CascadeRequest):
        done = await host.cascade(wanted)
        return Ended(said=done) if isinstance(done, str) else _cascaded(done)
    released = await host.release(wanted)
    if isinstance(released, str):
        return Ended(said=released)
    if released.nothing_new:
        return Ended(said=released.nothing_new_in_words, is_nothing=True)
    return Ended(said=f"{released.package} {released.version} is out")


def _cascaded(done: Cascade) -> Ended:
    return Ended(said=f"{done.id}: {done.outcome}", is_good=done.outcome in {Outcome.DONE, Outcome.RUNNING})


async def _tell(
    request: EventRequest, connections: Connections, host: EventHost, ended: Ended, hint: str | None = None
) -> None:
    """Say it on the commit that the event names; nothing after a dry run."""
    if request.dry_run or request.sha is None:
        return
    result = EventResult(
        package=request.package,
        repository=connections.family.repository(request.package),
        sha=request.sha,
        pull=request.pull,
        is_good=ended.is_good,
        said=ended.said,
        hint=hint,
        url=host.url,
    )
    for trouble in await host.run("tell", tell, connections.telling, result):
        host.log(logging.WARNING, trouble)
