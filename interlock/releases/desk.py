"""What a release works with: family, GitHub, index, ledger and a place to work, opened and closed together."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from packaging.version import Version

from interlock.checks import Access, World, open_world
from interlock.code_host import CodeHost
from interlock.errors import UsageError
from interlock.family import Family, Package
from interlock.family_file import load
from interlock.git import Identity, Remote, find_identity
from interlock.github import Credentials, Place, place
from interlock.home import cache
from interlock.index_settings import Upload
from interlock.ledger import Ledger, open_ledger
from interlock.lifecycle import Release
from interlock.package_index import PackageIndex
from interlock.releases.plan import ReleaseRequest
from interlock.releases.progress import Journal


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The connections of one release.

    Attributes:
        world: GitHub and the index, as checks see them.
        upload: Where files are published to.
        remote: The package's repository, with the token for it.
        run: The flow run, if it is one.
        work: A directory of this release alone, gone at its end.
        now: The clock.
    """

    request: ReleaseRequest
    family: Family
    world: World
    github: CodeHost
    upload: Upload
    place: Place
    ledger: Ledger
    remote: Remote
    author: Identity
    work: Path
    run: str | None = None
    now: Callable[[], datetime] = field(default=_now)
    journal: Journal = field(default_factory=Journal)

    @property
    def name(self) -> str:
        """The package."""
        return self.request.package

    @property
    def package(self) -> Package:
        """Its entry in the family file."""
        return self.family.package(self.name)

    @property
    def index(self) -> PackageIndex:
        """Where releases are looked for."""
        return self.world.index

    @property
    def repository(self) -> str:
        """As owner/name."""
        return self.family.repository(self.name)

    async def remembered(self, version: Version) -> Release | None:
        """What the ledger knows of a release of the package."""
        known = await asyncio.to_thread(self.ledger.releases, self.name)
        return next((release for release in known if release.version == version), None)

    @property
    def cache(self) -> Path:
        """Where builds are kept."""
        return cache() / "builds"


@contextlib.asynccontextmanager
async def open_desk(
    request: ReleaseRequest, credentials: Credentials, upload: Upload, *, run: str | None = None
) -> AsyncIterator[Desk]:
    """Open everything that a release works with.

    Raises:
        FamilyError: The family file can't be used.
        UsageError: The family has no such package, or it publishes nothing.
        LedgerError: The ledger can't be opened.
        TokenError: The credentials are good for nothing.
    """
    family = load(Path(request.family) if request.family else None)
    if not family.package(request.package).publishes:
        raise UsageError(f"{request.package} publishes nothing, so it can't be released", hint="interlock family show")
    here = place()
    remote = Remote(url=here.remote(family.repository(request.package)), token=await credentials.token())
    access = Access(credentials=credentials, upload=upload)
    ledger = await asyncio.to_thread(open_ledger)
    try:
        with tempfile.TemporaryDirectory(prefix="release-", dir=_workspace()) as work:
            async with open_world(family, access, cache=cache()) as world:
                assert world.github is not None
                yield Desk(
                    request=request,
                    family=family,
                    world=world,
                    github=world.github,
                    upload=upload,
                    place=here,
                    ledger=ledger,
                    remote=remote,
                    author=await find_identity(family.author),
                    work=Path(work),
                    run=run,
                )
    finally:
        ledger.close()


def _workspace() -> Path:
    path = cache() / "work"
    path.mkdir(exist_ok=True)
    return path
