"""The deployment that an event starts, and its parameters, by the family file alone.

A start has a key that says what the event means: the commit that is verified, the version that is followed, the pull
request that was merged. GitHub reports one thing by several events (a release, a dispatch to each downstream, a
repository's webhook and an App's), and equal keys make one flow run.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_version
from packaging.version import Version

from interlock.model.delivery import Condition, Start
from interlock.model.family import Family, Package
from interlock.model.versions import tag_version
from interlock.webhooks.events import (
    DispatchEvent,
    Event,
    MergeGroupEvent,
    PullRequestEvent,
    PushEvent,
    Received,
    ReleaseEvent,
    Unhandled,
    VersionEvent,
    WorkflowRunEvent,
)
from interlock.webhooks.ignored import CHANGE_BRANCHES, Ignored, Kind, Route
from interlock.webhooks.release_events import RELEASE, with_release

if TYPE_CHECKING:
    from pydantic import JsonValue

__all__ = ["CHANGE_BRANCHES", "CONTINUE", "FOLLOW", "RELEASE", "VERIFY", "Ignored", "Kind", "route"]

VERIFY = "verify-contracts/verify-contracts"
FOLLOW = "cascade-release/follow-upstream"
CONTINUE = "continue-cascades/continue-cascades"
VERIFIED_ACTIONS = frozenset({"opened", "synchronize", "reopened"})
RELEASED_ACTIONS = frozenset({"published", "released"})
BAD_ENDS = frozenset({"failure", "cancelled", "timed_out", "action_required", "startup_failure", "stale"})


def route(event: Received, family: Family) -> tuple[Start, ...] | Ignored:
    """Decide what an event in one of the family's repositories starts: a run for each package that it concerns.

    A push or a pull request concerns all packages of its repository, since each may be built from any of its files; a
    release concerns the one with its form of tags.
    """
    if isinstance(event, Unhandled):
        return Ignored(kind=Kind.PING if event.is_ping else Kind.EVENT, why=event.why)
    names = family.in_repository(event.repository)
    if not names:
        why = f'{event.repository} is no repository of the family "{family.name}"'
        return Ignored(kind=Kind.REPOSITORY, why=why)
    if isinstance(event, VersionEvent):
        return _version(event, names, family)
    routes = [with_release(_route(event, name, family), event, name, family) for name in names]
    started = [each for each in routes if isinstance(each, Start)]
    # Equal keys make one run; what is asked or started beside it is for each package.
    starts = {(each.key, each.package if each.condition or each.also else ""): each for each in started}
    return tuple(starts.values()) or _ignored([each for each in routes if isinstance(each, Ignored)])


def _ignored(routes: Sequence[Ignored]) -> Ignored:
    """Why an event starts nothing for any of its packages."""
    return routes[0].model_copy(update={"why": "; ".join(dict.fromkeys(each.why for each in routes))})


def _version(event: VersionEvent, names: Sequence[str], family: Family) -> tuple[Start, ...] | Ignored:
    """The version of a repository's package; where there are several, the event names it."""
    published = [name for name in names if family.package(name).publishes]
    meant = (published or names)[0] if len(published) < 2 else event.package
    if meant is None or meant not in names:
        why = f'it does not say which package of {event.repository} is out: "origin", of {", ".join(published)}'
        return Ignored(kind=Kind.VERSION, why=why)
    found = _follow(meant, event.version, family)
    return (found,) if isinstance(found, Start) else found


def _place(event: Event, name: str, family: Family) -> str:
    """What an event is about, in keys: its repository, with the package where there are several."""
    return event.repository.lower() + (f"/{name}" if family.shares(name) else "")


def _route(event: Event, name: str, family: Family) -> Route:
    match event:
        case PullRequestEvent():
            return _pull_request(event, name, family)
        case PushEvent():
            return _push(event, name, family)
        case ReleaseEvent():
            return _release(event, name, family)
        case DispatchEvent():
            return _dispatch(event, name, family)
        case WorkflowRunEvent():
            return _workflow_run(event, name)
    assert isinstance(event, MergeGroupEvent)
    return _merge_group(event, name, family)


