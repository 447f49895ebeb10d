"""Telling the downstreams: dispatches that are sent once, and the runs that took them."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from interlock.adapters.github.errors import NotThereError, RateLimitError
from interlock.adapters.github.workflows import listens
from interlock.common.clock import now
from interlock.common.retry import until
from interlock.errors import DispatchError, InterlockError
from interlock.model.dispatches import (
    GONE,
    DispatchRecord,
    DispatchState,
    Order,
    Receipt,
    WorkflowRun,
    receipt_of,
    recognise,
)
from interlock.releases.context import ReleaseContext
from interlock.releases.plan import Plan, orders

EVENT = "repository_dispatch"
FOLDER = ".github/workflows"
# A clock may be set wrong; a day more of runs is a page more at most.
MARGIN = timedelta(days=1)
SILENT = "what nobody took is sent again by the same command, once it can be heard"
FAILED = "this release is finished: run that workflow again there; the same command makes the next version"


async def dispatch(context: ReleaseContext, plan: Plan) -> tuple[DispatchRecord, ...]:
    """Send what was not sent yet, to each target once.

    Raises:
        GitHubError, TokenError: GitHub refuses; or did not answer, and no run shows that it took the dispatch.
        LedgerError: What is sent can't be recorded, so nothing is.
    """
    records: list[DispatchRecord] = []
    for order in orders(plan, context.family, context.connections.server.server):
        records.append(await _sent(context, plan, order, _claimed(records)))
    return tuple(records)


def _claimed(records: Iterable[DispatchRecord]) -> frozenset[int]:
    return frozenset(record.receipt.run for record in records if record.receipt)


async def _sent(context: ReleaseContext, plan: Plan, order: Order, claimed: frozenset[int]) -> DispatchRecord:
    record = await asyncio.to_thread(context.connections.ledger.dispatch, order)
    if record is None and plan.resumed:
        # The ledger that knows is lost, or another machine's: the target's runs know too.
        record = await _taken(context, _as_tagged(plan, order), claimed)
    elif record is not None and record.state is DispatchState.SENDING:
        record = await _settled(context, record, claimed)
    elif record is not None and record.state is DispatchState.SENT and _has_waited(context, record):
        record = await _taken(context, record, claimed)
    if record is not None and record.state is not DispatchState.PLANNED:
        return await _kept(context, record)
    return await _send(context, order, claimed)


def _as_tagged(plan: Plan, order: Order) -> DispatchRecord:
    """A dispatch of which nothing is known but when its release was tagged."""
    return DispatchRecord(order=order, state=DispatchState.SENDING, at=datetime.fromtimestamp(plan.epoch, UTC))


def _has_waited(context: ReleaseContext, record: DispatchRecord) -> bool:
    """Whether a run should have taken it long ago: nobody heard it, and now somebody may."""
    return now() - record.at > timedelta(seconds=context.request.patience.receipt)


async def _send(context: ReleaseContext, order: Order, claimed: frozenset[int]) -> DispatchRecord:
    newest = max((run.id for run in await _runs(context, order, now())), default=0)
    record = DispatchRecord(order=order, state=DispatchState.SENDING, at=now(), after=newest)
    await _kept(context, record)
    try:
        await context.connections.github.dispatch(order.repository, order.event, order.payload)
    except RateLimitError:
        await _kept(context, record.model_copy(update={"state": DispatchState.PLANNED}))
        raise
    except InterlockError as error:
        settled = await _settled(context, record, claimed) if error.transient else None
        if settled is None:
            raise
        return await _kept(context, settled)
    return await _kept(context, record.model_copy(update={"state": DispatchState.SENT}))


async def _kept(context: ReleaseContext, record: DispatchRecord) -> DispatchRecord:
    await asyncio.to_thread(context.connections.ledger.record_dispatch, record)
    return record


async def _settled(context: ReleaseContext, record: DispatchRecord, claimed: frozenset[int]) -> DispatchRecord | None:
    """Whether a dispatch whose answer is not known arrived: it did if a run took it, as soon as runs ever do."""
    left = (record.at + timedelta(seconds=context.request.patience.receipt) - now()).total_seconds()
    return await until(lambda: _taken(context, record, claimed), seconds=max(0.0, left))


async def _taken(context: ReleaseContext, record: DispatchRecord, claimed: Collection[int]) -> DispatchRecord | None:
    """The record with the run that took it, once there is one."""
    runs = await _runs(context, record.order, record.at)
    hearing = listens(await context.connections.github.files(record.order.repository, FOLDER), record.order.event)
    listeners = [listener.path for listener in hearing.listeners]
    receipt = recognise(runs, record, listeners=listeners, claimed=claimed)
    return record.taken_by(receipt) if receipt else None


async def _runs(context: ReleaseContext, order: Order, at: datetime) -> tuple[WorkflowRun, ...]:
    """The target's runs since a moment, with a margin for clocks that are wrong."""
    return await context.connections.github.runs(order.repository, event=EVENT, since=at - MARGIN)


