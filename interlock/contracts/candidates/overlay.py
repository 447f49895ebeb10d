"""Offering a candidate: in this process the index has it and uv resolves it; no server ever hears of it."""

import asyncio
from typing import Protocol

from pydantic import SecretStr

from interlock.adapters.index.client import PackageIndex, Release
from interlock.adapters.uv import Uv
from interlock.contracts.candidates.models import Candidate
from interlock.model.lockfile import File
from interlock.project.build import BuiltFile


class Resolver(Protocol):
    """What has an index and a uv, as the connections of a family have."""

    @property
    def index(self) -> PackageIndex:
        """Where releases are looked for."""

    @property
    def uv(self) -> Uv:
        """What resolves environments."""


async def offer(resolver: Resolver, candidate: Candidate) -> Release:
    """Let whoever works with an index and a uv find a candidate, as if it were released.

    Only who asks for its very version gets it: `latest:1` never means a candidate, and no resolution takes one
    by itself.
    """
    paths = candidate.wheel, candidate.sdist
    wheel, sdist = [await asyncio.to_thread(BuiltFile.of, path) for path in paths]
    release = candidate.release(wheel=_file(wheel), sdist=_file(sdist))
    kept = await resolver.index.offer(release, paths)
    resolver.uv.offer(candidate.package, candidate.version, kept)
    return release


def withdraw(resolver: Resolver, candidate: Candidate) -> None:
    """Offer it no more, as when it has been released."""
    resolver.index.withdraw(candidate.package, candidate.version)
    resolver.uv.withdraw(candidate.package, candidate.version)


def _file(built: BuiltFile) -> File:
    return File(name=built.name, url=SecretStr(built.path.absolute().as_uri()), sha256=built.sha256)
