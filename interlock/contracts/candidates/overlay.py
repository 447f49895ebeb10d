"""A candidate on offer: this process finds it when it asks for its very version, and no other process does."""

import asyncio
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from interlock.adapters.index.client import PackageIndex, Release
from interlock.adapters.uv import Uv
from interlock.common.frozen_model import FrozenModel
from interlock.model.lockfile import File
from interlock.model.versions import VersionField
from interlock.project.build import BuiltFile


class Candidate(FrozenModel):
    """A package built from a ref, or from a folder.

    Attributes:
        version: The files' version, and the commit as a local version: `1.4.61+g0123456789ab`.
        described: Its ref, for people: `pull request 12 (0123456789ab)`.
        sha: The commit; None for a folder that differs from every commit.
        wheel, sdist: The built files.
        tree: The files of the commit, for suites that are read from Git.
    """

    package: str
    version: VersionField
    described: str
    sha: str | None
    wheel: Path
    sdist: Path
    tree: Path


class Resolver(Protocol):
    """An index and a uv, such as the connections of a family."""

    @property
    def index(self) -> PackageIndex:
        """The index that has the releases."""

    @property
    def uv(self) -> Uv:
        """What resolves environments."""


async def offer(resolver: Resolver, candidate: Candidate) -> Release:
    """Let an index and a uv find a candidate, as if it were released.

    Only a request for its exact version gets it: `latest:1` never means a candidate, and no resolution takes one by
    itself.
    """
    paths = candidate.wheel, candidate.sdist
    wheel, sdist = [await asyncio.to_thread(BuiltFile.of, path) for path in paths]
    release = Release(
        package=candidate.package,
        version=candidate.version,
        wheels=(_file(wheel),),
        sdist=_file(sdist),
        tree=candidate.tree,
    )
    kept = await resolver.index.offer(release, paths)
    resolver.uv.offer(candidate.package, candidate.version, kept)
    return release


def withdraw(resolver: Resolver, candidate: Candidate) -> None:
    """Stop offering it, such as when it has been released."""
    resolver.index.withdraw(candidate.package, candidate.version)
    resolver.uv.withdraw(candidate.package, candidate.version)


def _file(built: BuiltFile) -> File:
    return File(name=built.name, url=SecretStr(built.path.absolute().as_uri()), sha256=built.sha256)