def _pull_request(event: PullRequestEvent, name: str, family: Family) -> Route:
    package = family.package(name)
    if event.base != package.branch:
        return Ignored(kind=Kind.BRANCH, why=f"it is for {event.base}, not for the default branch {package.branch}")
    if event.verb == "closed":
        return _merged(event, name)
    is_retargeted = event.verb == "edited" and event.base_before is not None
    if event.verb not in VERIFIED_ACTIONS and not is_retargeted:
        return Ignored(kind=Kind.ACTION, why=f"nothing follows from a pull request that is {event.verb}")
    authors = _authors(event)
    if None in authors:
        command = f"interlock contracts {event.sha} --of {name} --pr {event.number}"
        return Ignored(kind=Kind.FORK, why=f"nobody knows whose code it is, so a maintainer runs it: {command}")
    return _verify(event, name, family)


def _authors(event: PullRequestEvent) -> dict[str | None, None]:
    """Who wrote its code and may be a stranger, each once; None for a user who is gone.

    A branch of the repository itself was pushed by people who may write to it. A member can open a pull request from a
    stranger's fork, or let a stranger push to a fork of their own.
    """
    if (event.head_repository or "").lower() == event.repository.lower():
        return {}
    owner = event.head_repository.partition("/")[0] if event.head_repository else None
    pusher = (event.sender,) if event.verb == "synchronize" else ()
    return dict.fromkeys((event.author, owner, *pusher))


def _merged(event: PullRequestEvent, name: str) -> Route:
    is_ours = event.head.startswith(CHANGE_BRANCHES) and (event.head_repository or "") == event.repository
    if not event.merged or not is_ours:
        return Ignored(kind=Kind.ACTION, why="a pull request was closed that no cascade waits for")
    key = f"{CONTINUE}:{event.repository.lower()}#{event.number}"
    return Start(deployment=CONTINUE, parameters={}, key=key, package=name)


def _merge_group(event: MergeGroupEvent, name: str, family: Family) -> Route:
    """Always a run, whatever is tested: a queue waits for a required check that says nothing.

    Whose code it is need not be asked: only people who may write can enqueue a pull request, which is to merge it.
    """
    if event.verb != "checks_requested":
        return Ignored(kind=Kind.ACTION, why=f"nothing follows from a merge group that is {event.verb}")
    request: dict[str, JsonValue] = {"upstream": name, "ref": event.sha, "baseline": event.base_sha, "group": True}
    # When it is merged, the branch has the same commit, whose push is verified against the last release.
    key = f"{VERIFY}:{_place(event, name, family)}:{event.sha};group"
    return Start(deployment=VERIFY, parameters={"request": request}, key=key, package=name)


def _push(event: PushEvent, name: str, family: Family) -> Route:
    package = family.package(name)
    if event.deleted or event.ref != f"refs/heads/{package.branch}":
        return Ignored(kind=Kind.BRANCH, why=f"{event.ref} is not the default branch {package.branch}")
    return _verify(event, name, family)


def _verify(event: PullRequestEvent | PushEvent, name: str, family: Family) -> Route:
    tested = any(family.tried_with(edge) for edge in family.edges() if edge.upstream == name)
    if not tested:
        return Ignored(kind=Kind.UNTESTED, why=f"no suite of a downstream tests {name}")
    request: dict[str, JsonValue] = {"upstream": name, "ref": event.sha}
    key = f"{VERIFY}:{_place(event, name, family)}:{event.sha}"
    if isinstance(event, PullRequestEvent):
        request["pull"] = event.number
        if authors := _authors(event):
            # GitHub knows what they may do, and the gateway has no token to ask it.
            request["authors"] = list(authors)
        # Each pull request has its own comment. One that returns to an earlier head needs another run, or its comment
        # keeps describing the head in between.
        key += f"#{event.number}{f'<{event.before}' if event.before else ''}"
    # Otherwise one head has one run, although the repository's webhook and an App's both report it.
    return Start(deployment=VERIFY, parameters={"request": request}, key=key, package=name)


