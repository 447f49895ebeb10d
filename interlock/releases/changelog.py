"""The changelog of a release: moved in its commit, and read from it for the notes."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from packaging.version import Version

from interlock.errors import UnbuildableError
from interlock.project.changelog import Changelog, ChangelogFile, Moved, Release, find_changelogs, move
from interlock.project.changelog.towncrier import build_changelog, uses_towncrier
from interlock.project.version.project import Project
from interlock.releases.context import ReleaseContext


class MovedChangelog(NamedTuple):
    """What was changed: the files, and what a person should know of it."""

    changed: tuple[Path, ...] = ()
    remarks: tuple[str, ...] = ()


class Entry(NamedTuple):
    """What a changelog says of a version.

    Attributes:
        text: Its section, without the heading.
        changelog: The whole file.
        path: Its file, relative to the project.
    """

    text: str
    changelog: Changelog
    path: Path


async def move_changelog(context: ReleaseContext, root: Path, release: Release) -> MovedChangelog:
    """Make what is unreleased in the project's changelog the section of the release, in the project's files.

    Raises:
        RefusedError: The changelog that the family file names can't be read, or towncrier fails.
    """
    wanted = context.package.changelog
    if wanted is False:
        return MovedChangelog()
    if wanted is True and uses_towncrier(Project(root)):
        return await _from_fragments(context, root, release)
    return _moved_by_hand(root, None if wanted is True else wanted, release)


async def _from_fragments(context: ReleaseContext, root: Path, release: Release) -> MovedChangelog:
    if entry_of(root, None, release.version):  # somebody has built it already
        return MovedChangelog()
    uv = context.connections.uv
    try:
        changed = await build_changelog(root, release, environments=uv, interpreter=await uv.own_interpreter())
    except UnbuildableError as error:
        return MovedChangelog(remarks=(f"the changelog's fragments stay where they are: {error.message}",))
    return MovedChangelog(changed=changed)


def _moved_by_hand(root: Path, named: str | None, release: Release) -> MovedChangelog:
    """Move each of the project's changelogs, since each may be in its sdist."""
    found = list(find_changelogs(root, named))
    changed: list[Path] = []
    remarks: list[str] = []
    for path, changelog in found:
        if (moved := move(changelog, release)) is not None:
            (root / path).write_bytes(moved.text.encode())
            changed.append(root / path)
            remarks += _instead(path, moved, release)
    return MovedChangelog(tuple(changed), (*remarks, *(() if changed else _left(found, release))))


def _left(found: Sequence[ChangelogFile], release: Release) -> tuple[str, ...]:
    """That the changelog says nothing of a version, where people write down what is in each."""
    known = any(each.changelog.of_version(release.version) or each.changelog.unreleased() for each in found)
    if not found or known or release.version.is_prerelease:
        return ()
    return (f"{found[0].path.as_posix()} says nothing of {release.text}, and nothing in it is unreleased",)


def _instead(path: Path, moved: Moved, release: Release) -> tuple[str, ...]:
    if moved.instead_of is None:
        return ()
    return (f"{path.as_posix()} had {moved.instead_of} as the next version; that section is {release.text} now",)


def entry_of(root: Path, named: str | None, version: Version) -> Entry | None:
    """What a project's changelog says of a version; None when it says nothing.

    Raises:
        RefusedError: The named file can't be read.
    """
    for path, changelog in find_changelogs(root, named):
        section = changelog.of_version(version)
        if section is None and version.is_prerelease:
            section = changelog.of_version(Version(version.base_version))
        if section is not None and (text := changelog.text_of(section)):
            return Entry(text, changelog, path)
    return None


def day_of(epoch: int) -> date:
    """The day of a release, in UTC, so that it is the same wherever it is made."""
    return datetime.fromtimestamp(epoch, UTC).date()
