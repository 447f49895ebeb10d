"""One release of a package at a time, from any machine."""

import contextlib
from collections.abc import AsyncIterator

from interlock.git import Repository, held
from interlock.releases.desk import Desk


@contextlib.asynccontextmanager
async def one_at_a_time(desk: Desk) -> AsyncIterator[None]:
    """Hold the lease of the package for as long as the block lasts.

    Raises:
        BusyError: Somebody else releases it now.
    """
    repository = await Repository.create(desk.remote, desk.work / "lease.git")
    async with held(repository, desk.name) as lease:
        desk.journal.sure = lease.make_sure
        yield
