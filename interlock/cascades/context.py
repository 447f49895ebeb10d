"""What a cascade works with: what is asked for, the connections, who commits, and a directory of its own."""

import contextlib
import logging
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from interlock.adapters.connections import Connections
from interlock.adapters.git import Author, Checkout, Repository, find_author, held
from interlock.cascades.request import CascadeRequest
from interlock.model.cascade import Cascade
from interlock.model.family import Family
from interlock.releases.context import Log

LOG: Log = logging.getLogger("interlock.cascades").log


@dataclass(frozen=True, kw_only=True)
class CascadeContext:
    """What one cascade works with.

    Attributes:
        author: Who commits.
        work: A directory of this cascade alone, gone when the connections are closed.
        log: Writes a line of a level of `logging`.
    """

    request: CascadeRequest
    connections: Connections
    author: Author
    work: Path
    log: Log = LOG

    @property
    def family(self) -> Family:
        """The family, as it was when the run began."""
        return self.connections.family

    async def clone(self, package: str) -> Checkout:
        """A fresh clone of a package's branch, with its tags.

        Raises:
            RepositoryError: It can't be had.
        """
        folder = Path(tempfile.mkdtemp(prefix=f"{package}-", dir=self.work))
        remote = await self.connections.remote(package)
        return await Checkout.clone(remote, self.family.package(package).branch, folder)

    @contextlib.asynccontextmanager
    async def lease(self, cascade: Cascade) -> AsyncIterator[None]:
        """Be the only one that walks a cascade, from any machine: the lease is in the repository of its root.

        Raises:
            BusyError: Another process walks it now.
        """
        repository = await Repository.create(await self.connections.remote(cascade.root), self.work / "lease.git")
        async with held(repository, f"cascade/{cascade.id}"):
            yield


async def open_cascade(request: CascadeRequest, connections: Connections, log: Log = LOG) -> CascadeContext:
    """The context of a cascade; everything that it can't do without is opened, so that what is missing is known first.

    Args:
        request: What is asked for.
        connections: Of the family that the root is a member of.
        log: Writes a line of a level of `logging`.

    Raises:
        UsageError: The family has no such package.
        LedgerError: The ledger can't be opened.
        TokenError: There are no credentials, or no password.
    """
    connections.family.package(request.root)
    await connections.open_all()
    return CascadeContext(
        request=request,
        connections=connections,
        author=await find_author(connections.family.author),
        work=connections.work_folder("cascade"),
        log=log,
    )
