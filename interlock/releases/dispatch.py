"""Dispatches to the downstreams, each sent once, and the workflow runs that took them.

**What it promises.** A target gets one dispatch for each event of a release, however often the release is run; a
dispatch that no run took for as long as patience lasts is sent again.

**What can interrupt it.** A crash between the request and its answer, or a lost answer. So a dispatch is recorded as
`SENDING`, with the newest run of the target, before the request. A later try that finds `SENDING` does not know
whether GitHub took it: it sends the others first, waits a minute for a run that took this one, and sends it only if
none did. A rate limit is a certain no, so the record goes back to `PLANNED`.

**Why it is right.** GitHub's answer proves nothing, and a run does: a listener shows the dispatch's id in its run's
title (an exact receipt); of any other listener, the first run after the dispatch that no other dispatch claims counts.
When the ledger is lost, a resumed release asks the target's runs since its tag was made before it sends anything.
"""

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
# Clocks may be wrong; another day of runs is one more page at most.
MARGIN = timedelta(days=1)
SILENT = "what nobody took is sent again by the same command, once it can be heard"
FAILED = "this release is finished: run that workflow again there"


async def dispatch(context: ReleaseContext, plan: Plan) -> tuple[DispatchRecord, ...]:
    """Send each target the dispatches that it did not get yet.

    Raises:
        GitHubError, TokenError: GitHub refuses, or did not answer and no run took the dispatch.
        LedgerError: The dispatch can't be recorded, so it is not sent.
    """
    wanted = orders(plan, context.family, context.connections.server.server)
    known = [await asyncio.to_thread(context.connections.ledger.dispatch, order) for order in wanted]
    done: dict[int, DispatchRecord] = {}
    lost: dict[int, InterlockError] = {}
    for number, order in enumerate(wanted):
        if (record := known[number]) is not None and record.state is DispatchState.SENDING:
            continue
        try:
            done[number] = await _sent(context, plan, order, record, _claimed(done.values()))
        except _UnansweredError as unanswered:
            known[number], lost[number] = unanswered.record, unanswered.error
    # The others come first: of these it is not known whether they arrived, so they are waited for.
    for number, record in enumerate(known):
        if record is not None and number not in done:
            done[number] = await _resolved(context, record, lost.get(number), _claimed(done.values()))
    return tuple(done[number] for number in range(len(wanted)))


class _UnansweredError(Exception):
    """A dispatch was sent, and its answer lost.

    Args:
        record: Its record, which says so.
        error: What came instead of an answer.
    """

    def __init__(self, record: DispatchRecord, error: InterlockError) -> None:
        super().__init__(error.message)
        self.record = record
        self.error = error


def _claimed(records: Iterable[DispatchRecord]) -> frozenset[int]:
    return frozenset(record.receipt.run for record in records if record.receipt)


async def _sent(
    context: ReleaseContext, plan: Plan, order: Order, record: DispatchRecord | None, claimed: frozenset[int]
) -> DispatchRecord:
    """Send a dispatch unless it was sent.

    Raises:
        _UnansweredError: It is not known whether it arrived.
    """
    if record is None and plan.resumed:
        # The ledger is lost, or another machine's; the target's runs show it too.
        record = await _taken(context, _as_tagged(plan, order), claimed)
    elif record is not None and record.state is DispatchState.SENT and _has_waited(context, record):
        record = await _taken(context, record, claimed)
    if record is not None and record.state is not DispatchState.PLANNED:
        return await _recorded(context, record)
    return await _send(context, order)


async def _resolved(
    context: ReleaseContext, record: DispatchRecord, error: InterlockError | None, claimed: frozenset[int]
) -> DispatchRecord:
    """Find out whether a dispatch without an answer arrived; one of an earlier run that did not is sent.

    Raises:
        InterlockError: It is not known, and this run has sent it: another try finds out.
    """
    if (settled := await _settled(context, record, claimed)) is not None:
        return await _recorded(context, settled)
    if error is not None:
        raise error
    try:
        return await _send(context, record.order)
    except _UnansweredError as unanswered:
        return await _resolved(context, unanswered.record, unanswered.error, claimed)


def _as_tagged(plan: Plan, order: Order) -> DispatchRecord:
    """A dispatch that is not in the ledger, as if sent when its release was tagged."""
    return DispatchRecord(order=order, state=DispatchState.SENDING, at=datetime.fromtimestamp(plan.epoch, UTC))


