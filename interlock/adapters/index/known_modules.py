"""The modules of a package, over all of its releases: what a release has taken out is still looked for.

Theory of operation. Which modules of a downstream import an upstream must not depend on the release that is tested, or
a module that was taken out would make every test of it disappear. So the names are those of all releases. Reading them
must cost little: the list of a wheel's files stands at its end, and a server that gives parts of a file gives these few
kilobytes alone. What was read stays in the cache under the file's hash, also when the index no longer has the file.

The choice of releases depends on the index alone, so every process that asks the same index has the same names: all of
them, or, of more than `MOST_LISTED`, the newest of each minor series. A release that can't be listed is a note.
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from packaging.utils import canonicalize_name
from packaging.version import Version
from tenacity import retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from interlock.adapters.distributions import module_names, sdist_module_names, wheel_names
from interlock.adapters.index.client import PackageIndex, Release
from interlock.common.archives import DAMAGE, zip_names_at_end
from interlock.common.atomic_files import read_sealed, write_sealed
from interlock.common.retry import retried
from interlock.errors import DistributionError, IndexUnavailableError
from interlock.model.lockfile import File

MOST_LISTED = 200
# An sdist is downloaded as a whole.
MOST_SDISTS = 20
# The list of a wheel with some hundred files.
FIRST_READ = 32 << 10
# Its end, what the list turned out to be larger than, and a comment that hides where it begins.
MOST_READS = 3
# One of some hundred requests may be lost.
ATTEMPTS = 3
T = TypeVar("T")


async def known_modules(index: PackageIndex, package: str) -> frozenset[str]:
    """The names that any known release of a package makes importable; `index.notes` says which could not be read.

    A candidate that is on offer counts, and is not remembered.

    Raises:
        IndexUnavailableError: The index did not answer: with a part of the names, less would be tested without a word.
    """
    try:
        releases = chosen(await index.releases(package))
    except DistributionError as error:
        index.notes[f"the modules of {package}'s releases are not known: {error.message}"] = None
        releases = ()
    names, unread = await _read(index, package, releases)
    for release, why in list(unread.items())[-1:]:
        others = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
        index.notes[f"the modules of {package} {release.version}{others} are not known: {why}"] = None
    return names


async def some_modules(index: PackageIndex, package: str) -> frozenset[str]:
    """The names that a package makes importable, by whatever is remembered of it, or else by its newest release."""
    names, _ = await _read(index, package, ())
    if not names:
        with contextlib.suppress(IndexUnavailableError, DistributionError):
            names, _ = await _read(index, package, chosen(await index.releases(package))[-1:])
    return names


async def _read(
    index: PackageIndex, package: str, releases: Sequence[Release]
) -> tuple[frozenset[str], dict[Release, str]]:
    """What is remembered of a package with what its releases have, and why some can't be read."""
    path = index.cache / "modules" / index.index.key() / canonicalize_name(package)
    remembered = await asyncio.to_thread(_remembered, path)
    files = {release: file for release in releases if (file := _listed_file(release)).sha256 not in remembered}
    found = dict(zip(files, await asyncio.gather(*(_modules(index, file) for file in files.values())), strict=True))
    read = {release: names for release, names in found.items() if not isinstance(names, str)}
    lasting = {files[release].sha256: names for release, names in read.items() if release.tree is None}
    if lasting:
        await asyncio.to_thread(write_sealed, path, json.dumps({**remembered, **lasting}).encode())
    names = frozenset(name for names in (*remembered.values(), *read.values()) for name in names)
    return names, {release: why for release, why in found.items() if isinstance(why, str)}


def chosen(releases: Mapping[Version, Release]) -> tuple[Release, ...]:
    """The releases that are listed, ascending; candidates are among them."""
    ascending = [releases[version] for version in sorted(releases)]
    candidates = [release for release in ascending if release.tree is not None]
    served = [release for release in ascending if release.tree is None]
    if len(served) > MOST_LISTED:
        series = {(each.version.epoch, each.version.release[:2]): each for each in served}
        ends = {served[0].version: served[0], **{each.version: each for each in series.values()}}
        served = _spread([ends[version] for version in sorted(ends)], MOST_LISTED)
    built = _spread([release for release in served if not release.wheels], MOST_SDISTS)
    return (*(release for release in served if release.wheels or release in built), *candidates)


def _spread(items: Sequence[T], most: int) -> list[T]:
    """So many of the items at most, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[number * (len(items) - 1) // (most - 1)] for number in range(most)]


def _listed_file(release: Release) -> File:
    """The sdist, or a wheel: the one for every platform, or the same one of the others each time."""
    wheels = sorted(release.wheels, key=lambda file: (not file.name.endswith("-none-any.whl"), file.name))
    return wheels[0] if wheels else release.files[0]


async def _modules(index: PackageIndex, file: File) -> tuple[str, ...] | str:
    """The names that a file makes importable, or why they are not known."""
    try:
        return await retried(
            lambda: _listed_modules(index, file),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential_jitter(),
            retry=retry_if_exception_type(IndexUnavailableError),
        )
    except DistributionError as error:
        return error.message


async def _listed_modules(index: PackageIndex, file: File) -> tuple[str, ...]:
    if not file.name.endswith(".whl"):
        return await asyncio.to_thread(sdist_module_names, await index.download(file))
    names = None if await index.cached(file) else await _names_at_end(index, file)
    if names is None:
        names = await asyncio.to_thread(wheel_names, await index.download(file))
    return module_names(names)


async def _names_at_end(index: PackageIndex, file: File) -> frozenset[str] | None:
    """The paths in a wheel, by its end alone; None where that does not tell."""
    start = -FIRST_READ
    for _ in range(MOST_READS):
        end = await index.read_end(file, start)
        if end is None:
            return None
        try:
            found = await asyncio.to_thread(zip_names_at_end, *end)
        except DAMAGE:
            return None
        if not isinstance(found, int):
            return found
        start = found
    return None


def _remembered(path: Path) -> dict[str, tuple[str, ...]]:
    try:
        found = json.loads(read_sealed(path) or b"{}")
        return {str(sha256): tuple(map(str, names)) for sha256, names in found.items()}
    except (ValueError, TypeError, AttributeError):
        return {}
