"""The frame of all endpoints: versions, limits, entity tags, pages, the log; and the state that survives."""

import json
from pathlib import Path

import pytest
from pydantic import ConfigDict

from rehearsal.faults import Effect, InjectedFault
from rehearsal.github.records import Record
from rehearsal.github.state import FILE, Event, GitHubState
from tests.support.github_hub import START, Hub


def test_every_answer_says_who_gave_it(hub: Hub) -> None:
    for path in ("/", "/nothing", "/repos/alice/core"):
        headers = hub.ask("GET", path).headers
        assert headers["x-github-request-id"]
        assert headers["x-github-api-version-selected"] == "2022-11-28"
        assert headers["x-ratelimit-resource"] == "core"


ONE = ("contents/{}", "commits/{}", "commits/{}/status", "git/commits/{}", "git/tags/{}", "git/ref/{}")
MANY = ("contents/README.md?ref={}", "commits?sha={}", "commits?path={}", "commits/{}/pulls")
ODD = ("..%2f..%2fetc/passwd", "%00", "main%00", "a//b", "%2e%2e", "%5c", "--output=x", "%ff", "HEAD%40%7B-1%7D")


@pytest.mark.parametrize("where", [*ONE, *MANY])
def test_odd_paths_are_answered_and_lead_nowhere(hub: Hub, where: str) -> None:
    statuses = {hub.ask("GET", f"/repos/alice/core/{where.format(odd)}").status_code for odd in ODD}
    assert statuses <= {200, 404, 409, 422}
    if where in ONE:
        assert 200 not in statuses


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "../..", "a\nb"])
def test_odd_texts_in_a_body_are_refused(hub: Hub, text: str) -> None:
    bodies = {
        ("PUT", "contents/x"): {"message": "m", "content": "YQ==", "branch": text},
        ("POST", "git/refs"): {"ref": f"refs/heads/{text}", "sha": hub.head},
        ("POST", "git/commits"): {"message": "m", "tree": text},
        ("POST", "git/trees"): {"tree": [{"path": text, "mode": "100644", "type": "blob", "content": ""}]},
        ("POST", "releases"): {"tag_name": text},
    }
    for (method, path), body in bodies.items():
        answer = hub.ask(method, f"/repos/alice/core/{path}", content=json.dumps(body))
        assert answer.status_code in {400, 404, 422}, (path, answer.text)


def test_a_version_can_be_chosen_and_must_be_known(hub: Hub) -> None:
    newer = {"X-GitHub-Api-Version": "2026-03-10"}
    assert hub.ask("GET", "/", headers=newer).headers["x-github-api-version-selected"] == "2026-03-10"
    assert "rate" in hub.get("/rate_limit")
    assert "rate" not in hub.get("/rate_limit", headers=newer)
    assert hub.ask("GET", "/", headers={"X-GitHub-Api-Version": "2020-01-01"}).status_code == 400


def test_requests_are_counted_for_each_token_until_the_hour_is_over(hub: Hub) -> None:
    hub.state.limit = 2
    assert [hub.ask("GET", "/").headers["x-ratelimit-remaining"] for _ in range(2)] == ["1", "0"]
    refused = hub.ask("GET", "/")
    assert refused.status_code == 403
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert int(refused.headers["x-ratelimit-reset"]) == START.timestamp() + 3600
    assert hub.get("/rate_limit")["resources"]["core"]["remaining"] == 0
    assert hub.ask("GET", "/", token=None).status_code == 200
    hub.clock.forward(3600)
    assert hub.ask("GET", "/").status_code == 200


def test_who_has_no_token_has_less(hub: Hub) -> None:
    assert hub.ask("GET", "/", token=None).headers["x-ratelimit-limit"] == "60"


def test_writes_can_be_too_many(hub: Hub) -> None:
    hub.state.slow_down = 7
    refused = hub.ask("POST", "/repos/alice/core/dispatches", json={"event_type": "x"})
    assert (refused.status_code, refused.headers["retry-after"]) == (403, "7")
    assert "secondary rate limit" in refused.json()["message"]
    assert hub.ask("GET", "/repos/alice/core").status_code == 200
    assert hub.log.writes() == ()


