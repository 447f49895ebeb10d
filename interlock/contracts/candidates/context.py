"""The context in which candidates are resolved and built: the repositories' clones, and earlier builds."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from interlock.adapters.connections import Connections
from interlock.adapters.git import Checkout, Remote
from interlock.common.single_flight import SingleFlight
from interlock.contracts.candidates.overlay import Candidate


class CandidateBuilder:
    """Clones each repository once, and builds each commit once.

    Args:
        connections: The family, its repositories, and its index, to which candidates are offered.

    Attributes:
        built: The candidates, by package and commit.
    """

    def __init__(self, connections: Connections) -> None:
        self.connections = connections
        self.family = connections.family
        self.built = SingleFlight[tuple[str, str], Candidate]()
        self._clones = SingleFlight[str, Clone]()
        self._folders: dict[str, Clone] = {}

    async def clone(self, package: str) -> "Clone":
        """The clone of a package's repository, made once.

        Raises:
            RepositoryError: It can't be cloned.
            TokenError: Access was refused.
        """
        if package in self._folders:
            return self._folders[package]
        return await self._clones.get(package, lambda: self._clone(package))

    async def clone_folder(self, package: str, folder: Path) -> "Clone":
        """A clone of a folder, which stands for that of a package's repository from now on.

        Raises:
            RepositoryError: It can't be cloned.
        """
        self._folders[package] = await self._cloned(Remote(url=str(folder)), None, package)
        return self._folders[package]

    async def _clone(self, package: str) -> "Clone":
        return await self._cloned(await self.connections.remote(package), self.family.package(package).branch, package)

    async def _cloned(self, remote: Remote, branch: str | None, package: str) -> "Clone":
        checkout = await Checkout.clone(remote, branch, self.connections.work_folder(package))
        return Clone(checkout=checkout, refs=await checkout.remote_refs())


@dataclass(frozen=True, kw_only=True)
class Clone:
    """A package's repository on this disk, and every ref of its remote.

    Attributes:
        refs: The SHAs by full name; an annotated tag's commit as `…^{}`.
        fetching: A lock, since fetches into one repository hinder each other.
    """

    checkout: Checkout
    refs: dict[str, str]
    fetching: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def fetch(self, ref: str, remote: Remote | None = None) -> None:
        """Fetch what a ref of the remote, or of another one, points at.

        Raises:
            RepositoryError: It can't be fetched.
        """
        async with self.fetching:
            source = Checkout(remote or self.checkout.remote, self.checkout.path, self.checkout.branch)
            await source.fetch(f"+{ref}:refs/interlock/{'folder' if remote else ref.removeprefix('refs/')}")

    async def fetch_branches(self) -> None:
        """Fetch all branches."""
        async with self.fetching:
            await self.checkout.fetch("+refs/heads/*:refs/remotes/origin/*")

    def names(self, prefix: str) -> tuple[str, ...]:
        """The names of the remote's branches (`refs/heads/`) or tags (`refs/tags/`)."""
        found = (name.removeprefix(prefix) for name in self.refs if name.startswith(prefix))
        return tuple(name for name in found if not name.endswith("^{}"))
