"""Publishes what the ledger holds, by a process that runs nothing of strangers'.

Theory of operation. The ledger has the newest statement of each subject, so this is a comparison of GitHub with the
ledger, which any call makes for all that waits. A killed call leaves its lease, and the next call after the lease's
end publishes the same again, which changes nothing. `sql_statements` says why a statement is never published after its
successor.

A run that is cancelled, or crashes for good, says nothing. So a statement that a run is to replace names this run, and
`conclude_ended` replaces it when the run has ended without doing so. It compares the ledger with the runs, so any call
does it for all of them; a result that comes meanwhile stays.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

from interlock.adapters.connections import Connections
from interlock.adapters.ledger import Ledger
from interlock.common.clock import now
from interlock.common.frozen_model import FrozenModel
from interlock.contracts.verify.publication import Publication, check, publish_it
from interlock.contracts.verify.publish import Published, Texts, budget_in
from interlock.contracts.verify.report import ContractsReport
from interlock.errors import InterlockError, RefusedError
from interlock.model.family import Family
from interlock.model.statement import Statement

LEASE = timedelta(minutes=10)
# What GitHub did not take for a transient reason is tried again for so long.
PATIENCE = timedelta(days=1)
KEPT = timedelta(days=14)
DEFECT = "a defect of Interlock"


class Told(FrozenModel):
    """What became of a statement.

    Attributes:
        subject: What it is about.
        published: What was published.
        refused: Why it is not published at all.
    """

    subject: str
    published: Published = Published()
    refused: str | None = None

    @property
    def troubles(self) -> tuple[str, ...]:
        """What was not published, each in a line; what only waits for its turn is none."""
        refused = (f"{self.subject}: {self.refused}",) if self.refused else ()
        return (*refused, *(str(each) for each in self.published.failures if not each.postponed))


async def conclude_ended(
    ledger: Ledger, family: Family, how: Callable[[UUID], Awaitable[str | None]]
) -> tuple[Statement, ...]:
    """Record the failure of every run that has ended and left its commit pending.

    Args:
        ledger: The ledger.
        family: The family.
        how: How a run has ended, in a word or two; None while it may still publish a result.

    Returns:
        What is to be published now.

    Raises:
        LedgerError: The ledger can't be reached.
    """
    made = []
    for old in await asyncio.to_thread(ledger.open_statements, family.name):
        if old.run is None or (end := await how(old.run)) is None:
            continue
        with contextlib.suppress(RefusedError):  # `tell_waiting` says that it is refused
            new = check(Publication.read(old), family).ended(end).statement(family.name, max(now(), old.at))
            await asyncio.to_thread(ledger.record_statement, new, replaces=old.id)
            made.append(new)
    return tuple(made)


async def tell_waiting(
    connections: Connections,
    texts: Callable[[ContractsReport, str | None], Texts],
    page: Callable[[UUID], str | None],
    defect: Callable[[Exception], None],
) -> tuple[Told, ...]:
    """Publish every statement of the family that waits.

    Args:
        connections: With credentials for statuses, check runs and comments.
        texts: Renders a report, with the page of its run.
        page: The page of a flow run.
        defect: Records an unforeseen exception; its statement is published as a failure.

    Raises:
        LedgerError: The ledger can't be reached.
        TokenError: There are no credentials.
    """
    ledger, family, told = connections.ledger, connections.family, []
    _ = connections.telling
    while claimed := await asyncio.to_thread(ledger.claim_statements, family.name, now(), now() + LEASE, 1):
        found = await _tell(connections, claimed[0], texts, page, defect)
        told.append(found)
        if not (_may_help(found) and now() - claimed[0].at < PATIENCE):
            await asyncio.to_thread(ledger.settle_statement, claimed[0].subject, claimed[0].id, now())
    await asyncio.to_thread(ledger.forget_statements, now() - KEPT)
    return tuple(told)


def _may_help(told: Told) -> bool:
    return any(failure.transient for failure in told.published.failures)


async def _tell(
    connections: Connections,
    statement: Statement,
    texts: Callable[[ContractsReport, str | None], Texts],
    page: Callable[[UUID], str | None],
    defect: Callable[[Exception], None],
) -> Told:
    try:
        publication = check(Publication.read(statement), connections.family)
    except InterlockError as error:
        return Told(subject=statement.subject, refused=error.message)
    url, spend = page(publication.run) if publication.run else None, budget_in(connections.ledger)
    try:
        published = await publish_it(connections.telling, publication, texts, url, spend)
    except Exception as error:  # noqa: BLE001  one odd report must not keep the others from being published
        defect(error)
        failed = publication.model_copy(update={"report": None, "failure": DEFECT})
        published = await publish_it(connections.telling, failed, texts, url, spend)
        return Told(subject=publication.subject, published=published, refused=DEFECT)
    return Told(subject=publication.subject, published=published)
