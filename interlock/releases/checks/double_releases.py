"""Checks that a member's own workflows don't release what Interlock releases: on its push, tag, release or dispatch."""

from collections.abc import Iterable, Iterator, Mapping

from packaging.version import Version

from interlock.adapters.github.workflows import HEADS, TAGS, Happening, OwnRelease, own_releases
from interlock.adapters.github.workflows.conditions import short
from interlock.model.family import Change, Family, Follows, Reaction
from interlock.model.versions import tag_name
from interlock.releases.checks.models import Check, ok, warning

NAME = "releases once"
# The next version is not known here: filters are compared with the tags of some.
VERSIONS = tuple(map(Version, ("0.1.2", "1.2.3", "2.3.4", "10.20.30", "2026.11.30")))
# What makes GitHub start no workflow for a push.
SKIPPED = ("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]")
HINT = (
    'let one of both do it: take the step out of that workflow, or let it alone release: reaction = "dispatch", '
    'or follows = "never", in the family file'
)


def check_double_releases(
    family: Family, member: str, files: Mapping[str, bytes], *, events: Iterable[str], releases: bool
) -> tuple[Check, ...]:
    """Check that no workflow of a member releases it as well.

    Args:
        family: Says how the member reacts, and what is sent to it.
        member: The member.
        files: The files of `.github/workflows` on its default branch.
        events: The events that are sent to it.
        releases: Whether Interlock releases it now.
    """
    happenings = (*(_released(family, member) if releases else ()), *_sent(family, member, events))
    if not happenings:
        return ()
    found = own_releases(files, happenings, family.package(member).branch)
    if not found:
        return (ok(member, NAME, "no workflow of its own releases it as well"),)
    return tuple(warning(member, NAME, f"{each}, and Interlock releases {member} too", HINT) for each in found)


def doubled(family: Family, member: str, files: Mapping[str, bytes]) -> tuple[OwnRelease, ...]:
    """The places where workflows of a member that a cascade releases would release it as well."""
    events = dict.fromkeys(
        dispatch.event
        for package in family.packages.values()
        for dispatch in package.dispatches
        if member in dispatch.targets
    )
    happenings = (*_released(family, member), *_sent(family, member, events))
    return own_releases(files, happenings, family.package(member).branch)


def _released(family: Family, member: str) -> Iterator[Happening]:
    """What a release of the member does in its repository."""
    package = family.package(member)
    branch, tags = HEADS + package.branch, tuple(TAGS + tag_name(package.tag, version) for version in VERSIONS)
    message = family.commit_message.format(package=member, version=VERSIONS[0], tag=short(tags[0]))
    if not any(word in message.lower() for word in SKIPPED):
        said, paths = f"the push of a release's commit to {package.branch}", ("pyproject.toml",)
        yield Happening(event="push", said=said, refs=(branch,), paths=paths, message=message)
        yield Happening(event="push", said="the push of a release's tag", refs=tags, message=message)
    yield Happening(event="create", said="the creation of a release's tag", refs=tags)
    yield Happening(event="release", said="the GitHub Release", refs=tags, actions=frozenset({"published", "released"}))
    if package.change is Change.PULL_REQUEST or package.release_on is not None:
        yield _merge(branch)


def _merge(branch: str) -> Happening:
    said = "the merge of a pull request"
    return Happening(event="pull_request", said=said, refs=(branch,), actions=frozenset({"closed"}))


def _sent(family: Family, member: str, events: Iterable[str]) -> Iterator[Happening]:
    """The events that are sent to a member which a cascade would release, for the upstreams that it follows."""
    package = family.package(member)
    if package.reaction is not Reaction.RELEASE or not package.publishes:
        return
    follows = [name for name in package.upstreams if package.follows_of(name) is not Follows.NEVER]
    for event in events:
        senders = [
            name
            for name in follows
            for dispatch in family.package(name).dispatches
            if dispatch.event == event and member in dispatch.targets
        ]
        if senders:
            said = f'"{event}" of {", ".join(dict.fromkeys(senders))}'
            refs = (HEADS + package.branch,)
            yield Happening(event="repository_dispatch", said=said, refs=refs, actions=frozenset({event}))
