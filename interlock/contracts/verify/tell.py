"""Publishes what the ledger holds, by a process that runs nothing of strangers'.

Theory of operation. The ledger has the newest statement of each subject, so this is a comparison of GitHub with the
ledger, which any call makes for all that waits. A killed call leaves its lease, and the next call after the lease's
end publishes the same again, which changes nothing. `sql_statements` says why a statement is never published after its
successor.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from interlock.adapters.connections import Connections
from interlock.common.clock import now
from interlock.common.frozen_model import FrozenModel
from interlock.contracts.verify.publication import Publication, check, publish_it
from interlock.contracts.verify.publish import Published, Texts
from interlock.contracts.verify.report import ContractsReport
from interlock.errors import InterlockError
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
        """What was not published, each in a line."""
        refused = (f"{self.subject}: {self.refused}",) if self.refused else ()
        return (*refused, *map(str, self.published.failures))


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
    url = page(publication.run) if publication.run else None
    try:
        published = await publish_it(connections.telling, publication, texts, url)
    except Exception as error:  # noqa: BLE001  one odd report must not keep the others from being published
        defect(error)
        failed = publication.model_copy(update={"report": None, "failure": DEFECT})
        published = await publish_it(connections.telling, failed, texts, url)
        return Told(subject=publication.subject, published=published, refused=DEFECT)
    return Told(subject=publication.subject, published=published)
