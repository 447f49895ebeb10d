"""Releases and their files: drafts, tags that are made, duplicates, uploads that break."""

import hashlib
from typing import Any

import pytest

from rehearsal.faults import Effect, InjectedFault
from rehearsal.github.records import Ruleset
from tests.support.github_hub import LISTENER, START, Hub

PLACE = "/repos/alice/core/releases"


def _create(hub: Hub, tag: str = "v1", **more: Any) -> Any:
    answer = hub.ask("POST", PLACE, json={"tag_name": tag, **more})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == answer.json()["url"]
    return answer.json()


def _upload(hub: Hub, release: int, name: str = "a.whl", content: bytes = b"wheel") -> Any:
    path = f"{PLACE}/{release}/assets?name={name}"
    return hub.ask("POST", path, uploads=True, content=content, headers={"content-type": "application/zip"})


def test_a_release_makes_its_tag_where_it_is_told_to(hub: Hub) -> None:
    heard: list[str] = []
    hub.state.listen("release", lambda event: heard.append(event.facts["action"]))
    first, second = hub.head, hub.git.write_commit(hub.head, {"a": b"a"}, "second")
    hub.git.set_ref("refs/heads/main", second)
    assert _create(hub, "v0", target_commitish=first)["target_commitish"] == first
    assert _create(hub, name="One", body="notes")["published_at"] == "2026-11-20T12:00:00Z"
    assert (hub.git.ref("refs/tags/v0"), hub.git.ref("refs/tags/v1")) == (first, second)
    assert heard == ["published", "published"]
    assert hub.notes() == ["create release v0", "create release v1"]


def test_a_release_takes_the_tag_that_is_there(hub: Hub) -> None:
    hub.git.set_ref("refs/tags/v1", sha := hub.git.write_commit(None, {}, "elsewhere"))
    _create(hub)
    assert hub.git.ref("refs/tags/v1") == sha


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"tag_name": "v1"}, {"resource": "Release", "field": "tag_name", "code": "already_exists"}),
        (
            {"tag_name": "v2", "target_commitish": "nowhere"},
            {"resource": "Release", "field": "target_commitish", "code": "invalid"},
        ),
        (
            {"tag_name": "not a tag"},
            {
                "resource": "Release",
                "field": "tag_name",
                "code": "custom",
                "message": "tag_name is not a valid tag",
            },
        ),
    ],
)
def test_what_can_not_be_released_is_refused(hub: Hub, body: dict[str, str], error: dict[str, str]) -> None:
    _create(hub)
    answer = hub.ask("POST", PLACE, json=body)
    assert (answer.status_code, answer.json()["errors"]) == (422, [error])
    assert len(hub.get(PLACE)) == 1


def test_a_draft_has_no_tag_and_is_seen_by_those_who_may_push(hub: Hub) -> None:
    draft = _create(hub, draft=True)
    assert draft["published_at"] is None
    assert hub.git.ref("refs/tags/v1") is None
    assert [found["id"] for found in hub.get(PLACE)] == [draft["id"]]
    assert hub.get(PLACE, token=None) == []
    assert hub.ask("GET", f"{PLACE}/{draft['id']}", token=None).status_code == 404
    assert hub.ask("GET", f"{PLACE}/{draft['id']}/assets", token=None).status_code == 404
    assert hub.ask("GET", f"{PLACE}/tags/v1").status_code == 404
    assert hub.ask("GET", f"{PLACE}/latest").status_code == 404


def test_a_draft_is_published_once(hub: Hub) -> None:
    draft, other = _create(hub, draft=True, body="notes"), _create(hub, draft=True)
    published = hub.ask("PATCH", f"{PLACE}/{draft['id']}", json={"draft": False, "name": "One"}).json()
    assert (published["draft"], published["name"], published["body"]) == (False, "One", "notes")
    assert hub.git.ref("refs/tags/v1") == hub.head
    assert hub.get(f"{PLACE}/tags/v1")["id"] == draft["id"]
    assert hub.ask("PATCH", f"{PLACE}/{other['id']}", json={"draft": False}).status_code == 422
    assert hub.get(f"{PLACE}/{other['id']}")["draft"] is True
    assert hub.notes()[-1] == "publish release v1"


def test_a_published_release_can_change_its_words_and_its_tag(hub: Hub) -> None:
    release = _create(hub)
    hub.clock.forward(60)
    changed = hub.ask("PATCH", f"{PLACE}/{release['id']}", json={"body": "new", "tag_name": "v2"}).json()
    assert (changed["body"], changed["tag_name"]) == ("new", "v2")
    assert changed["published_at"] == "2026-11-20T12:00:00Z"
    assert hub.git.ref("refs/tags/v2") == hub.head
    assert hub.notes()[-1] == "update release v2"


