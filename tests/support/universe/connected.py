"""The connections of a family whose index is a tiny one."""

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from interlock.adapters.connections import Access, Connections, open_connections
from interlock.adapters.github import Credentials
from interlock.adapters.ledger import Ledger
from interlock.model.family import Family
from tests.support.universe.world import Universe


@contextlib.asynccontextmanager
async def connected(
    universe: Universe,
    family: Family,
    cache: Path,
    *,
    ledger: Ledger | None = None,
    credentials: Credentials | None = None,
    server: str | None = None,
) -> AsyncIterator[Connections]:
    """Connections of their own, as another process would have them.

    Args:
        universe: The index.
        family: Whose packages are on it.
        cache: Where everything is kept that can be had again.
        ledger: None for the one of this test's home.
        credentials: Of the code host; none by default.
        server: The code host: a directory of bare repositories, by owner and name; None for the environment's.
    """
    cache.mkdir(parents=True, exist_ok=True)
    environ = {**os.environ, **universe.environment()}
    if server is not None:
        environ["GITHUB_SERVER_URL"] = server
    async with open_connections(family, Access(credentials=credentials), environ=environ) as connections:
        connections.cache = cache
        if ledger is not None:
            connections.ledger = ledger
        yield connections
