"""Offering a candidate: in this process the index has it and uv resolves it; it is sent to no server."""

import asyncio
from typing import Protocol

from pydantic import SecretStr

from interlock.adapters.index.client import PackageIndex, Release
from interlock.adapters.uv import Uv
from interlock.contracts.candidates.models import Candidate
from interlock.model.lockfile import File
from interlock.project.build import BuiltFile


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
    release = candidate.release(wheel=_file(wheel), sdist=_file(sdist))
    kept = await resolver.index.offer(release, paths)
    resolver.uv.offer(candidate.package, candidate.version, kept)
    return release


def withdraw(resolver: Resolver, candidate: Candidate) -> None:
    """Stop offering it, such as when it has been released."""
    resolver.index.withdraw(candidate.package, candidate.version)
    resolver.uv.withdraw(candidate.package, candidate.version)


def _file(built: BuiltFile) -> File:
    return File(name=built.name, url=SecretStr(built.path.absolute().as_uri()), sha256=built.sha256)
