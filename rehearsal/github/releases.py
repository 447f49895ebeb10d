"""Releases: drafts for callers that may push, tags made on publishing, and one published release for a tag."""

from typing import Any

from rehearsal.github.access import may_change_workflows, needs
from rehearsal.github.assets import forget, show_asset
from rehearsal.github.git_store import NO_COMMIT, GitStoreError
from rehearsal.github.protection import refuse
from rehearsal.github.pushes import Change, moved
from rehearsal.github.records import Repository
from rehearsal.github.refusals import Refusal, invalid, not_found
from rehearsal.github.released import MakeLatest, Release, assets_of, releases
from rehearsal.github.released import latest as latest_of
from rehearsal.github.shapes import html_url, node_id, repository_url, simple_user, stamp
from rehearsal.github.state import GitHubState
from rehearsal.github.web import Answer, Body, Call, Routes, created, nothing

routes = Routes()
READ = needs("contents")
WRITE = needs("contents", "write", instead=({"contents": "write", "workflows": "write"},))
WORKFLOWS = ".github/workflows"


class NewRelease(Body):
    """The body of a POST."""

    tag_name: str
    target_commitish: str | None = None
    name: str | None = None
    body: str | None = None
    draft: bool = False
    prerelease: bool = False
    make_latest: MakeLatest | None = None


class ChangedRelease(Body):
    """The body of a PATCH; missing fields don't change."""

    tag_name: str | None = None
    target_commitish: str | None = None
    name: str | None = None
    body: str | None = None
    draft: bool | None = None
    prerelease: bool | None = None
    make_latest: MakeLatest | None = None


class NotesWanted(Body):
    """The body of a request for notes."""

    tag_name: str
    target_commitish: str | None = None
    previous_tag_name: str | None = None


def show_release(state: GitHubState, repository: Repository, release: Release) -> dict[str, Any]:
    """A release's body."""
    url, page = f"{repository_url(state, repository)}/releases/{release.id}", html_url(state, repository)
    api = repository_url(state, repository)
    upload = f"{state.addresses.uploads}/repos/{repository.full_name}/releases/{release.id}/assets"
    name = f"untagged-{release.id:020x}" if release.draft else release.tag
    return {
        "url": url,
        "assets_url": f"{url}/assets",
        "upload_url": f"{upload}{{?name,label}}",
        "html_url": f"{page}/releases/tag/{name}",
        "id": release.id,
        "node_id": node_id("Release", release.id),
        "author": simple_user(state, release.login),
        "tag_name": release.tag,
        "target_commitish": release.target,
        "name": release.name,
        "body": release.body,
        "draft": release.draft,
        "prerelease": release.prerelease,
        "immutable": False,
        "created_at": stamp(release.created_at),
        "updated_at": stamp(release.published_at or release.created_at),
        "published_at": release.published_at and stamp(release.published_at),
        "tarball_url": None if release.draft else f"{api}/tarball/{release.tag}",
        "zipball_url": None if release.draft else f"{api}/zipball/{release.tag}",
        "assets": [show_asset(state, repository, release.tag, asset) for asset in assets_of(state, release.id)],
    }


def _shown(call: Call, release: Release) -> dict[str, Any]:
    return show_release(call.state, call.repo, release)


def _seen(call: Call) -> list[Release]:
    """The releases that the caller sees, newest first."""
    drafts = call.may(WRITE)
    mine = [release for release in releases(call.state).values() if release.repository == call.repo.key]
    shown = (release for release in mine if drafts or not release.draft)
    return sorted(shown, key=lambda release: (release.created_at, release.id), reverse=True)


def _found(call: Call) -> Release:
    for release in _seen(call):
        if release.id == call.arguments["release_id"]:
            return release
    raise not_found()


@routes.get("/repos/{owner}/{repo}/releases", READ)
def list_releases(call: Call) -> Answer:
    """All releases."""
    return call.page(_seen(call), lambda release: _shown(call, release))


@routes.get("/repos/{owner}/{repo}/releases/latest", READ)
def latest(call: Call) -> Answer:
    """The latest release; never a draft or a pre-release."""
    found = latest_of(_seen(call))
    if found is None:
        raise not_found()
    return Answer(_shown(call, found))


@routes.get("/repos/{owner}/{repo}/releases/tags/{tag:path}", READ)
def by_tag(call: Call) -> Answer:
    """The published release of a tag."""
    found = _published(call, call.arguments["tag"])
    if found is None:
        raise not_found()
    return Answer(_shown(call, found))


def _published(call: Call, tag: str) -> Release | None:
    return next((release for release in _seen(call) if release.tag == tag and not release.draft), None)


@routes.get("/repos/{owner}/{repo}/releases/{release_id:int}", READ)
def by_id(call: Call) -> Answer:
    """One release."""
    return Answer(_shown(call, _found(call)))


