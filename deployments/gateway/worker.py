"""Starts the deployments of accepted deliveries, however often Prefect goes away.

Each accepted delivery gets its flow run, and no meaning of a delivery gets two. The queue is the ledger; nothing in
memory counts. A worker claims deliveries with a lease: after a crash they are due again when it ends, and another
gateway on the same ledger may take them earlier only if they were put back. A crash between making the run and
recording it leads to a second attempt, which Prefect answers with the same run by its idempotency key.

When Prefect is away, the first delivery that fails ends the round: the others are put back and stay due. That one is
tried alone with growing pauses. After `PROBES` attempts it takes turns with the others, since it may be that Prefect
fails with this delivery alone. A run that Prefect refuses delays its own delivery only.
"""

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
from interlock.model.statement import Statement
from interlock.webhooks import Delivery, Start
from interlock.webhooks.preconditions import obstacle

KEEP_BODIES = timedelta(days=14)
KEEP_ROWS = timedelta(days=90)
# How often a delivery is tried alone while Prefect fails.
PROBES = 5


class Backoff(FrozenModel):
    """The worker's pauses and limits.

    Attributes:
        look: Seconds between looks at the ledger without a wake-up: another gateway may have left deliveries.
        first: Seconds of the first pause when Prefect or the ledger is away; each further one is twice as long.
        longest: Seconds of the longest such pause.
        refused: Seconds until a refused run is tried again; each further pause is twice as long.
        longest_refused: Seconds of the longest such pause.
        lease: Seconds for which claimed deliveries are its own.
        most: How many deliveries it claims at a time.
        tidy: Seconds between removals of old deliveries.
    """

    look: float = 2.0
    first: float = 0.5
    longest: float = 30.0
    refused: float = 5.0
    longest_refused: float = 600.0
    lease: float = 60.0
    most: int = 20
    tidy: float = 3600.0


Announce = Callable[[Start, str, datetime], Statement | None]
"""What is to be told of a run that was started (its start, its id, when it was asked for) until it says something."""


def _nothing(_start: Start, _run: str, _at: datetime) -> None:
    return


class Worker:
    """Starts the deployments of accepted deliveries."""

    def __init__(
        self,
        ledger: Ledger,
        starter: Starter,
        metrics: Metrics,
        *,
        backoff: Backoff | None = None,
        clock: Callable[[], datetime] = now,
        announce: Announce = _nothing,
    ) -> None:
        self._ledger, self._starter, self._metrics = ledger, starter, metrics
        self._announce = announce
        self._backoff, self._clock = backoff or Backoff(), clock
        self._woken = asyncio.Event()
        self._stops = asyncio.Event()
        self._failures = 0
        self._tidied: datetime | None = None

    def wake(self) -> None:
        """Have it look at the ledger at once."""
        self._woken.set()

    def stop(self) -> None:
        """Have it end after the delivery in hand."""
        self._stops.set()
        self._woken.set()

    async def run(self) -> None:
        """Work until `stop` is called."""
        while not self._stops.is_set():
            self._woken.clear()
            try:
                found = await self._round()
            except (PrefectDownError, LedgerError) as error:
                await self._pause("prefect" if isinstance(error, PrefectDownError) else "ledger", error.message)
                continue
            except Exception as defect:  # noqa: BLE001  a defect must not stop the worker for good
                logger.exception("a defect while working")
                await self._pause("defect", type(defect).__name__)
                continue
            self._failures = 0
            if not found:
                await self._wait(self._woken, self._backoff.look)

    async def _round(self) -> bool:
        """Claim some deliveries and start them; returns whether there were any.

        Raises:
            PrefectDownError: Prefect is away; the rest is due at once.
            LedgerError: The ledger can't be used; the rest is due when its lease has ended.
        """
        await self._tidy()
        now = self._clock()
        until = now + timedelta(seconds=self._backoff.lease)
        taken = await asyncio.to_thread(self._ledger.claim_deliveries, now, until, self._backoff.most)
        for number, delivery in enumerate(taken):
            if self._clock() >= until:  # another gateway may have claimed the rest
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
        """How long a delivery with which Prefect fails waits for others to be tried."""
        if delivery.attempts < PROBES:
            return timedelta()
        return timedelta(
            seconds=min(self._backoff.refused * 2 ** min(delivery.attempts, 20), 2 * self._backoff.longest)
        )

    async def _one(self, delivery: Delivery) -> None:
        start = delivery.start
        assert start is not None
        try:
            if why := await asyncio.to_thread(obstacle, start, self._ledger):
                await self._drop(delivery, why)
                return
            run = await self._starter.start(start)
            for further in start.also:
                await self._starter.start(further)
            if statement := self._announce(start, run, delivery.at):
                # What the run has said itself stays, however late this is.
                await asyncio.to_thread(self._ledger.record_statement, statement, replaces=statement.id)
        except StartRefusedError as error:
            await self._put_off(delivery, f"{error.message}{f' ({error.hint})' if error.hint else ''}")
            return
        except (PrefectDownError, LedgerError):
            raise
        except Exception as defect:  # noqa: BLE001  a delivery that can't be started must not delay the others
            logger.exception("a defect while starting")
            await self._put_off(delivery, f"a defect of the gateway: {type(defect).__name__}")
            return
        await self._record(delivery.started(run, self._clock()))
        for each in start.every:
            self._metrics.started.labels(each.deployment).inc()
        say(logging.INFO, "started", delivery=delivery.guid, deployment=start.deployment, run=run)

    async def _drop(self, delivery: Delivery, why: str) -> None:
        await self._record(delivery.ignored(why, self._clock()))
        self._metrics.dropped.inc()
        say(logging.INFO, "dropped", delivery=delivery.guid, why=why)

    async def _put_off(self, delivery: Delivery, why: str) -> None:
        seconds = min(self._backoff.refused * 2 ** min(delivery.attempts, 20), self._backoff.longest_refused)
        later = delivery.put_off(why, self._clock() + timedelta(seconds=seconds))
        await self._record(later)
        self._metrics.troubles.labels("refused").inc()
        say(logging.ERROR, "put off", delivery=delivery.guid, why=later.why, attempts=later.attempts)

    async def _put_back(self, deliveries: tuple[Delivery, ...]) -> None:
        """Give back claimed deliveries: they are due at once, for any gateway."""
        for delivery in deliveries:
            await self._record(delivery.model_copy(update={"due_at": None}))

    async def _record(self, delivery: Delivery) -> None:
        await asyncio.to_thread(self._ledger.record_delivery, delivery)

    async def _tidy(self) -> None:
        now = self._clock()
        if self._tidied is None or now - self._tidied >= timedelta(seconds=self._backoff.tidy):
            await asyncio.to_thread(self._ledger.forget_deliveries, now - KEEP_BODIES, now - KEEP_ROWS)
            self._tidied = now

    async def _pause(self, trouble: str, why: str) -> None:
        """Wait, longer each time; new deliveries don't shorten the wait, since they don't bring Prefect back."""
        self._metrics.troubles.labels(trouble).inc()
        seconds = min(self._backoff.first * 2 ** min(self._failures, 20), self._backoff.longest)
        self._failures += 1
        say(logging.WARNING, "waiting", trouble=trouble, why=why, seconds=seconds)
        await self._wait(self._stops, seconds)

    async def _wait(self, event: asyncio.Event, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return
