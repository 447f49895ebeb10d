"""What a release changes in the files of its commit: version, requirements on upstreams, changelog and locks."""

import asyncio
from typing import NamedTuple

from packaging.version import Version

from interlock.adapters.git import Checkout
from interlock.model.versions import tag_name
from interlock.project.build.completed_source import wanted_submodules
from interlock.project.changelog import Release
from interlock.project.lock_files import Locks
from interlock.project.version import VersionPlace
from interlock.releases.changelog import MovedChangelog, day_of, move_changelog
from interlock.releases.context import ReleaseContext
from interlock.releases.requirements import changed_files, published, repinned


class Edited(NamedTuple):
    """What was changed.

    Attributes:
        changed: The changed files, relative to the clone, sorted.
        remarks: What a person should know of them.
        moves: Whether a requirement was moved.
    """

    changed: tuple[str, ...]
    remarks: tuple[str, ...]
    moves: bool = False


async def edit(
    context: ReleaseContext, cloned: Checkout, location: VersionPlace, version: Version, epoch: int | None = None
) -> Edited:
    """Write the version, the moved requirements and the changelog's new section, and bring locks up to date.

    Args:
        context: The context of the release.
        cloned: The clone.
        location: Where the version stands.
        version: The version.
        epoch: The time of the release; None for a version that is not released: the changelog stays as it is.

    Raises:
        DecisionError: A requirement can't be moved without a person's decision.
        BuildError: The version can't be written.
        RefusedError: The changelog can't be moved.
    """
    pins, root = context.request.pins, context.project(cloned)
    known = await published(context.connections.index, pins)
    moved = await asyncio.to_thread(repinned, root, context.name, pins, known, cloned.path)
    text = context.spelled(version)
    written = {*location.write(text), *(root / file for file in changed_files(root, moved))}
    changelog = MovedChangelog()
    if epoch is not None:
        changelog = await move_changelog(
            context, root, Release(text, day_of(epoch), tag_name(context.package.tag, text))
        )
    index = context.connections.index
    locks = Locks(top=cloned.path, project=root, name=context.name, index=index, when=context.time)
    locked = await locks.follow(version, pins)
    written.update(changelog.changed, locked.files)
    package = context.package
    submodules = await wanted_submodules(
        cloned.path, context.name, index, decided=package.submodules, directory=package.directory
    )
    return Edited(
        changed=tuple(sorted(path.relative_to(cloned.path).as_posix() for path in written)),
        remarks=(
            *(f"{stale} is another version, and was left alone" for stale in location.stale),
            *(f"{left} can't hold {version} as it is written, and stays" for left in location.unwritable(version)),
            *(remark for each in moved for remark in each.remarks),
            *changelog.remarks,
            *locked.remarks,
            *submodules.remarks,
        ),
        moves=any(each.files for each in moved),
    )
