"""Where candidates are made: the family, its repositories, the index and uv, and a place to work."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from interlock.candidates.values import Candidate
from interlock.environments import Uv
from interlock.family import Family
from interlock.git import Checkout, Remote
from interlock.github import Credentials, Place, place
from interlock.home import cache
from interlock.once import Once
from interlock.package_index import PackageIndex


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What candidates are found and made with.

    Attributes:
        place: Where GitHub is.
        credentials: Whose token Git may send; None for public repositories, and for Git's own access.
        cache: Where everything that can be had again is kept.
        work: A directory that is gone at the end.
    """

    family: Family
    index: PackageIndex
    uv: Uv
    place: Place
    credentials: Credentials | None
    cache: Path
    work: Path
    clones: Once[str, "Clone"] = field(default_factory=Once)
    built: Once[tuple[str, str], Candidate] = field(default_factory=Once)

    async def remote(self, package: str) -> Remote:
        """A package's repository, with a token that works now if there is any."""
        token = await self.credentials.token() if self.credentials else None
        return Remote(url=self.place.remote(self.family.repository(package)), token=token)

    async def clone(self, package: str) -> "Clone":
        """The clone of a package's repository, made once.

        Raises:
            RepositoryError: It can't be had.
            TokenError: Access was refused.
        """
        return await self.clones.get(package, lambda: self._clone(package))

    def folder(self, name: str) -> Path:
        """A new directory in which to work."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.work))

    async def _clone(self, package: str) -> "Clone":
        remote, branch = await self.remote(package), self.family.package(package).branch
        checkout = await Checkout.clone(remote, branch, self.folder(package))
        return Clone(checkout=checkout, refs=await checkout.remote_refs())


@dataclass(frozen=True, kw_only=True)
class Clone:
    """A package's repository on this disk, and every ref that its remote had.

    Attributes:
        refs: By whole name; an annotated tag's commit as `…^{}`.
        one_at_a_time: Fetches into one repository hinder each other.
    """

    checkout: Checkout
    refs: dict[str, str]
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def bring(self, ref: str, remote: Remote | None = None) -> None:
        """Fetch what a ref of the remote, or of another one, points at.

        Raises:
            RepositoryError: It can't be had.
        """
        async with self.one_at_a_time:
            source = Checkout(remote or self.checkout.remote, self.checkout.path, self.checkout.branch)
            await source.fetch(f"+{ref}:refs/interlock/{'folder' if remote else ref.removeprefix('refs/')}")

    async def bring_branches(self) -> None:
        """Fetch all branches."""
        async with self.one_at_a_time:
            await self.checkout.fetch("+refs/heads/*:refs/remotes/origin/*")

    def names(self, prefix: str) -> tuple[str, ...]:
        """The names of the remote's branches (`refs/heads/`) or tags (`refs/tags/`)."""
        found = (name.removeprefix(prefix) for name in self.refs if name.startswith(prefix))
        return tuple(name for name in found if not name.endswith("^{}"))


@contextlib.asynccontextmanager
async def open_workshop(
    family: Family,
    index: PackageIndex,
    uv: Uv,
    *,
    credentials: Credentials | None = None,
    here: Place | None = None,
) -> AsyncIterator[Workshop]:
    """A workshop with a directory of its own.

    Args:
        family: Whose packages they are.
        index: Where releases are looked for; what is made is offered to whoever asks it in this process.
        uv: What resolves environments, and shall know of them too.
        credentials: Whose token Git may send.
        here: Where GitHub is; None for the one that the environment names.
    """
    (base := cache() / "work").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="candidates-", dir=base) as work:
        yield Workshop(
            family=family,
            index=index,
            uv=uv,
            place=here or place(),
            credentials=credentials,
            cache=cache(),
            work=Path(work),
        )
