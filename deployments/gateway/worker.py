"""Starts what was accepted: takes deliveries from the ledger until none is left, however often Prefect goes away."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from deployments.gateway.logs import logger, say
from deployments.gateway.metrics import Metrics
from deployments.gateway.run_starter import PrefectDownError, Starter, StartRefusedError
from interlock.adapters.ledger import Ledger
from interlock.common.clock import now
from interlock.common.frozen_model import FrozenModel
from interlock.errors import LedgerError
from interlock.webhooks import Delivery
from interlock.webhooks.preconditions import obstacle

KEEP_BODIES = timedelta(days=14)
KEEP_ROWS = timedelta(days=90)
# So often a delivery is tried alone while Prefect fails; then it takes turns with the others.
PROBES = 5


class Backoff(FrozenModel):
    """How long the worker waits for what.

    Attributes:
        look: Seconds between looks at the ledger when nothing wakes it: for what another gateway has left.
        first: Seconds of the first pause when Prefect or the ledger is away; each is twice the one before.
        longest: Seconds of the longest of these.
        refused: Seconds until a run that Prefect refused is tried again; twice the one before each time.
        longest_refused: Seconds of the longest of these.
        lease: Seconds for which what it has taken is its own.
        most: How many it takes at a time.
        tidy: Seconds between the times when old deliveries are forgotten.
    """

    look: float = 2.0
    first: float = 0.5
    longest: float = 30.0
    refused: float = 5.0
    longest_refused: float = 600.0
    lease: float = 60.0
    most: int = 20
    tidy: float = 3600.0


class Worker:
    """Starts what was accepted.

    Args:
        ledger: Where it is kept.
        starter: Makes flow runs.
        metrics: Counts.
        pace: How long it waits for what.
        clock: Tells the time.
    """

    def __init__(
        self,
        ledger: Ledger,
        starter: Starter,
        metrics: Metrics,
        *,
        pace: Backoff | None = None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._ledger, self._starter, self._metrics = ledger, starter, metrics
        self._pace, self._clock = pace or Backoff(), clock
        self._woken = asyncio.Event()
        self._stops = asyncio.Event()
        self._failures = 0
        self._tidied: datetime | None = None

    def wake(self) -> None:
        """There is something to do."""
        self._woken.set()

    def stop(self) -> None:
        """End after what has been begun."""
        self._stops.set()
        self._woken.set()

    async def run(self) -> None:
        """Work until it is told to stop."""
        while not self._stops.is_set():
            self._woken.clear()
            try:
                found = await self._round()
            except (PrefectDownError, LedgerError) as error:
                await self._pause("prefect" if isinstance(error, PrefectDownError) else "ledger", error.message)
                continue
            except Exception as defect:  # noqa: BLE001  without it nothing would be started until somebody looks
                logger.exception("a defect while working")
                await self._pause("defect", type(defect).__name__)
                continue
            self._failures = 0
            if not found:
                await self._wait(self._woken, self._pace.look)

    async def _round(self) -> bool:
        """Take some, and start them; whether there were any.

        Raises:
            PrefectDownError: Prefect is away; what is left is due at once.
            LedgerError: The ledger can't be used; what is left is due when its lease has ended.
        """
        await self._tidy()
        now = self._clock()
        until = now + timedelta(seconds=self._pace.lease)
        taken = await asyncio.to_thread(self._ledger.claim_deliveries, now, until, self._pace.most)
        for number, delivery in enumerate(taken):
            if self._clock() >= until:  # by now somebody else may have the rest
                break
            if self._stops.is_set():
                await self._put_back(taken[number:])
                break
            try:
                await self._one(delivery)
            except PrefectDownError as error:
                await self._record(delivery.put_off(error.message, self._clock() + self._aside(delivery)))
                await self._put_back(taken[number + 1 :])
                raise
        return bool(taken)

    def _aside(self, delivery: Delivery) -> timedelta:
        """How long a delivery with which Prefect fails lets others be tried first: it may be Prefect, or this one."""
        if delivery.attempts < PROBES:
            return timedelta()
        return timedelta(seconds=min(self._pace.refused * 2 ** min(delivery.attempts, 20), 2 * self._pace.longest))

    async def _one(self, delivery: Delivery) -> None:
        start = delivery.start
        assert start is not None
        try:
            if why := await asyncio.to_thread(obstacle, start, self._ledger):
                await self._drop(delivery, why)
                return
            run = await self._starter.start(start)
        except StartRefusedError as error:
            await self._put_off(delivery, f"{error.message}{f' ({error.hint})' if error.hint else ''}")
            return
        except (PrefectDownError, LedgerError):
            raise
        except Exception as defect:  # noqa: BLE001  one delivery that nobody can start must not keep the others waiting
            logger.exception("a defect while starting")
            await self._put_off(delivery, f"a defect of the gateway: {type(defect).__name__}")
            return
        await self._record(delivery.started(run, self._clock()))
        self._metrics.started.labels(start.deployment).inc()
        say(logging.INFO, "started", delivery=delivery.guid, deployment=start.deployment, run=run)

    async def _drop(self, delivery: Delivery, why: str) -> None:
        await self._record(delivery.ignored(why, self._clock()))
        self._metrics.dropped.inc()
        say(logging.INFO, "dropped", delivery=delivery.guid, why=why)

    async def _put_off(self, delivery: Delivery, why: str) -> None:
        seconds = min(self._pace.refused * 2 ** min(delivery.attempts, 20), self._pace.longest_refused)
        later = delivery.put_off(why, self._clock() + timedelta(seconds=seconds))
        await self._record(later)
        self._metrics.troubles.labels("refused").inc()
        say(logging.ERROR, "put off", delivery=delivery.guid, why=later.why, attempts=later.attempts)

    async def _put_back(self, left: tuple[Delivery, ...]) -> None:
        """Give back what was taken and not begun: it is due at once, for whoever is there."""
        for delivery in left:
            await self._record(delivery.model_copy(update={"due_at": self._clock()}))

    async def _record(self, delivery: Delivery) -> None:
        await asyncio.to_thread(self._ledger.record_delivery, delivery)

    async def _tidy(self) -> None:
        now = self._clock()
        if self._tidied is None or now - self._tidied >= timedelta(seconds=self._pace.tidy):
            await asyncio.to_thread(self._ledger.forget_deliveries, now - KEEP_BODIES, now - KEEP_ROWS)
            self._tidied = now

    async def _pause(self, trouble: str, why: str) -> None:
        """Wait longer each time; nobody wakes it earlier, since more deliveries make nobody come back."""
        self._metrics.troubles.labels(trouble).inc()
        seconds = min(self._pace.first * 2 ** min(self._failures, 20), self._pace.longest)
        self._failures += 1
        say(logging.WARNING, "waiting", trouble=trouble, why=why, seconds=seconds)
        await self._wait(self._stops, seconds)

    async def _wait(self, event: asyncio.Event, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return
