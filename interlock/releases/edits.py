"""What a release changes in the files of its commit: the version, the requirements on upstreams."""

from typing import NamedTuple

from packaging.version import Version

from interlock.adapters.git import Checkout
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
    """Write the version and the moved requirements into the clone.

    Raises:
        DecisionError: A requirement can't be moved without a person's decision.
        BuildError: The version can't be written.
    """
    pins, root = context.request.pins, context.project(cloned)
    moved = repinned(root, context.name, pins, await published_hashes(context.connections.index, pins))
    written = {*location.write(version), *(root / file for each in moved for file in each.files)}
    return Edited(
        changed=tuple(sorted(path.relative_to(cloned.path).as_posix() for path in written)),
        remarks=(
            *(f"{stale} is another version, and was left alone" for stale in location.stale),
            *(f"{left} can't hold {version} as it is written, and stays" for left in location.unwritable(version)),
            *(remark for each in moved for remark in each.remarks),
        ),
    )
