"""The last step of a release: what was done, for people and for the ledger."""

import asyncio
from collections.abc import Sequence

from interlock.dispatches import DispatchRecord
from interlock.lifecycle import Release
from interlock.releases.desk import Desk
from interlock.releases.outward import begun
from interlock.releases.plan import Plan


async def summarize(desk: Desk, plan: Plan, page: str, records: Sequence[DispatchRecord]) -> Release:
    """Record the release: finished, unless a dispatch was not taken.

    Args:
        desk: Its connections.
        plan: What was planned, and done.
        page: The address of the GitHub Release.
        records: Its dispatches.
    """
    ended = desk.now() if all(record.receipt for record in records) else None
    earlier = await desk.remembered(plan.version)
    release = begun(desk, plan).model_copy(
        update={
            "began_at": earlier.began_at if earlier else desk.journal.began_at,
            "ended_at": (earlier.ended_at if earlier else None) or ended,
            "page": page,
            "remarks": tuple(dict.fromkeys((*(earlier.remarks if earlier else ()), *plan.remarks))),
            "dispatches": tuple(records),
            "seconds": dict(desk.journal.seconds),
        }
    )
    await asyncio.to_thread(desk.ledger.record_release, release)
    return release
