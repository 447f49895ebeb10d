"""The files of releases: uploaded to their own origin, downloaded from the API or from the release's page."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.responses import Response

from interlock.common.atomic_files import write_whole
from rehearsal.github import access
from rehearsal.github.access import needs
from rehearsal.github.records import Repository
from rehearsal.github.refusals import Refusal, invalid, not_found
from rehearsal.github.released import Asset, Release, assets, assets_of, releases
from rehearsal.github.shapes import html_url, node_id, repository_url, simple_user, stamp
from rehearsal.github.state import GitHubState
from rehearsal.github.web import Answer, Body, Call, Routes, created, nothing

routes = Routes()
uploads = Routes()
READ, WRITE = needs("contents"), needs("contents", "write")
BINARY = "application/octet-stream"


class ChangedAsset(Body):
    """The body of a PATCH."""

    name: str | None = None
    label: str | None = None


def forget(state: GitHubState, asset: Asset) -> None:
    """Delete an asset; its content stays, since another asset may have the same."""
    del assets(state)[str(asset.id)]


def _place(state: GitHubState, sha256: str) -> Path:
    return state.directory / "assets" / sha256


def show_asset(state: GitHubState, repository: Repository, tag: str, asset: Asset) -> dict[str, Any]:
    """An asset's body."""
    return {
        "url": f"{repository_url(state, repository)}/releases/assets/{asset.id}",
        "browser_download_url": f"{html_url(state, repository)}/releases/download/{tag}/{asset.name}",
        "id": asset.id,
        "node_id": node_id("ReleaseAsset", asset.id),
        "name": asset.name,
        "label": asset.label,
        "state": asset.state,
        "content_type": asset.content_type,
        "size": asset.size,
        "digest": asset.sha256 and f"sha256:{asset.sha256}",
        "download_count": asset.downloads,
        "created_at": stamp(asset.created_at),
        "updated_at": stamp(asset.created_at),
        "uploader": simple_user(state, asset.login),
    }


def _release_of(call: Call, number: int) -> Release:
    found = releases(call.state).get(str(number))
    if found is None or found.repository != call.repo.key or (found.draft and not call.may(WRITE)):
        raise not_found()
    return found


def _shown(call: Call, asset: Asset) -> dict[str, Any]:
    return show_asset(call.state, call.repo, _release_of(call, asset.release).tag, asset)


def _found(call: Call) -> Asset:
    found = assets(call.state).get(str(call.arguments["asset_id"]))
    if found is None or found.repository != call.repo.key:
        raise not_found()
    _release_of(call, found.release)
    return found


@uploads.post("/repos/{owner}/{repo}/releases/{release_id:int}/assets", WRITE)
def upload(call: Call) -> Answer:
    """Upload a file; its name is unique in the release, even against an unfinished upload."""
    release = _release_of(call, call.arguments["release_id"])
    # As on GitHub, other characters become dots.
    name = re.sub(r"[^A-Za-z0-9._+~@-]+", ".", call.query.get("name", ""))
    if not name:
        raise invalid("ReleaseAsset", "name", "missing_field")
    if any(asset.name == name for asset in assets_of(call.state, release.id)):
        raise invalid("ReleaseAsset", "name", "already_exists")
    if not call.content:
        raise Refusal(400, "Bad Content-Length")
    breaks = call.state.broken_uploads > 0
    asset = _new(call, release.id, name, whole=not breaks)
    assets(call.state)[str(asset.id)] = asset
    call.note(f"upload asset {name}")
    if breaks:
        call.state.broken_uploads -= 1
        raise Refusal(502, "Server Error")
    shown = _shown(call, asset)
    return created(shown, shown["url"])


def _new(call: Call, release: int, name: str, *, whole: bool) -> Asset:
    digest = hashlib.sha256(call.content).hexdigest()
    if whole:
        write_whole(_place(call.state, digest), call.content)
    return Asset(
        id=call.state.next_id(),
        repository=call.repo.key,
        release=release,
        name=name,
        label=call.query.get("label"),
        content_type=call.headers.get("content-type", BINARY),
        size=len(call.content) if whole else 0,
        sha256=digest if whole else None,
        state="uploaded" if whole else "starter",
        login=call.caller.login,
        created_at=call.state.now(),
    )


@routes.get("/repos/{owner}/{repo}/releases/{release_id:int}/assets", READ)
def list_assets(call: Call) -> Answer:
    """The files of a release."""
    release = _release_of(call, call.arguments["release_id"])
    return call.page(assets_of(call.state, release.id), lambda asset: _shown(call, asset))


@routes.get("/repos/{owner}/{repo}/releases/assets/{asset_id:int}", READ)
def get_asset(call: Call) -> Answer:
    """A file's body, or the file itself for `Accept: application/octet-stream`."""
    asset = _found(call)
    if BINARY not in call.accept:
        return Answer(_shown(call, asset))
    if asset.sha256 is None:
        raise not_found()
    asset.downloads += 1
    return Answer(_place(call.state, asset.sha256).read_bytes(), media=BINARY)


@routes.patch("/repos/{owner}/{repo}/releases/assets/{asset_id:int}", WRITE)
def update_asset(call: Call) -> Answer:
    """Change the name or label of a file."""
    asset, asked = _found(call), call.body(ChangedAsset, "ReleaseAsset")
    others = [other.name for other in assets_of(call.state, asset.release) if other.id != asset.id]
    if asked.name in others:
        raise invalid("ReleaseAsset", "name", "already_exists")
    asset.name, asset.label = asked.name or asset.name, asked.label or asset.label
    call.note(f"update asset {asset.name}")
    return Answer(_shown(call, asset))


@routes.delete("/repos/{owner}/{repo}/releases/assets/{asset_id:int}", WRITE)
def delete_asset(call: Call) -> Answer:
    """Delete a file."""
    asset = _found(call)
    forget(call.state, asset)
    call.note(f"delete asset {asset.name}")
    return nothing()


def download(state: GitHubState, path: str, headers: Mapping[str, str]) -> Response:
    """The file at `/owner/name/releases/download/tag/file` of the server, for callers that see the repository.

    Raises:
        Refusal: There is none.
    """
    match = re.fullmatch(r"/([^/]+/[^/]+)/releases/download/(.+)/([^/]+)", path)
    if match is None:
        raise not_found()
    full_name, tag, name = match.groups()
    with state.changing():
        token = access.authenticate(state, headers.get("authorization"))
        repository = access.check(state, READ, token, state.repositories.get(full_name.lower()))
        published = {
            release.id
            for release in releases(state).values()
            if release.repository == repository.key and release.tag == tag and not release.draft
        }
        for asset in assets(state).values():
            if asset.release in published and asset.name == name and asset.sha256:
                asset.downloads += 1
                return Response(_place(state, asset.sha256).read_bytes(), media_type=asset.content_type)
    raise not_found()