def test_the_latest_is_the_newest_that_is_neither_draft_nor_pre_release(hub: Hub) -> None:
    for tag, more in (("v1", {}), ("v2", {}), ("v3", {"prerelease": True}), ("v4", {"draft": True})):
        _create(hub, tag, **more)
        hub.clock.forward(1)
    assert hub.get(f"{PLACE}/latest")["tag_name"] == "v2"
    assert [found["tag_name"] for found in hub.get(PLACE)] == ["v4", "v3", "v2", "v1"]


@pytest.mark.parametrize(
    ("said", "latest"),
    [
        # A release of a maintenance branch, as it is published by default, and as it should be.
        ([("v2.0.0", None), ("v1.0.1", None)], "v1.0.1"),
        ([("v2.0.0", None), ("v1.0.1", "false")], "v2.0.0"),
        ([("v2.0.0", "false"), ("v1.0.1", "true")], "v1.0.1"),
        ([("v2.0.0", None), ("v1.0.1", "legacy")], "v2.0.0"),
        ([("v2.0.0", "legacy"), ("v10.0.0", "legacy"), ("v9.0.0", "legacy")], "v10.0.0"),
        ([("v1.0.0", "false")], None),
    ],
)
def test_which_release_is_the_latest_is_said_when_it_is_published(
    hub: Hub, said: list[tuple[str, str | None]], latest: str | None
) -> None:
    for tag, how in said:
        draft = _create(hub, tag, draft=True, make_latest="false")
        body = {"draft": False, **({"make_latest": how} if how else {})}
        assert hub.ask("PATCH", f"{PLACE}/{draft['id']}", json=body).status_code == 200
        hub.clock.forward(1)
    found = hub.ask("GET", f"{PLACE}/latest")
    assert (found.json()["tag_name"] if found.status_code == 200 else None) == latest


