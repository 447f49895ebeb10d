"""What a release works with: what is asked for, the connections, who commits, and a directory of its own."""

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from packaging.version import Version

from interlock.adapters.connections import Connections
from interlock.adapters.git import Author, Remote, Repository, find_author, held
from interlock.errors import UsageError
from interlock.model.family import Family, Package
from interlock.model.release import Release
from interlock.releases.plan import ReleaseRequest
from interlock.releases.step_timer import StepTimer

Log = Callable[[int, str], None]
LOG: Log = logging.getLogger("interlock.releases").log


@dataclass(frozen=True, kw_only=True)
class ReleaseContext:
    """What one release works with.

    Attributes:
        remote: The package's repository, with the token for it.
        author: Who commits and tags.
        work: A directory of this release alone, gone at its end.
        run: The flow run, if it is one.
        log: Writes a line of a level of `logging`.
    """

    request: ReleaseRequest
    connections: Connections
    remote: Remote
    author: Author
    work: Path
    run: str | None = None
    log: Log = LOG
    timer: StepTimer = field(default_factory=StepTimer)

    @property
    def name(self) -> str:
        """The package."""
        return self.request.package

    @property
    def family(self) -> Family:
        """The family, as it was when the run began."""
        return self.connections.family

    @property
    def package(self) -> Package:
        """Its entry in the family file."""
        return self.family.package(self.name)

    @property
    def repository(self) -> str:
        """As owner/name."""
        return self.family.repository(self.name)

    async def remembered(self, version: Version) -> Release | None:
        """What the ledger knows of a release of the package."""
        known = await asyncio.to_thread(self.connections.ledger.releases, self.name)
        return next((release for release in known if release.version == version), None)

    @contextlib.asynccontextmanager
    async def lease(self) -> AsyncIterator[None]:
        """Be the only one that releases the package, from any machine, for as long as the block lasts.

        Raises:
            BusyError: Another process releases it now.
        """
        repository = await Repository.create(self.remote, self.work / "lease.git")
        async with held(repository, self.name) as lease:
            self.timer.make_sure = lease.make_sure
            yield


@contextlib.asynccontextmanager
async def open_release(
    request: ReleaseRequest, connections: Connections, *, run: str | None = None, log: Log = LOG
) -> AsyncIterator[ReleaseContext]:
    """The context of a release; everything that it can't do without is opened, so that what is missing is known first.

    Args:
        request: What is asked for.
        connections: Of the family that the package is a member of.
        run: The flow run, if it is one.
        log: Writes a line of a level of `logging`.

    Raises:
        UsageError: The family has no such package, or it publishes nothing.
        LedgerError: The ledger can't be opened.
        TokenError: There are no credentials or no password, or they are good for nothing.
    """
    family = connections.family
    if not family.package(request.package).publishes:
        raise UsageError(f"{request.package} publishes nothing, so it can't be released", hint="interlock family show")
    await connections.open_all()
    with tempfile.TemporaryDirectory(prefix="release-", dir=connections.work) as work:
        yield ReleaseContext(
            request=request,
            connections=connections,
            remote=await connections.remote(request.package),
            author=await find_author(family.author),
            work=Path(work),
            run=run,
            log=log,
        )
