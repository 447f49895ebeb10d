"""The records of releases and their files."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from rehearsal.github.records import Record
from rehearsal.github.state import GitHubState

MakeLatest = Literal["true", "false", "legacy"]


class Release(Record):
    """A release; it has its repository's key.

    Attributes:
        make_latest: What was last said about it; releases of before are `legacy`.
        latest_at: When it was made the latest one; None when it was not, or something else was said since.
    """

    id: int
    repository: str
    tag: str
    target: str
    name: str | None
    body: str | None
    draft: bool
    prerelease: bool
    login: str
    created_at: datetime
    published_at: datetime | None = None
    make_latest: MakeLatest = "legacy"
    latest_at: datetime | None = None


class Asset(Record):
    """A file of a release; it has the hash of its content once it is uploaded."""

    id: int
    repository: str
    release: int
    name: str
    label: str | None
    content_type: str
    size: int
    sha256: str | None
    state: Literal["uploaded", "starter"]
    login: str
    created_at: datetime
    downloads: int = 0


def releases(state: GitHubState) -> dict[str, Release]:
    """All releases, by id."""
    return state.table("releases", Release)


def latest(found: Iterable[Release]) -> Release | None:
    """A repository's latest release: the one that was last made it, or else by date and then by semantic version.

    Drafts, pre-releases and those of which `false` was said are never it. Source: "make_latest" in GitHub's API.
    """
    final = [release for release in found if not release.draft and not release.prerelease]
    made = [(release.latest_at, release.id, release) for release in final if release.latest_at]
    if made:
        return max(made)[2]
    others = [release for release in final if release.make_latest != "false"]
    return max(others, key=lambda each: (each.created_at.date(), _semantic(each.tag), each.id), default=None)


def _semantic(tag: str) -> tuple[int, ...]:
    found = re.search(r"(\d{1,18})\.(\d{1,18})\.(\d{1,18})$", tag)
    return tuple(map(int, found.groups())) if found else ()


def assets(state: GitHubState) -> dict[str, Asset]:
    """All assets, by id."""
    return state.table("assets", Asset)


def assets_of(state: GitHubState, release: int) -> list[Asset]:
    """The assets of a release."""
    return [asset for asset in assets(state).values() if asset.release == release]
