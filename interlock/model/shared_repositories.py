"""Members that share a repository: what keeps them apart, and what is refused because nothing does."""

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from interlock.common.validation import ValidationIssue
from interlock.model.versions import tag_version

if TYPE_CHECKING:
    from interlock.model.family import Package

WORKSPACE_LOCK = "uv.lock"


def pathspecs(name: str, members: Mapping[str, "Package"]) -> tuple[str, ...]:
    """The paths of a member's own files, for Git; nothing when all of the repository is its own.

    Args:
        name: The member.
        members: All members of its repository. One may be inside another's directory, and belongs to itself alone.
    """
    mine = members[name].directory
    others = (each.directory for other, each in members.items() if other != name)
    inside = [other for other in others if other and (mine is None or other.startswith(f"{mine}/"))]
    if mine is None and not inside:
        return ()
    shared = [f"{mine}/{WORKSPACE_LOCK}" if mine else WORKSPACE_LOCK] if inside else []
    return mine or ".", *(f":(exclude){other}" for other in (*inside, *shared))


def owner(path: str, members: Mapping[str, "Package"]) -> str | None:
    """The member that a file of a repository belongs to: the one with the innermost directory around it."""
    places = {name: each.directory or "" for name, each in members.items()}
    around = [name for name, place in places.items() if not place or path.startswith(f"{place}/")]
    return max(around, key=lambda name: len(places[name]), default=None)


def sharing_faults(members: Mapping[str, "Package"]) -> Iterator[ValidationIssue]:
    """The faults of the members of one repository: a directory or a tag that could be either's."""
    for (one, first), (other, second) in itertools.combinations(members.items(), 2):
        both = f'"{one}" and "{other}" are in one repository'
        if first.directory == second.directory:
            where = f"and in one directory, {json.dumps(first.directory)}" if first.directory else "and in its root"
            hint = 'write the directory of each: directory = "packages/…"'
            yield ValidationIssue(("packages", other, "directory"), f"{both}, {where}", hint)
        elif first.publishes and second.publishes and (tag := _tag_of_both(first.tag, second.tag)):
            hint = f'write a form of its own: tag = "{other}-v{{version}}"'
            yield ValidationIssue(("packages", other, "tag"), f'{both}, and the tag "{tag}" could be of either', hint)


def _tag_of_both(one: str, other: str) -> str | None:
    """A tag that has both forms, or None.

    A tag with both forms begins with the longer of the two beginnings, ends with the longer end, and has a digit
    between these, since a version begins with one. With a single digit there, what the beginnings and ends leave of a
    version is shortest: if that is a version for neither, no more text between makes it one.
    """
    (before, after), (before_other, after_other) = one.split("{version}"), other.split("{version}")
    tag = f"{max(before, before_other, key=len)}1{max(after, after_other, key=len)}"
    return tag if tag_version(one, tag) and tag_version(other, tag) else None


def twice_told(name: str, package: "Package", repositories: Mapping[str, str]) -> Iterator[ValidationIssue]:
    """The events of a member that reach one repository twice, since several of their targets are there.

    Args:
        name: The member.
        package: Its dispatches.
        repositories: The repository of each member.
    """
    told: dict[tuple[str, str], str] = {}
    for number, dispatch in enumerate(package.dispatches):
        for position, target in enumerate(dispatch.targets):
            place = dispatch.event, repositories.get(target, "").lower()
            if place[1] and (first := told.setdefault(place, target)) != target:
                both = f'"{first}" and "{target}", which are in one repository'
                message = f'"{name}" dispatches "{dispatch.event}" to {both}'
                at = ("packages", name, "dispatches", number, "targets", position)
                yield ValidationIssue(at, message, "name one of them: the repository is notified once")