@routes.post("/repos/{owner}/{repo}/releases", WRITE)
def create_release(call: Call) -> Answer:
    """Make a release, and its tag if it is published and the tag does not exist."""
    asked = call.body(NewRelease, "Release")
    target = asked.target_commitish or call.repo.default_branch
    release = Release(
        id=call.state.next_id(),
        repository=call.repo.key,
        tag=asked.tag_name,
        target=target,
        name=asked.name,
        body=asked.body,
        draft=asked.draft,
        prerelease=asked.prerelease,
        login=call.caller.login,
        created_at=call.state.now(),
    )
    _check_latest(release, asked.make_latest)
    if not asked.draft:
        _publish(call, release)
    _make_latest(call, release, asked.make_latest, publishes=not asked.draft)
    releases(call.state)[str(release.id)] = release
    call.note(f"create release {release.tag}" + (" as a draft" if release.draft else ""))
    _notify(call, "created" if release.draft else "published", release)
    shown = _shown(call, release)
    return created(shown, shown["url"])


@routes.patch("/repos/{owner}/{repo}/releases/{release_id:int}", WRITE)
def update_release(call: Call) -> Answer:
    """Change a release; one that stops being a draft is published."""
    release = _found(call)
    asked = call.body(ChangedRelease, "Release")
    names = {"tag_name": "tag", "target_commitish": "target"}
    sent = asked.model_dump(exclude_none=True, exclude={"make_latest"})
    given = {names.get(name, name): value for name, value in sent.items()}
    changed = release.model_copy(update=given)
    _check_latest(changed, asked.make_latest)
    publishes = release.draft and not changed.draft
    if publishes or (not changed.draft and changed.tag != release.tag):
        _publish(call, changed)
    _make_latest(call, changed, asked.make_latest, publishes=publishes)
    releases(call.state)[str(release.id)] = changed
    call.note(f"{'publish' if publishes else 'update'} release {changed.tag}")
    _notify(call, "published" if publishes else "edited", release)
    return Answer(_shown(call, changed))


@routes.delete("/repos/{owner}/{repo}/releases/{release_id:int}", WRITE)
def delete_release(call: Call) -> Answer:
    """Delete a release; its tag stays."""
    release = _found(call)
    for asset in assets_of(call.state, release.id):
        forget(call.state, asset)
    del releases(call.state)[str(release.id)]
    call.note(f"delete release {release.tag}")
    _notify(call, "deleted", release)
    return nothing()


def _notify(call: Call, action: str, release: Release) -> None:
    call.state.happened("release", call.repo, action=action, id=release.id, login=call.caller.login)


def _publish(call: Call, release: Release) -> None:
    other = _published(call, release.tag)
    if other and other.id != release.id:
        raise invalid("Release", "tag_name", "already_exists")
    if call.git.ref(f"refs/tags/{release.tag}") is None:
        _make_tag(call, release)
    release.published_at = release.published_at or call.state.now()


def _check_latest(release: Release, said: MakeLatest | None) -> None:
    if said == "true" and (release.draft or release.prerelease):
        # Without a field, as GitHub answers it (seen in reports of 2025 and 2026).
        errors = [{"resource": "Release", "code": "custom", "message": "Latest release cannot be draft or prerelease."}]
        raise Refusal(422, "Validation Failed", errors=errors)


def _make_latest(call: Call, release: Release, said: MakeLatest | None, *, publishes: bool) -> None:
    """Newly published releases are the latest one, unless something else is said."""
    meant = said or ("true" if publishes and not release.prerelease else None)
    if meant is None:
        return
    release.make_latest = meant
    release.latest_at = call.state.now() if meant == "true" else None
    if meant == "legacy":
        for other in _seen(call):
            other.latest_at = None


def _make_tag(call: Call, release: Release) -> None:
    sha = call.git.resolve(release.target)
    if sha is None:
        raise invalid("Release", "target_commitish", "invalid")
    if not may_change_workflows(call.caller) and _other_workflows(call, sha):
        raise not_found()  # GitHub's own answer, which does not say why
    change = Change(f"refs/tags/{release.tag}", NO_COMMIT, sha)
    refuse(call.state, call.git, call.repo, change, call.token)
    try:
        call.git.set_ref(change.ref, sha, NO_COMMIT)
    except GitStoreError:
        raise invalid("Release", "tag_name", "custom", message="tag_name is not a valid tag") from None
    moved(call.state, call.repo, [change], call.token)


def _other_workflows(call: Call, sha: str) -> bool:
    """Whether the workflow files of a commit differ from those of the default branch."""
    head = call.git.resolve(call.repo.default_branch)
    found = [call.git.entry(commit, WORKFLOWS) if commit else None for commit in (head, sha)]
    return found[0] != found[1]


@routes.post("/repos/{owner}/{repo}/releases/generate-notes", WRITE)
def generate_notes(call: Call) -> Answer:
    """Notes as GitHub writes them when nothing was merged by pull request."""
    asked = call.body(NotesWanted, "Release")
    previous = asked.previous_tag_name or next((found.tag for found in _seen(call) if not found.draft), None)
    page = html_url(call.state, call.repo)
    changes = f"compare/{previous}...{asked.tag_name}" if previous else f"commits/{asked.tag_name}"
    return Answer({"name": asked.tag_name, "body": f"**Full Changelog**: {page}/{changes}"})
