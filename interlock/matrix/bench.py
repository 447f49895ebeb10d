"""What a matrix works with: the family, the index, uv, and the ledger, opened and closed together."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from interlock.connections import NO_ACCESS, Access, Connections, access_from
from interlock.environments import Uv
from interlock.family import Family
from interlock.family_file import load
from interlock.home import cache
from interlock.index_settings import Index, find_index
from interlock.ledger import Ledger, open_ledger
from interlock.package_index import PackageIndex, open_index


class Bench:
    """The connections of one matrix.

    Attributes:
        cache: Where everything that can be had again is kept.
        remote: Where a package's repository is, with the token for it.
    """

    def __init__(self, family: Family, index: PackageIndex, uv: Uv, ledger: Ledger, access: Access = NO_ACCESS) -> None:
        self.family = family
        self.index = index
        self.uv = uv
        self.ledger = ledger
        self.cache = cache()
        self.remote = Connections(family, access, contextlib.AsyncExitStack(), os.environ).remote


@contextlib.asynccontextmanager
async def open_bench(family_file: str | None = None, access: Access | None = None) -> AsyncIterator[Bench]:
    """Open everything that a matrix works with.

    Args:
        family_file: The family file; None for the one that is found.
        access: The token for repositories; None for the one that the environment has, if any.

    Raises:
        FamilyError: The family file can't be used.
        LedgerError: The ledger can't be opened.
    """
    family = load(Path(family_file) if family_file else None)
    index = find_index(family.index)
    ledger = await asyncio.to_thread(open_ledger)
    try:
        async with open_index(index, cache()) as package_index:
            yield Bench(family, package_index, _uv(index, package_index), ledger, access or access_from(family))
    finally:
        ledger.close()


@contextlib.asynccontextmanager
async def open_uv(named: str) -> AsyncIterator[Uv]:
    """What runs cells that were planned elsewhere.

    Args:
        named: The index that the family names.
    """
    index = find_index(named)
    async with open_index(index, cache()) as package_index:
        yield _uv(index, package_index)


def _uv(index: Index, package_index: PackageIndex) -> Uv:
    return Uv(index.environment(), cache() / "environments", package_index.download)
