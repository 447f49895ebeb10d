"""The context of a cascade: its request, the connections, the author of its commits, and a working directory."""

import contextlib
import logging
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from interlock.adapters.connections import Connections
from interlock.adapters.git import Author, Checkout, Repository, held
from interlock.cascades.request import CascadeRequest
from interlock.model.cascade import Cascade
from interlock.model.family import Family
from interlock.releases.context import Log, author_of

LOG: Log = logging.getLogger("interlock.cascades").log


@dataclass(frozen=True, kw_only=True)
class CascadeContext:
    """What one cascade works with.

    Attributes:
        author: The author of its commits.
        work: A directory for this cascade alone, removed when the connections are closed.
        log: Writes a line at a level of `logging`.
    """

    request: CascadeRequest
    connections: Connections
    author: Author
    work: Path
    log: Log = LOG

    @property
    def family(self) -> Family:
        """The family, as the file was when the run started."""
        return self.connections.family

    async def clone(self, package: str) -> Checkout:
        """Make a fresh clone of a package's branch, with its tags; of the root, the branch that it is released from.

        Raises:
            RepositoryError: The repository can't be cloned.
        """
        folder = Path(tempfile.mkdtemp(prefix=f"{package}-", dir=self.work))
        remote = await self.connections.remote(package)
        return await Checkout.clone(remote, self.branch(package), folder)

    def branch(self, package: str) -> str:
        """The branch that a package is released from."""
        asked = self.request.ref if package == self.request.root else None
        return asked or self.family.package(package).branch

    @contextlib.asynccontextmanager
    async def lease(self, cascade: Cascade) -> AsyncIterator[None]:
        """Hold the lease of a cascade, in its root's repository, so that no other process on any machine runs it.

        Raises:
            BusyError: Another process holds it.
        """
        repository = await Repository.create(await self.connections.remote(cascade.root), self.work / "lease.git")
        async with held(repository, f"cascade/{cascade.id}"):
            yield


async def open_cascade(request: CascadeRequest, connections: Connections, log: Log = LOG) -> CascadeContext:
    """Open the context of a cascade, with every connection that it needs, so that a missing one is an error at once.

    Args:
        request: The root and its next version.
        connections: The connections of the root's family.
        log: Writes a line at a level of `logging`.

    Raises:
        UsageError: The family has no such package.
        LedgerError: The ledger can't be opened.
        TokenError: Credentials or the password are missing.
    """
    connections.family.package(request.root)
    if not request.dry_run:  # which says all at once that is missing
        await connections.open_all()
    return CascadeContext(
        request=request,
        connections=connections,
        author=await author_of(connections.family, dry_run=request.dry_run),
        work=connections.work_folder("cascade"),
        log=log,
    )
