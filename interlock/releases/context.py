"""The context of a release: its request, the connections, the author of its commits, and a working directory."""

import asyncio
import contextlib
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from packaging.version import Version

from interlock.adapters.connections import Connections
from interlock.adapters.git import Author, Checkout, Remote, Repository, find_author, held
from interlock.common.clock import now
from interlock.errors import InterlockError, UsageError
from interlock.model.bump import PATCH
from interlock.model.bump_rule import BumpRule, parse_rule, spelled
from interlock.model.family import Family, Package
from interlock.model.release import Release
from interlock.project.directory import project_in
from interlock.releases.plan import ReleaseRequest
from interlock.releases.step_timer import StepTimer, waiting

Log = Callable[[int, str], None]
LOG: Log = logging.getLogger("interlock.releases").log


@dataclass(frozen=True, kw_only=True)
class ReleaseContext:
    """What one release works with.

    Attributes:
        remote: The package's repository, with the token for it.
        author: The author of its commits and tags.
        work: A directory for this release alone, removed at its end.
        run: The flow run's id; None outside of a flow.
        log: Writes a line at a level of `logging`.
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
        """The package's name."""
        return self.request.package

    @property
    def family(self) -> Family:
        """The family, as the file was when the run started."""
        return self.connections.family

    @property
    def package(self) -> Package:
        """The package's entry in the family file."""
        return self.family.package(self.name)

    @property
    def rule(self) -> BumpRule:
        """How its version moves on: as the request says, else the family file, else by a patch."""
        return parse_rule(self.request.bump or self.package.bump or PATCH)

    @property
    def is_said(self) -> bool:
        """Whether somebody said how its version moves on."""
        return (self.request.bump or self.package.bump) is not None

    def spelled(self, version: Version) -> str:
        """A version as its files and tags have it."""
        return spelled(version, self.rule, self.request.version)

    @property
    def time(self) -> int:
        """The time of the release, in seconds since 1970: SOURCE_DATE_EPOCH, or the request's, or now."""
        given = os.environ.get("SOURCE_DATE_EPOCH", "")
        asked = self.request.at
        return int(given) if given.isdecimal() else int(now().timestamp()) if asked is None else asked

    @property
    def repository(self) -> str:
        """The package's repository, as owner/name."""
        return self.family.repository(self.name)

    @property
    def request_id(self) -> str | None:
        """What asks for this release: the request's own id, or the flow run."""
        return self.request.request_id or self.run

    def project(self, cloned: Checkout) -> Path:
        """The package's directory in a clone of its repository.

        Raises:
            BuildError: The clone has no such directory.
        """
        return project_in(cloned.path, self.package.directory)

    async def remembered(self, version: Version) -> Release | None:
        """The ledger's record of a release of the package."""
        known = await asyncio.to_thread(self.connections.ledger.releases, self.name)
        return next((release for release in known if release.version == version), None)

    async def waits(self, words: str) -> None:
        """Say in the log and in the terminal what the release waits for."""
        self.log(logging.INFO, words)
        await waiting.get()(words)

    @contextlib.asynccontextmanager
    async def lease(self) -> AsyncIterator[None]:
        """Hold the lease of the package, so that no other process on any machine releases it during the block.

        Raises:
            BusyError: Another process holds it.
        """
        repository = await Repository.create(self.remote, self.work / "lease.git")
        async with held(repository, self.name) as lease:
            self.timer.make_sure = lease.make_sure
            yield


async def author_of(family: Family, *, dry_run: bool) -> Author:
    """The author of commits and tags; in a dry run, which reports a missing one later, anybody."""
    try:
        return await find_author(family.author)
    except InterlockError:
        if not dry_run:
            raise
        return Author(name="nobody", email="nobody@localhost")


@contextlib.asynccontextmanager
async def open_release(
    request: ReleaseRequest, connections: Connections, *, run: str | None = None, log: Log = LOG
) -> AsyncIterator[ReleaseContext]:
    """Open the context of a release, with every connection that it needs, so that a missing one is an error at once.

    Args:
        request: The package and its next version.
        connections: The connections of the package's family.
        run: The flow run's id; None outside of a flow.
        log: Writes a line at a level of `logging`.

    Raises:
        UsageError: The family has no such package, or it publishes nothing.
        LedgerError: The ledger can't be opened.
        TokenError: Credentials or the password are missing or invalid.
    """
    family = connections.family
    if not family.package(request.package).publishes:
        raise UsageError(f"{request.package} publishes nothing, so it can't be released", hint="interlock family show")
    if not request.dry_run:  # which says all at once that is missing
        await connections.open_all()
    with tempfile.TemporaryDirectory(prefix="release-", dir=connections.work) as work:
        yield ReleaseContext(
            request=request,
            connections=connections,
            remote=await connections.remote(request.package),
            author=await author_of(family, dry_run=request.dry_run),
            work=Path(work),
            run=run,
            log=log,
        )
