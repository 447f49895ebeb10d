"""A lease: one release of a package at a time, from any machine.

Theory of operation. The lease is a ref in the package's own repository, `refs/interlock/PACKAGE`, since that repository
is what all machines share. The ref points at a commit without files; its message holds the terms: holder, since, until.
The lease is free when there is no ref, when its terms are over, or when its holder is known to have ended.

It promises that two processes never hold it at once, as long as clocks differ by less than `SKEW`. To take, renew and
release it are one push each, which names the commit that was seen and the one to replace it. The server compares and
swaps under the lock of the ref. So of two processes that saw the same commit one succeeds; the other gets a
`PushRaceError`, and looks again. A holder's nonce is in its terms, so no two holders push the same commit: a holder
that sees one of the commits in `_mine` sees its own lease.

What can interrupt it, and why it stays right:

- The answer to a push is lost. Then the ref is looked at. If that fails too, the commit is in `_mine` all the same, and
  the next look recognises it.
- The holder is killed. On the same machine (boot and container included) another process sees that it has ended, and
  takes the lease at once. Everywhere else the lease is over at `until` plus `SKEW`.
- Renewals fail, or the holder is suspended. When another process has taken the lease meanwhile, the holder's next
  renewal raises `BusyError`; when none has, the renewal succeeds even after `until`. So a holder calls `make_sure`
  before each step that can't be undone: after it the lease lasts for at least `MOST` of its time.
- The ref changes between a look and the fetch of its commit. Then it is looked at again, `ATTEMPTS` times at most.
- The lease can't be given back. Then it ends at `until`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, ConfigDict, ValidationError

from interlock.adapters.git.errors import PushRaceError, RemoteUnreachableError
from interlock.adapters.git.lease_holder import LeaseHolder
from interlock.adapters.git.models import Author, checked_ref
from interlock.adapters.git.repository import Repository
from interlock.common.clock import now
from interlock.common.frozen_model import FrozenModel
from interlock.common.retry import patiently
from interlock.errors import BusyError, InterlockError

SECONDS = 300.0
SKEW = timedelta(seconds=30)  # clocks of machines differ
ATTEMPTS = 5
MOST = 0.5  # the part of its time that a lease must still have for its holder to rely on it
KEEPER = Author(name="interlock", email="interlock@localhost")
Clock = Callable[[], datetime]


class Terms(FrozenModel):
    """What a lease's commit says."""

    model_config = ConfigDict(extra="ignore")

    package: str
    holder: LeaseHolder
    since: AwareDatetime
    until: AwareDatetime


