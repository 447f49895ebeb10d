"""What a release changes in the files of its commit: the version, the requirements on upstreams, the locks."""

from typing import NamedTuple

from packaging.version import Version

from interlock.adapters.git import Checkout
from interlock.common.clock import now
from interlock.project.build.completed_source import wanted_submodules
from interlock.project.lock_files import Locks
from interlock.project.version import VersionPlace
from interlock.releases.context import ReleaseContext
from interlock.releases.requirements import published_hashes, repinned


class Edited(NamedTuple):
    """What was changed.

    Attributes:
        changed: The changed files, relative to the clone, sorted.
        remarks: What a person should know of them.
    """

    changed: tuple[str, ...]
    remarks: tuple[str, ...]


async def edit(context: ReleaseContext, cloned: Checkout, location: VersionPlace, version: Version) -> Edited:
    """Write the version and the moved requirements into the clone, and bring its locks up to date.

    Raises:
        DecisionError: A requirement can't be moved without a person's decision.
        BuildError: The version can't be written.
    """
    pins = context.request.pins
    moved = repinned(cloned.path, context.name, pins, await published_hashes(context.connections.index, pins))
    written = {*location.write(version), *(cloned.path / file for each in moved for file in each.files)}
    asked, index = context.request.at, context.connections.index
    locks = Locks(
        top=cloned.path,
        project=cloned.path,
        name=context.name,
        index=index,
        when=int(now().timestamp()) if asked is None else asked,
    )
    locked = await locks.follow(version, pins)
    written.update(locked.files)
    submodules = await wanted_submodules(cloned.path, context.name, index, decided=context.package.submodules)
    return Edited(
        changed=tuple(sorted(path.relative_to(cloned.path).as_posix() for path in written)),
        remarks=(
            *(f"{stale} is another version, and was left alone" for stale in location.stale),
            *(remark for each in moved for remark in each.remarks),
            *locked.remarks,
            *submodules.remarks,
        ),
    )
