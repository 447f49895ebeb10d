"""Moving a package's requirements to new versions of its upstreams, with hashes where the files list them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import Version

from interlock.adapters.index.client import PackageIndex
from interlock.errors import RefusedError
from interlock.project.requirements import Repin, repin

Hashes = Mapping[str, tuple[str, ...]]


class Published(NamedTuple):
    """What the index says of a version.

    Attributes:
        hashes: SHA-256 of its files, for requirements that list hashes.
        python: Its Requires-Python; empty where that is not known.
    """

    hashes: tuple[str, ...] = ()
    python: str = ""


class DecisionError(RefusedError):
    """A person has to decide something before a package can be released."""


def changed_files(root: Path, moved: Iterable[Repin]) -> tuple[Path, ...]:
    """The files that moved requirements have changed, relative to the repository: of a link, what it leads to."""
    resolved = root.resolve()
    paths = {(resolved / file).resolve() for each in moved for file in each.files}
    return tuple(sorted(path.relative_to(resolved) for path in paths))


async def published(index: PackageIndex, pins: Mapping[str, Version]) -> Mapping[str, Published]:
    """By upstream, what the index says of its version.

    Raises:
        IndexUnavailableError: The index did not answer.
    """
    served = {upstream: (await index.served(upstream)).get(version) for upstream, version in pins.items()}
    return {
        upstream: Published(tuple(sorted(file.sha256 for file in release.files)), release.requires_python)
        if release
        else Published(index.announced(upstream, pins[upstream]))
        for upstream, release in served.items()
    }


def repinned(
    root: Path, package: str, pins: Mapping[str, Version], known: Mapping[str, Published], top: Path | None = None
) -> tuple[Repin, ...]:
    """Move a package's requirements in its files.

    Args:
        root: Its folder.
        package: Its name.
        pins: By upstream, the version to move to.
        known: By upstream, what the index says of that version.
        top: Its repository, if that is another folder.

    Raises:
        DecisionError: A requirement can't be moved without a person's decision.
    """
    done = {
        upstream: _repinned(root, upstream, version, known.get(upstream, Published()), top)
        for upstream, version in pins.items()
    }
    for upstream, each in done.items():
        if each.refusals:
            raise DecisionError(
                f"{package} can't be moved to {upstream} {pins[upstream]}: {'; '.join(map(str, each.refusals))}",
                hint=f"a person decides: change the requirement of {package}, or leave it as it is",
            )
    return tuple(done.values())


def _repinned(root: Path, upstream: str, version: Version, known: Published, top: Path | None) -> Repin:
    hashes: Hashes = {canonicalize_name(upstream): known.hashes}
    return repin(root, upstream, version, hashes=hashes, python=known.python, top=top)
