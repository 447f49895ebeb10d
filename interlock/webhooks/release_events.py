"""Which pushes and merges start a release, by the `release_on` of the family file.

**Who may.** To push, and to merge, a user needs the permission to write. A label alone starts nothing, since people who
may not write can set it: only labels that a pull request has when it is merged count, and who merges it takes them.

**Each meaning once.** One kind of event counts for a package, so a merge that is also a push starts one release. The
key is the commit that the branch got, so that reports by a repository's webhook, an App's and a redelivery are one.
"""

from typing import TYPE_CHECKING

from interlock.adapters.github.workflows.patterns import selects
from interlock.model.delivery import Start
from interlock.model.family import Family
from interlock.model.release_on import NONE, ReleaseOn
from interlock.webhooks.events import Event, PullRequestEvent, PushEvent
from interlock.webhooks.ignored import CHANGE_BRANCHES, Ignored, Kind, Route

if TYPE_CHECKING:
    from pydantic import JsonValue

RELEASE = "release-on-event/release-on-event"
HEADS = "refs/heads/"


def with_release(found: Route, event: Event, name: str, family: Family) -> Route:
    """What an event starts, with the release of the package that it starts as well."""
    released = _released(event, name, family)
    if released is None:
        return found
    if isinstance(found, Ignored):
        return released
    return found.model_copy(update={"also": (released,)}) if isinstance(released, Start) else found


def _released(event: Event, name: str, family: Family) -> Route | None:
    """The release that an event starts, or why not; None where it has nothing to do with releases."""
    package = family.package(name)
    on = package.release_on
    if on is None:
        return None
    if isinstance(event, PushEvent) and on.event == "push":
        branch = event.ref.removeprefix(HEADS)
        is_there = event.ref.startswith(HEADS) and not event.deleted
        return _start(event, name, branch, event.sha) if is_there and _is_branch(on, branch, package.branch) else None
    if not isinstance(event, PullRequestEvent) or on.event == "push" or not event.merged or event.verb != "closed":
        return None
    if event.merge_sha is None or not _is_branch(on, event.base, package.branch) or _is_ours(event):
        return None
    return _why_not(event, on) or _start(event, name, event.base, event.merge_sha, on.bump_of(event.labels))


def _is_branch(on: ReleaseOn, branch: str, default: str) -> bool:
    return branch == default or selects(on.branches, branch)


def _is_ours(event: PullRequestEvent) -> bool:
    """Whether a cascade has made the pull request: the cascade releases the package itself."""
    return event.head.startswith(CHANGE_BRANCHES) and (event.head_repository or "").lower() == event.repository.lower()


def _why_not(event: PullRequestEvent, on: ReleaseOn) -> Ignored | None:
    bump = on.bump_of(event.labels)
    if bump == NONE:
        return Ignored(kind=Kind.UNASKED, why="a label of the merged pull request says that nothing is released")
    if bump is None and on.event == "label":
        return Ignored(kind=Kind.UNASKED, why="the merged pull request has no label that starts a release")
    if word := on.skips(event.title):
        return Ignored(kind=Kind.UNASKED, why=f'the title of the merged pull request has "{word}"')
    if not on.is_titled(event.title):
        return Ignored(kind=Kind.UNASKED, why="the title of the merged pull request is none that starts a release")
    return None


def _start(event: PushEvent | PullRequestEvent, name: str, branch: str, sha: str, bump: str | None = None) -> Start:
    request: dict[str, JsonValue] = {"package": name, "branch": branch, "sha": sha}
    if isinstance(event, PullRequestEvent):
        request["pull"] = event.number
    elif event.before is not None:
        request["before"] = event.before
    if bump is not None:
        request["bump"] = bump
    key = f"{RELEASE}:{event.repository.lower()}@{sha}:{name}"
    return Start(deployment=RELEASE, parameters={"request": request}, key=key, package=name)