def _release(event: ReleaseEvent, name: str, family: Family) -> Route:
    # "released" comes with "published", and again when the pre-release mark is removed.
    if event.verb not in RELEASED_ACTIONS or event.draft:
        return Ignored(kind=Kind.ACTION, why=f"nothing follows from a release that is {event.verb}")
    if event.prerelease:
        why = f"{event.tag} is marked as a pre-release on GitHub, and not followed as long as it is"
        return Ignored(kind=Kind.VERSION, why=why)
    version = tag_version(family.package(name).tag, event.tag)
    if version is None:
        return Ignored(kind=Kind.VERSION, why=f"{event.tag} is no tag of a version of {name}")
    return _follow(name, str(version), family)


def _dispatch(event: DispatchEvent, name: str, family: Family) -> Route:
    """A dispatch about another member's release, by the family file's dispatches."""
    senders = {
        sender: package
        for sender, package in family.packages.items()
        if any(each.event == event.name and name in each.targets for each in package.dispatches)
    }
    if not senders:
        return Ignored(kind=Kind.EVENT, why=f'no member of the family tells {name} of "{event.name}"')
    origin = _origin(event, senders, family)
    if origin is None:
        why = f'"{event.name}" does not say which of {", ".join(senders)} it is from'
        return Ignored(kind=Kind.VERSION, why=why)
    tagged = tag_version(senders[origin].tag, event.tag) if event.tag else None
    version = event.version or (str(tagged) if tagged else None)
    if version is None:
        return Ignored(kind=Kind.VERSION, why=f'"{event.name}" of {origin} does not say which version is out')
    return _follow(origin, version, family)


def _origin(event: DispatchEvent, senders: Mapping[str, Package], family: Family) -> str | None:
    if event.origin is None:
        return next(iter(senders)) if len(senders) == 1 else None
    given = event.origin.lower()
    for sender in senders:
        repository = family.repository(sender).lower()
        if given in {sender, repository, repository.rpartition("/")[2]}:
            return sender
    return None


def _follow(name: str, version: str, family: Family) -> Route:
    if not family.package(name).publishes or not family.downstreams(name):
        return Ignored(kind=Kind.UNFOLLOWED, why=f"nobody follows {name}")
    if Version(version).is_prerelease:
        why = f"{version} is a pre-release, which is followed by hand only: interlock follow {name} {version}"
        return Ignored(kind=Kind.VERSION, why=why)
    request: dict[str, JsonValue] = {"root": name, "version": version, "follow": True}
    # One release may come as a GitHub Release, a dispatch to each downstream, and a workflow's POST.
    return Start(
        deployment=FOLLOW,
        parameters={"request": request},
        key=f"{FOLLOW}:{name}=={canonicalize_version(version)}",
        package=name,
        condition=Condition.NOT_OURS,
    )


def _workflow_run(event: WorkflowRunEvent, name: str) -> Route:
    """A failed check of a cascade's pull request: it won't be merged by itself, which a person should know."""
    if event.verb != "completed" or event.conclusion not in BAD_ENDS:
        return Ignored(kind=Kind.ACTION, why="nothing follows from a workflow run that goes on, or went well")
    is_here = (event.branch_repository or "").lower() == event.repository.lower()
    if not is_here or not (event.branch or "").startswith(CHANGE_BRANCHES):
        return Ignored(kind=Kind.BRANCH, why=f"{event.branch} is no branch of a cascade")
    key = f"{CONTINUE}:{event.repository.lower()}:run-{event.run}-{event.attempt}"
    return Start(deployment=CONTINUE, parameters={}, key=key, package=name, condition=Condition.A_CASCADE_WAITS)