def test_what_did_not_change_is_not_sent_and_not_counted(hub: Hub) -> None:
    first = hub.ask("GET", "/repos/alice/core")
    again = hub.ask("GET", "/repos/alice/core", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["x-ratelimit-used"] == first.headers["x-ratelimit-used"]
    hub.core.description = "changed"
    changed = hub.ask("GET", "/repos/alice/core", headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200


def test_a_head_request_has_no_body(hub: Hub) -> None:
    answer = hub.ask("HEAD", "/repos/alice/core")
    assert (answer.status_code, answer.content) == (200, b"")


def test_an_unknown_path_or_method_is_not_found(hub: Hub) -> None:
    assert hub.ask("GET", "/nothing").status_code == 404
    assert hub.ask("DELETE", "/user").status_code == 404
    assert hub.ask("POST", "/repos/alice/core/releases/1/assets?name=a", content=b"a").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[]", 400), (b"", 422), (b'{"tag_name": 1}', 422), (b'{"tag_name": "v1"}', 201)]
)
def test_a_body_must_be_an_object_that_fits(hub: Hub, body: bytes, status: int) -> None:
    assert hub.ask("POST", "/repos/alice/core/releases", content=body).status_code == status


def test_a_misfit_names_the_resource_the_field_and_a_code(hub: Hub) -> None:
    body = hub.ask("POST", "/repos/alice/core/releases", json={}).json()
    assert body["message"] == 'Invalid request.\n\n"tag_name" wasn\'t supplied.'
    assert body["errors"] == [{"resource": "Release", "field": "tag_name", "code": "missing_field"}]


def test_lists_come_in_pages_with_links(hub: Hub) -> None:
    for number in range(4):
        hub.add(f"alice/more{number}", {"a": b"a"})
    first = hub.ask("GET", "/users/alice/repos?per_page=2")
    assert [found["name"] for found in first.json()] == ["core", "more0"]
    assert first.headers["link"] == (
        '<http://api.test/users/alice/repos?per_page=2&page=2>; rel="next", '
        '<http://api.test/users/alice/repos?per_page=2&page=3>; rel="last"'
    )
    last = hub.ask("GET", "/users/alice/repos?per_page=2&page=3")
    assert [found["name"] for found in last.json()] == ["more3"]
    assert 'page=2>; rel="prev"' in last.headers["link"]
    assert 'page=1>; rel="first"' in last.headers["link"]
    assert 'rel="next"' not in last.headers["link"]
    assert "link" not in hub.ask("GET", "/users/alice/repos").headers
    assert len(hub.get("/users/alice/repos?per_page=nonsense&page=-1")) == 5


def test_users_and_their_repositories_are_shown_to_who_sees_them(hub: Hub) -> None:
    hub.state.add_user("bob")
    hub.state.add_token("bob", "bob", scopes=["repo"])
    hub.core.private = True
    assert hub.get("/users/alice")["login"] == "alice"
    assert hub.get("/orgs/alice/repos", token="bob") == []
    hub.core.access = {"Bob": "read"}
    assert [found["permissions"]["push"] for found in hub.get("/user/repos", token="bob")] == [False]
    assert hub.ask("GET", "/users/nobody").status_code == 404
    assert hub.ask("GET", "/orgs/nobody/repos").status_code == 404


def test_the_log_says_what_was_done_and_who_asked(hub: Hub) -> None:
    hub.ask("POST", "/repos/alice/core/dispatches", json={"event_type": "core_release"})
    (seen,) = hub.log.writes()
    assert (seen.note, seen.user) == ("dispatch core_release alice/core", "alice's token")


def test_a_token_can_expire_by_a_fault(hub: Hub) -> None:
    hub.faults.add(InjectedFault(effect=Effect.EXPIRE, origin="api"))
    assert hub.ask("GET", "/user").status_code == 401
    hub.faults.add(InjectedFault(effect=Effect.EXPIRE, origin="api"))
    assert hub.ask("GET", "/", token=None).status_code == 200


def test_somebody_can_push_before_a_request_of_the_api(hub: Hub) -> None:
    before = hub.head
    hub.faults.add(InjectedFault(effect=Effect.RACE), InjectedFault(effect=Effect.RACE, path="^/user$"))
    hub.get("/repos/alice/core")
    hub.get("/user")
    assert hub.git.commit(hub.head).parents == (before,)


def test_what_changed_is_in_the_file_before_anybody_hears_of_it(tmp_path: Path) -> None:
    hub = Hub(tmp_path / "github", keeps=True)
    heard: list[bool] = []
    hub.state.listen("release", lambda _event: heard.append("v9" in (hub.directory / FILE).read_text()))
    hub.ask("POST", "/repos/alice/core/releases", json={"tag_name": "v9"})
    assert heard == [True]


def test_a_state_that_is_opened_again_knows_everything(tmp_path: Path) -> None:
    first = Hub(tmp_path / "github", keeps=True)
    first.ask("POST", "/repos/alice/core/releases", json={"tag_name": "v1"})
    again = GitHubState(tmp_path / "github", clock=first.clock)
    assert again.repositories == first.state.repositories
    assert again.tokens == first.state.tokens
    assert again.next_id() == first.state.next_id()
    again.saved()  # what nobody looked at in the meantime is still there
    assert list(GitHubState(tmp_path / "github").table("releases", _Any)) == list(first.state.table("releases", Record))


class _Any(Record):
    model_config = ConfigDict(extra="allow")


def test_a_file_that_says_the_same_is_not_written_again(tmp_path: Path) -> None:
    hub = Hub(tmp_path / "github", keeps=True)
    hub.get("/repos/alice/core")
    before = (hub.directory / FILE).stat().st_ino
    hub.get("/repos/alice/core")
    assert (hub.directory / FILE).stat().st_ino == before


def test_a_state_can_be_kept_in_memory_only(hub: Hub) -> None:
    hub.get("/repos/alice/core")
    assert not (hub.directory / FILE).exists()


def test_no_token_is_kept_as_it_is(tmp_path: Path) -> None:
    hub = Hub(tmp_path / "github", keeps=True)
    assert "alice-classic" not in (hub.directory / FILE).read_text()


def test_listeners_hear_only_their_kind(hub: Hub) -> None:
    heard: list[Event] = []
    hub.state.listen("other", heard.append)
    hub.ask("POST", "/repos/alice/core/dispatches", json={"event_type": "x"})
    assert heard == []


def test_times_are_those_of_now_unless_a_clock_is_given(tmp_path: Path) -> None:
    assert GitHubState(tmp_path, keeps=False).now().tzinfo is not None


def test_a_repository_can_be_looked_up_by_name(hub: Hub) -> None:
    assert hub.state.repository("Alice/Core") is hub.core