def _has_waited(context: ReleaseContext, record: DispatchRecord) -> bool:
    """Whether a run should have taken it by now: nothing listened then, and something may listen now."""
    return now() - record.at > timedelta(seconds=context.request.patience.receipt)


async def _send(context: ReleaseContext, order: Order) -> DispatchRecord:
    context.timer.acts()
    newest = max((run.id for run in await _runs(context, order, now())), default=0)
    record = DispatchRecord(order=order, state=DispatchState.SENDING, at=now(), after=newest)
    await _recorded(context, record)
    try:
        await context.connections.github.dispatch(order.repository, order.event, order.payload)
    except RateLimitError:
        await _recorded(context, record.model_copy(update={"state": DispatchState.PLANNED}))
        raise
    except InterlockError as error:
        if error.transient:
            raise _UnansweredError(record, error) from None
        raise
    return await _recorded(context, record.model_copy(update={"state": DispatchState.SENT}))


async def _recorded(context: ReleaseContext, record: DispatchRecord) -> DispatchRecord:
    await asyncio.to_thread(context.connections.ledger.record_dispatch, record)
    return record


async def _settled(context: ReleaseContext, record: DispatchRecord, claimed: frozenset[int]) -> DispatchRecord | None:
    """Find out whether a dispatch without an answer arrived: wait for a run that took it."""
    patience, order = context.request.patience, record.order
    left = (record.at + timedelta(seconds=min(patience.answer, patience.receipt)) - now()).total_seconds()
    if left > 0 and (taken := await _taken(context, record, claimed)) is not None:
        return taken
    if left > 0:
        words = f"its answer is lost: a run there shows within {left:.0f} s whether it arrived, else it is sent again"
        await context.waits(f"waiting for {order.repository} to take {order.event}; {words}")
    return await until(lambda: _taken(context, record, claimed), seconds=max(0.0, left))


async def _taken(context: ReleaseContext, record: DispatchRecord, claimed: Collection[int]) -> DispatchRecord | None:
    """The record with the run that took it; None while there is none."""
    runs = await _runs(context, record.order, record.at)
    match = listens(await context.connections.github.files(record.order.repository, FOLDER), record.order.event)
    listeners = [listener.path for listener in match.listeners]
    receipt = recognise(runs, record, listeners=listeners, claimed=claimed)
    return record.taken_by(receipt) if receipt else None


async def _runs(context: ReleaseContext, order: Order, at: datetime) -> tuple[WorkflowRun, ...]:
    """The target's runs since a time, with a margin for wrong clocks."""
    return await context.connections.github.runs(order.repository, event=EVENT, since=at - MARGIN)


async def all_taken(context: ReleaseContext, plan: Plan) -> bool:
    """Whether a run took each dispatch of a release, by the targets' runs alone."""
    for order in orders(plan, context.family, context.connections.server.server):
        if not await _taken(context, _as_tagged(plan, order), ()):
            return False
    return True


async def receipts(context: ReleaseContext, records: Sequence[DispatchRecord]) -> tuple[DispatchRecord, ...]:
    """Find the run that took each dispatch, and follow it to its end or as long as patience lasts.

    The record of a dispatch that no run takes has no receipt.
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
        record = await _recorded(context, taken)
    # A run that failed may have been started again there.
    if not (record.receipt and record.receipt.is_good):
        record = await _ended(context, record)
    return await _recorded(context, record)


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


async def _why(context: ReleaseContext, order: Order) -> str:
    """Why no run took a dispatch, by the target's workflow files, and what to do."""
    match = listens(await context.connections.github.files(order.repository, FOLDER), order.event)
    title = f'{order.repository} did not take "{order.event}"'
    if match.heard:
        listeners = ", ".join(f"{listener.path}:{listener.line}" for listener in match.listeners)
        return f"{title}, though {listeners} listens: are its Actions enabled, or is it waiting for a runner?"
    near = "; ".join(map(str, (*match.near, *match.faults)))
    hint = f"interlock listener {order.target} --event {order.event}"
    return f"{title}: no workflow on its default branch listens{f' ({near})' if near else ''}; cure: {hint}"


async def raise_for_dispatches(context: ReleaseContext, records: Sequence[DispatchRecord]) -> None:
    """Raise when no run took a dispatch, or the run that took it failed.

    Raises:
        DispatchError: Names each with what to do.
    """
    silent = [await _why(context, record.order) for record in records if record.receipt is None]
    failed = [_failure(record) for record in records if _has_failed(record)]
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
