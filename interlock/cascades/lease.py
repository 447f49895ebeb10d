"""One walk of a cascade at a time, from any machine: who comes second is told who walks."""

import contextlib
from collections.abc import AsyncIterator

from interlock.cascade_plan import Cascade
from interlock.cascades.yard import Yard
from interlock.git import Repository, held


@contextlib.asynccontextmanager
async def one_at_a_time(yard: Yard, cascade: Cascade) -> AsyncIterator[None]:
    """Hold the lease of a cascade, in the repository of its root, for as long as the block lasts.

    Raises:
        BusyError: Somebody else walks it now.
    """
    repository = await Repository.create(await yard.remote(cascade.root), yard.work / "lease.git")
    async with held(repository, f"cascade/{cascade.id}"):
        yield