@pytest.mark.parametrize("what", ["draft", "prerelease"])
def test_what_is_no_release_of_all_is_never_made_the_latest(hub: Hub, what: str) -> None:
    answer = hub.ask("POST", PLACE, json={"tag_name": "v1", what: True, "make_latest": "true"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["message"] == "Latest release cannot be draft or prerelease."
    assert hub.get(PLACE) == []
    assert hub.git.ref("refs/tags/v1") is None
    assert hub.ask("POST", PLACE, json={"tag_name": "v1", "make_latest": "yes"}).status_code == 422


def test_releases_of_another_repository_are_not_found_here(hub: Hub) -> None:
    hub.add("alice/other")
    other = hub.ask("POST", "/repos/alice/other/releases", json={"tag_name": "v1"}).json()
    asset = hub.ask("POST", f"/repos/alice/other/releases/{other['id']}/assets?name=a", uploads=True, content=b"a")
    assert hub.get(PLACE) == []
    assert hub.ask("GET", f"{PLACE}/{other['id']}").status_code == 404
    assert hub.ask("GET", f"{PLACE}/assets/{asset.json()['id']}").status_code == 404
    assert _upload(hub, other["id"]).status_code == 404


def test_a_deleted_release_leaves_its_tag(hub: Hub) -> None:
    release = _create(hub)
    asset = _upload(hub, release["id"]).json()
    assert hub.ask("DELETE", f"{PLACE}/{release['id']}").status_code == 204
    assert hub.get(PLACE) == []
    assert hub.ask("GET", f"{PLACE}/assets/{asset['id']}").status_code == 404
    assert hub.git.ref("refs/tags/v1")


def test_a_tag_that_nobody_may_make_is_not_made(hub: Hub) -> None:
    hub.core.rulesets.append(Ruleset(id=1, name="tags", target="tag", rules=({"type": "creation"},)))
    answer = hub.ask("POST", PLACE, json={"tag_name": "v1"})
    assert answer.status_code == 422
    assert "creations being restricted" in answer.json()["message"]
    assert hub.get(PLACE) == []


def test_a_target_with_other_workflow_files_needs_the_scope(hub: Hub) -> None:
    hub.state.add_token("no-workflow", "alice", scopes=["repo"])
    other = hub.git.write_commit(hub.head, {".github/workflows/hear.yml": LISTENER + b"# new\n"}, "other")
    hub.git.set_ref("refs/heads/other", other)
    body = {"tag_name": "v1", "target_commitish": "other"}
    assert hub.ask("POST", PLACE, json=body, token="no-workflow").status_code == 404
    assert hub.ask("POST", PLACE, json={"tag_name": "v0"}, token="no-workflow").status_code == 201
    assert hub.ask("POST", PLACE, json=body).status_code == 201


def test_a_file_is_uploaded_shown_and_downloaded(hub: Hub) -> None:
    release = _create(hub)
    assert release["upload_url"] == f"http://uploads.test{PLACE}/{release['id']}/assets{{?name,label}}"
    asset = _upload(hub, release["id"]).json()
    assert asset["digest"] == f"sha256:{hashlib.sha256(b'wheel').hexdigest()}"
    assert (asset["state"], asset["size"], asset["content_type"]) == ("uploaded", 5, "application/zip")
    assert hub.get(f"{PLACE}/assets/{asset['id']}") == asset
    assert hub.get(f"{PLACE}/{release['id']}/assets") == [asset]
    file = hub.ask("GET", f"{PLACE}/assets/{asset['id']}", headers={"accept": "application/octet-stream"})
    assert file.content == b"wheel"
    assert hub.get(f"{PLACE}/assets/{asset['id']}")["download_count"] == 1
    assert hub.log.writes("uploads")[0].note == "upload asset a.whl"


def test_a_file_is_uploaded_to_the_uploads_origin_only(hub: Hub) -> None:
    release = _create(hub)
    assert hub.ask("POST", f"{PLACE}/{release['id']}/assets?name=a", content=b"a").status_code == 404
    assert hub.ask("GET", "/repos/alice/core", uploads=True).status_code == 404


def test_a_name_is_taken_once_and_characters_that_may_not_stand_there_are_dots(hub: Hub) -> None:
    release = _create(hub)["id"]
    assert _upload(hub, release, "a b(1)c.whl").json()["name"] == "a.b.1.c.whl"
    again = _upload(hub, release, "a.b.1.c.whl", b"other")
    error = {"resource": "ReleaseAsset", "field": "name", "code": "already_exists"}
    assert (again.status_code, again.json()["errors"]) == (422, [error])
    assert _upload(hub, release, "").status_code == 422
    assert _upload(hub, release, "empty", b"").status_code == 400


def test_an_upload_can_break_and_leaves_a_starter_to_be_deleted(hub: Hub) -> None:
    release = _create(hub)["id"]
    hub.state.broken_uploads = 1
    assert _upload(hub, release).status_code == 502
    (starter,) = hub.get(f"{PLACE}/{release}/assets")
    assert (starter["state"], starter["size"], starter["digest"]) == ("starter", 0, None)
    binary = {"accept": "application/octet-stream"}
    assert hub.ask("GET", f"{PLACE}/assets/{starter['id']}", headers=binary).status_code == 404
    assert _upload(hub, release).status_code == 422
    assert hub.ask("DELETE", f"{PLACE}/assets/{starter['id']}").status_code == 204
    assert _upload(hub, release).status_code == 201


def test_an_upload_whose_answer_is_lost_took_place(hub: Hub) -> None:
    release = _create(hub)["id"]
    hub.faults.add(InjectedFault(effect=Effect.LOSE, origin="uploads"))
    assert _upload(hub, release).status_code == 502
    assert [asset["state"] for asset in hub.get(f"{PLACE}/{release}/assets")] == ["uploaded"]


def test_a_file_can_be_renamed_unless_the_name_is_taken(hub: Hub) -> None:
    release = _create(hub)["id"]
    asset, _ = _upload(hub, release).json(), _upload(hub, release, "b.whl")
    place = f"{PLACE}/assets/{asset['id']}"
    changed = hub.ask("PATCH", place, json={"name": "c.whl", "label": "the wheel"}).json()
    assert (changed["name"], changed["label"]) == ("c.whl", "the wheel")
    assert hub.ask("PATCH", place, json={"name": "b.whl"}).status_code == 422


def test_notes_name_the_changes_since_the_last_release(hub: Hub) -> None:
    notes = f"{PLACE}/generate-notes"
    compare = "**Full Changelog**: http://git.test/alice/core"
    assert hub.ask("POST", notes, json={"tag_name": "v1"}).json()["body"] == f"{compare}/commits/v1"
    _create(hub)
    assert hub.ask("POST", notes, json={"tag_name": "v2"}).json()["body"] == f"{compare}/compare/v1...v2"
    chosen = {"tag_name": "v2", "previous_tag_name": "v0"}
    assert hub.ask("POST", notes, json=chosen).json() == {"name": "v2", "body": f"{compare}/compare/v0...v2"}


def test_the_time_is_that_of_the_clock(hub: Hub) -> None:
    assert _create(hub)["created_at"] == START.strftime("%Y-%m-%dT%H:%M:%SZ")
