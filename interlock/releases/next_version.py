"""Which version is released next: from the tags, the index, the version in the files, and what is asked for."""

from collections.abc import Mapping
from typing import TypedDict

from packaging.version import Version

from interlock.adapters.git import Checkout, Tag
from interlock.adapters.index.client import Release as OnIndex
from interlock.model.bump import Bump, next_version
from interlock.model.calver import CalVerOn
from interlock.model.versions import tag_version
from interlock.project.version import VersionPlace
from interlock.releases.context import ReleaseContext


async def version_tags(context: ReleaseContext, cloned: Checkout) -> Mapping[Version, Tag]:
    """The tags of versions; with `ref`, only those of its branch: releases from others are not its past."""
    found = await cloned.tags()
    if context.request.ref:
        own = await cloned.merged_tags(await cloned.head())
        found = tuple(tag for tag in found if tag.name in own)
    return {version: tag for tag in found if (version := tag_version(context.package.tag, tag.name))}


def choose(
    context: ReleaseContext,
    wanted: Bump | CalVerOn | Version,
    location: VersionPlace,
    tags: Mapping[Version, Tag],
    served: Mapping[Version, OnIndex],
) -> Version:
    """The next version.

    Raises:
        UsageError: No version is known, or the highest can't be bumped in this way.
        ConflictError: The wanted version is taken.
    """
    return next_version(wanted, known=_known(context, location, tags, served))


def _known(
    context: ReleaseContext, location: VersionPlace, tags: Mapping[Version, Tag], served: Mapping[Version, OnIndex]
) -> dict[str, Version | None]:
    """By source, the highest version. A first version that the file already has may be released as it is."""
    known: dict[str, Version | None] = {}
    if tags:
        known[f"the newest tag {tags[max(tags)].name}"] = max(tags)
    if served and not context.request.ref:  # other branches' releases don't count
        known[context.connections.index.index.name] = max(served)
    unreleased = location.version not in tags and location.version not in served
    if not (unreleased and location.version == context.request.wanted):
        known[location.described] = location.version
    return known


class Previous(TypedDict):
    """The release before, for a plan."""

    previous: Version | None
    previous_tag: str | None


def previous(version: Version, tags: Mapping[Version, Tag]) -> Previous:
    """The release before a version, with its tag."""
    before = max((other for other in tags if other < version), default=None)
    return {"previous": before, "previous_tag": tags[before].name if before else None}