async def all_taken(context: ReleaseContext, plan: Plan) -> bool:
    """Whether a run took each of a release's dispatches, as far as the world can tell."""
    for order in orders(plan, context.family, context.connections.server.server):
        if not await _taken(context, _as_tagged(plan, order), ()):
            return False
    return True


async def receipts(context: ReleaseContext, records: Sequence[DispatchRecord]) -> tuple[DispatchRecord, ...]:
    """Find the run that took each dispatch, and follow it to its end or as long as patience lasts.

    One that nobody takes keeps its record without a receipt.
    """
    return tuple(await asyncio.gather(*(_followed(context, record, records) for record in records)))


async def _followed(
    context: ReleaseContext, record: DispatchRecord, all_of: Sequence[DispatchRecord]
) -> DispatchRecord:
    if record.receipt is None:
        claimed = _claimed(all_of)
        taken = await until(lambda: _taken(context, record, claimed), seconds=context.request.patience.receipt)
        if taken is None:
            return record
        record = await _kept(context, taken)
    # One that ended badly may have been run again there.
    if not (record.receipt and record.receipt.is_good):
        record = await _ended(context, record)
    return await _kept(context, record)


async def _ended(context: ReleaseContext, record: DispatchRecord) -> DispatchRecord:
    receipt = record.receipt
    assert receipt is not None

    async def ended() -> Receipt | None:
        try:
            seen = receipt_of(
                await context.connections.github.run(record.order.repository, receipt.run), exact=receipt.exact
            )
        except NotThereError:
            return receipt.model_copy(update={"status": "completed", "conclusion": GONE})
        return seen if seen.status == "completed" else None

    found = await until(ended, seconds=context.request.patience.run)
    return record.taken_by(found) if found else record


async def unheard(context: ReleaseContext, records: Iterable[DispatchRecord]) -> tuple[str, ...]:
    """For each dispatch that nobody took: why, as far as it can be seen, and what to do."""
    return tuple([await _why(context, record.order) for record in records if record.receipt is None])


async def _why(context: ReleaseContext, order: Order) -> str:
    hearing = listens(await context.connections.github.files(order.repository, FOLDER), order.event)
    title = f'{order.repository} did not take "{order.event}"'
    if hearing.heard:
        listeners = ", ".join(f"{listener.path}:{listener.line}" for listener in hearing.listeners)
        return f"{title}, though {listeners} listens: are its Actions enabled, or is it waiting for a runner?"
    near = "; ".join(map(str, (*hearing.near, *hearing.faults)))
    cure = f"interlock listener {order.target} --event {order.event}"
    return f"{title}: no workflow on its default branch listens{f' ({near})' if near else ''}; cure: {cure}"


async def refuse_unheard(context: ReleaseContext, records: Sequence[DispatchRecord]) -> None:
    """End with an error when a dispatch was not taken, or the run that took it failed.

    Raises:
        DispatchError: Naming each with what to do.
    """
    silent, failed = await unheard(context, records), [_failure(record) for record in records if _has_failed(record)]
    if silent or failed:
        lines = "\n".join(f"  ✗ {line}" for line in (*silent, *failed))
        raise DispatchError(
            f"the release is out, and not everybody has followed:\n{lines}", hint=SILENT if silent else FAILED
        )


def _has_failed(record: DispatchRecord) -> bool:
    return record.state is DispatchState.FINISHED and record.receipt is not None and not record.receipt.is_good


def _failure(record: DispatchRecord) -> str:
    assert record.receipt is not None
    return f"{record.order.repository}: the run that took it ended in {record.receipt.conclusion}: {record.receipt.url}"
