"""What a cascade works with: family, GitHub, index, uv and ledger, opened and closed together."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from interlock.cascades.request import CascadeRequest
from interlock.checks import Access, World, open_world
from interlock.code_host import CodeHost
from interlock.environments import Uv
from interlock.family import Family
from interlock.family_file import load
from interlock.git import Checkout, Identity, Remote, find_identity
from interlock.github import Credentials, Place, place
from interlock.home import cache
from interlock.index_settings import Upload
from interlock.ledger import Ledger, open_ledger
from interlock.package_index import PackageIndex


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Yard:
    """The connections of one cascade.

    Attributes:
        work: A directory of this cascade alone, gone at its end.
        now: The clock.
    """

    request: CascadeRequest
    family: Family
    world: World
    github: CodeHost
    credentials: Credentials
    upload: Upload
    place: Place
    uv: Uv
    ledger: Ledger
    author: Identity
    work: Path
    now: Callable[[], datetime] = field(default=_now)

    @property
    def index(self) -> PackageIndex:
        """Where releases are looked for."""
        return self.world.index

    @property
    def cache(self) -> Path:
        """The directory of everything that can be fetched or made again."""
        return cache()

    async def remote(self, package: str) -> Remote:
        """A package's repository, with a token that works now."""
        return Remote(url=self.place.remote(self.family.repository(package)), token=await self.credentials.token())

    async def clone(self, package: str) -> Checkout:
        """A fresh clone of a package's branch, with its tags.

        Raises:
            RepositoryError: It can't be had.
        """
        folder = Path(tempfile.mkdtemp(prefix=f"{package}-", dir=self.work))
        return await Checkout.clone(await self.remote(package), self.family.package(package).branch, folder)


@contextlib.asynccontextmanager
async def open_yard(request: CascadeRequest, credentials: Credentials, upload: Upload) -> AsyncIterator[Yard]:
    """Open everything that a cascade works with.

    Raises:
        FamilyError: The family file can't be used.
        UsageError: The family has no such package.
        LedgerError: The ledger can't be opened.
    """
    family = load(Path(request.family) if request.family else None)
    family.package(request.root)
    ledger = await asyncio.to_thread(open_ledger)
    try:
        with tempfile.TemporaryDirectory(prefix="cascade-") as work:
            async with open_world(family, Access(credentials=credentials, upload=upload), cache=cache()) as world:
                assert world.github is not None
                index = world.index
                yield Yard(
                    request=request,
                    family=family,
                    world=world,
                    github=world.github,
                    credentials=credentials,
                    upload=upload,
                    place=place(),
                    uv=Uv(index.index.environment(), cache() / "environments", index.download),
                    ledger=ledger,
                    author=await find_identity(family.author),
                    work=Path(work),
                )
    finally:
        ledger.close()
