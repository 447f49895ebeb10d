"""Entering deliveries into the ledger: those that come at the same time are committed together."""

import asyncio
import contextlib
from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from interlock.adapters.ledger import Ledger
from interlock.errors import InterlockError
from interlock.webhooks import Delivery

MOST = 200


class _Waiting(NamedTuple):
    delivery: Delivery
    is_new: "asyncio.Future[bool]"


class BatchWriter:
    """The ledger as one writer: a burst costs few commits, and nobody waits for a lock of the database's own.

    Args:
        ledger: Where deliveries are kept.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: list[_Waiting] = []
        self._came = asyncio.Event()

    async def enter(self, delivery: Delivery) -> bool:
        """Keep a delivery; when this returns it is committed.

        Returns:
            Whether it was new; one that is known stays as it is.

        Raises:
            LedgerError: The ledger can't be written.
        """
        waiting = _Waiting(delivery, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._came.set()
        return await waiting.is_new

    async def run(self) -> None:
        """Commit what comes, until it is cancelled; what is being committed then is waited for."""
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
            _tell(taken, await asyncio.shield(work))
        except asyncio.CancelledError:
            with contextlib.suppress(InterlockError):
                _tell(taken, await work)
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, it is those who wait that must hear of it
            for one in taken:
                if not one.is_new.done():
                    one.is_new.set_exception(error)


def _tell(taken: list[_Waiting], new: Collection[UUID]) -> None:
    left = set(new)
    for one in taken:
        if not one.is_new.done():  # its sender may have gone away
            one.is_new.set_result(one.delivery.guid in left)
        left.discard(one.delivery.guid)  # the same one may be there twice
