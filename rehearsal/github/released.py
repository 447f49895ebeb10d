"""The records of releases and their files."""

from datetime import datetime
from typing import Literal

from rehearsal.github.records import Record
from rehearsal.github.state import GitHubState


class Release(Record):
    """A release; it has its repository's key."""

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


def assets(state: GitHubState) -> dict[str, Asset]:
    """All assets, by id."""
    return state.table("assets", Asset)


def assets_of(state: GitHubState, release: int) -> list[Asset]:
    """The assets of a release."""
    return [asset for asset in assets(state).values() if asset.release == release]
