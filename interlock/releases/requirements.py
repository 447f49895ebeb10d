"""Moving a package's requirements to new versions of its upstreams, with hashes where the files list them."""

from collections.abc import Mapping
from pathlib import Path

from packaging.version import Version

from interlock.adapters.index.client import PackageIndex
from interlock.errors import RefusedError
from interlock.project.requirements import Repin, repin

Hashes = Mapping[str, tuple[str, ...]]


class DecisionError(RefusedError):
    """A person has to decide something before a package can be released."""


async def published_hashes(index: PackageIndex, pins: Mapping[str, Version]) -> Hashes:
    """By upstream, the hashes of its version's files, for requirements that list hashes.

    Raises:
        IndexUnavailableError: The index did not answer.
    """
    served = {upstream: (await index.served(upstream)).get(version) for upstream, version in pins.items()}
    return {
        upstream: tuple(sorted(file.sha256 for file in release.files))
        if release
        else index.announced(upstream, pins[upstream])
        for upstream, release in served.items()
    }


def repinned(root: Path, package: str, pins: Mapping[str, Version], hashes: Hashes) -> tuple[Repin, ...]:
    """Move a package's requirements in its files.

    Raises:
        DecisionError: A requirement can't be moved without a person's decision.
    """
    done = {upstream: repin(root, upstream, version, hashes=hashes) for upstream, version in pins.items()}
    for upstream, each in done.items():
        if each.refusals:
            raise DecisionError(
                f"{package} can't be moved to {upstream} {pins[upstream]}: {'; '.join(map(str, each.refusals))}",
                hint=f"a person decides: change the requirement of {package}, or leave it as it is",
            )
    return tuple(done.values())
