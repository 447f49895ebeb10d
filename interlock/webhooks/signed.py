"""Plain signed POSTs, as a workflow sends them with curl: an event in a few fields."""

import hashlib
from typing import Any
from uuid import UUID, uuid5

from packaging.utils import canonicalize_name
from pydantic import ConfigDict, ValidationError

from interlock.common.frozen_model import FrozenModel
from interlock.webhooks.events import (
    DispatchEvent,
    MergeGroupEvent,
    Number,
    PullRequestEvent,
    PushEvent,
    Received,
    Ref,
    RepositoryName,
    Sha,
    VersionEvent,
    VersionText,
    Word,
)
from interlock.webhooks.github import read_object
from interlock.webhooks.refusals import DeliveryRefusedError, Reason

# The namespace of the GUIDs of plain deliveries; a random one.
_NAMES = UUID("b9c1c5ea-5a52-4fd0-8a53-1b1c0f6c2d0e")
RELEASE, PUSH, PULL_REQUEST, MERGE_GROUP = "release", "push", "pull_request", "merge_group"


class Post(FrozenModel):
    """The event that a workflow reports.

    Attributes:
        event: `release`, `push`, `pull_request`, `merge_group`, or the name of a dispatch of the family file, as
            `core_release`.
        repository: Where it happened, as owner/name.
        version: The version of a release.
        sha: The commit of a push, pull request or merge group.
        base_sha: The commit that a merge group is built on.
        branch: The pushed branch, or the pull request's base. Default: the repository's default branch.
        pull: The number of the pull request.
        origin: The released package of a dispatch, and of a release where the repository has several.
        id: Any text; two posts with different ids are two deliveries, with a run each.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    event: Word
    repository: RepositoryName
    version: VersionText | None = None
    sha: Sha | None = None
    base_sha: Sha | None = None
    branch: Ref | None = None
    pull: Number | None = None
    origin: Word | None = None
    id: Word | None = None


def guid_of(body: bytes) -> UUID:
    """The GUID of a plain delivery, by its bytes, so that a replayed delivery is not a new one."""
    return uuid5(_NAMES, hashlib.sha256(body).hexdigest())


def read_post(body: bytes) -> Post:
    """Read a genuine plain POST.

    Raises:
        DeliveryRefusedError: The body is not a `Post`.
    """
    try:
        post = Post.model_validate(read_object(body))
    except ValidationError as error:
        wrong = sorted({f"{'.'.join(map(str, one['loc']))[:60]!a} {_said(one['type'])}" for one in error.errors()})
        raise DeliveryRefusedError(Reason.MALFORMED, ", ".join(wrong[:9])) from None
    for name in _NEEDED.get(post.event, ()):
        if getattr(post, name) is None:
            raise DeliveryRefusedError(Reason.MALFORMED, f"'{name}' is missing, which a {post.event} has")
    return post


_NEEDED = {RELEASE: ("version",), PUSH: ("sha",), PULL_REQUEST: ("sha", "pull"), MERGE_GROUP: ("sha", "base_sha")}


def _said(kind: str) -> str:
    return {"missing": "is missing", "extra_forbidden": "is unknown"}.get(kind, "is not as it should be")


def event_of(post: Post, default_branch: str) -> Received:
    """Translate a post into an event.

    Args:
        post: The post of a workflow.
        default_branch: The repository's default branch, for a post without a branch.
    """
    fields: dict[str, Any] = {"repository": post.repository, "sha": post.sha}
    branch = post.branch or default_branch
    match post.event:
        case "release":
            package = canonicalize_name(post.origin) if post.origin else None
            return VersionEvent(repository=post.repository, version=post.version or "", package=package)
        case "push":
            return PushEvent.model_validate({**fields, "ref": f"refs/heads/{branch}"})
        case "pull_request":
            # Workflows of forks get no secrets, so a signer may push.
            mine = {"head": branch, "head_repository": post.repository, "base": branch}
            return PullRequestEvent.model_validate({**fields, **mine, "verb": "synchronize", "number": post.pull})
        case "merge_group":
            group = {"verb": "checks_requested", "base": f"refs/heads/{branch}", "base_sha": post.base_sha}
            return MergeGroupEvent.model_validate({**fields, **group})
        case name:
            about = {"repository": post.repository, "origin": post.origin, "version": post.version}
            return DispatchEvent.model_validate({**about, "name": name})
