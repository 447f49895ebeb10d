"""What a release changes in the files of its commit: the version, the requirements on upstreams."""

import asyncio
from typing import NamedTuple

from packaging.version import Version

from interlock.adapters.git import Checkout
from interlock.project.version import VersionPlace
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


async def edit(context: ReleaseContext, cloned: Checkout, location: VersionPlace, version: Version) -> Edited:
    """Write the version and the moved requirements into the clone.

    Raises:
        DecisionError: A requirement can't be moved without a person's decision.
        BuildError: The version can't be written.
    """
    pins, root = context.request.pins, context.project(cloned)
    known = await published(context.connections.index, pins)
    moved = await asyncio.to_thread(repinned, root, context.name, pins, known)
    written = {*location.write(context.spelled(version)), *(root / file for file in changed_files(root, moved))}
    return Edited(
        changed=tuple(sorted(path.relative_to(cloned.path).as_posix() for path in written)),
        remarks=(
            *(f"{stale} is another version, and was left alone" for stale in location.stale),
            *(remark for each in moved for remark in each.remarks),
        ),
        moves=any(each.files for each in moved),
    )
