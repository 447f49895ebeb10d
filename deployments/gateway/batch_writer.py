"""Writes deliveries to the ledger: those that arrive at the same time are committed together.

A caller of `enter` waits for a future that is resolved only after the commit, so what is accepted is on disk. Every
delivery that waits is in exactly one batch: `run` takes it from the list before it commits. A commit that is under way
when `run` is cancelled is waited for, so that its callers get their answer; an error goes to all callers of its batch,
and none of them is accepted.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection
from typing import NamedTuple
from uuid import UUID

from interlock.adapters.ledger import Ledger
from interlock.errors import InterlockError
from interlock.webhooks import Delivery

MOST = 200
# After so long, a sender whose delivery could not be kept may send it again.
RETRY_SECONDS = 30


class _Waiting(NamedTuple):
    delivery: Delivery
    is_new: "asyncio.Future[bool]"


class BatchWriter:
    """Commits deliveries in batches: a burst costs few commits, and they don't wait for each other's locks."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ledger, self._clock = ledger, clock
        self._failed_at: float | None = None
        self._waiting: list[_Waiting] = []
        self._came = asyncio.Event()

    @property
    def has_failed(self) -> bool:
        """Whether the last commit failed, and its senders may not have tried again."""
        return self._failed_at is not None and self._clock() - self._failed_at < RETRY_SECONDS

    async def enter(self, delivery: Delivery) -> bool:
        """Record a delivery; when this returns it is committed.

        Returns:
            Whether it was new; a known one stays as it is.

        Raises:
            LedgerError: The ledger can't be written.
        """
        waiting = _Waiting(delivery, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._came.set()
        return await waiting.is_new

    async def run(self) -> None:
        """Commit what arrives until cancelled; a commit that is under way then is waited for."""
        while True:
            await self._came.wait()
            taken, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            if not self._waiting:
                self._came.clear()
            if taken:
                await self._commit(taken)

    async def _commit(self, taken: list[_Waiting]) -> None:
        work = asyncio.create_task(asyncio.to_thread(self._ledger.accept_deliveries, [one.delivery for one in taken]))
        try:
            _resolve(taken, await asyncio.shield(work))
            self._failed_at = None
        except asyncio.CancelledError:
            with contextlib.suppress(InterlockError):
                _resolve(taken, await work)
            raise
        except Exception as error:  # noqa: BLE001  the callers that wait must get it, whatever it is
            self._failed_at = self._clock()
            for one in taken:
                if not one.is_new.done():
                    one.is_new.set_exception(error)


def _resolve(taken: list[_Waiting], new: Collection[UUID]) -> None:
    left = set(new)
    for one in taken:
        if not one.is_new.done():  # its sender may have disconnected
            one.is_new.set_result(one.delivery.guid in left)
        left.discard(one.delivery.guid)  # a batch may have it twice