class Lease:
    """A package's lease, as one process takes and holds it.

    Args:
        repository: Any one of this remote, with or without a work tree.
        package: The package that is released.
        holder: The process that is to hold it; this one by default.
        seconds: For how long it is taken and renewed each time.
        clock: The clock.
    """

    def __init__(
        self,
        repository: Repository,
        package: str,
        *,
        holder: LeaseHolder | None = None,
        seconds: float = SECONDS,
        clock: Clock = now,
    ) -> None:
        self.ref = checked_ref(f"refs/interlock/{package}")
        self.package = package
        self.holder = holder or LeaseHolder.here()
        self.seconds = seconds
        self.until: datetime | None = None
        self._repository = repository
        self._clock = clock
        self._since: datetime | None = None
        self._one_at_a_time = asyncio.Lock()
        self._mine: list[str] = []  # every commit that was pushed, whether or not an answer came

    async def take(self) -> None:
        """Take the lease if it is free, is over, or is held by a process that has ended.

        Raises:
            BusyError: Another process holds it.
            RepositoryError: The remote can't be read or written.
            TokenError: Access was refused.
        """
        async with self._one_at_a_time:
            for _ in range(ATTEMPTS):
                seen = await self._look()
                if seen in self._mine or (await self._is_free(seen) and await self._moved(seen)):
                    return
        raise BusyError(f"the lease of {self.package} changes hands all the time", hint="run it again", transient=True)

    async def renew(self) -> None:
        """Hold it for its whole time again, from now.

        Raises:
            BusyError: Another process has taken it.
            RepositoryError: The remote can't be read or written.
        """
        async with self._one_at_a_time:
            for _ in range(ATTEMPTS):
                if self._mine and await self._moved(self._mine[-1]):
                    return
                seen = await self._look()
                if seen not in self._mine:
                    raise await self._lost(seen)
                self._mine.append(seen)
        raise BusyError(f"the lease of {self.package} can't be renewed", hint="run it again", transient=True)

    async def make_sure(self) -> None:
        """Make sure that it is held for at least `MOST` of its time from now; it is renewed when less is left.

        Raises:
            BusyError: Another process has taken it.
            RepositoryError: The remote can't be read or written.
        """
        if self.until is None or self.until - self._clock() < timedelta(seconds=self.seconds * MOST):
            await self.renew()

    async def release(self) -> None:
        """Give it back, if it is still held.

        Raises:
            RepositoryError: The remote can't be read or written; the lease ends by itself.
        """
        async with self._one_at_a_time:
            if self._mine and (seen := await self._look()) in self._mine:
                with contextlib.suppress(PushRaceError):
                    await self._repository.push({self.ref: ""}, {self.ref: seen})
            self._mine.clear()

    async def _look(self) -> str:
        return (await self._repository.remote_refs(self.ref)).get(self.ref, "")

    async def _is_free(self, seen: str) -> bool:
        """Whether what was seen may be replaced.

        Raises:
            BusyError: It may not.
        """
        if not seen:
            return True
        terms = await self._read(seen)
        if terms is None:  # it has just been replaced or given back
            return False
        if terms.until + SKEW > self._clock() and not terms.holder.is_dead:
            raise self._busy(terms)
        return True

    async def _read(self, seen: str) -> Terms | None:
        """The terms of a lease; None when the ref has changed since."""
        local = f"refs/seen/{self.holder.nonce}"
        try:
            await self._repository.fetch(f"+{self.ref}:{local}")
            message = await self._repository.message(seen)
        except InterlockError:
            if await self._look() == seen:
                raise
            return None
        try:
            return Terms.model_validate_json(message)
        except ValidationError:
            raise BusyError(
                f"{self.ref} of {self._repository.remote.url} is not a lease that this version can read",
                hint=f"if no release is under way, remove it: git push --delete URL {self.ref}",
            ) from None

    async def _moved(self, seen: str) -> bool:
        """Replace the commit that was seen by a new one of ours; False when another process was faster."""
        at = self._clock()
        self._since = self._since or at
        until = at + timedelta(seconds=self.seconds)
        terms = Terms(package=self.package, holder=self.holder, since=self._since, until=until)
        commit = await self._repository.orphan(terms.model_dump_json(), KEEPER, int(at.timestamp()))
        self._mine.append(commit)
        try:
            await self._repository.push({self.ref: commit}, {self.ref: seen})
        except PushRaceError:
            return False
        except RemoteUnreachableError:
            if await self._look() != commit:
                raise
        self.until = until
        return True

    async def _lost(self, seen: str) -> BusyError:
        terms = await self._read(seen) if seen else None
        if terms is None:
            return BusyError(f"the lease of {self.package} was taken away", hint="run it again")
        return self._busy(terms)

    def _busy(self, terms: Terms) -> BusyError:
        return BusyError(
            f"{terms.package} is being released by {terms.holder}, since {_time(terms.since)}; "
            f"its lease ends at {_time(terms.until)} unless it is renewed",
            hint=f"wait for it; if that process has ended, wait until then, or remove {self.ref} from the repository",
        )


@contextlib.asynccontextmanager
async def held(
    repository: Repository,
    package: str,
    *,
    holder: LeaseHolder | None = None,
    seconds: float = SECONDS,
    clock: Clock = now,
) -> AsyncIterator[Lease]:
    """A package's lease, held for as long as the block lasts; it is renewed each time that a third of it is over.

    Args:
        repository: Any one of this remote, with or without a work tree.
        package: The package that is released.
        holder: The process that is to hold it; this one by default.
        seconds: For how long it is taken and renewed each time.
        clock: The clock.

    Raises:
        BusyError: Another process holds it.
        RepositoryError: The remote can't be read or written.
        TokenError: Access was refused.
    """
    lease = Lease(repository, package, holder=holder, seconds=seconds, clock=clock)
    try:
        await patiently(lease.take, tries=4, first=0.2)
        renewing = asyncio.create_task(_renewed(lease))
        try:
            yield lease
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])
    finally:
        with contextlib.suppress(InterlockError):
            await patiently(lease.release, tries=4, first=0.2)


async def _renewed(lease: Lease) -> None:
    while True:
        await asyncio.sleep(lease.seconds / 3)
        # The next try comes soon; a step that must be certain calls `make_sure`.
        with contextlib.suppress(InterlockError):
            await lease.renew()


def _time(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
