"""Access: token kind x permission x visibility, each with the answer that GitHub gives."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from rehearsal.github import access
from rehearsal.github.access import ANYONE, expiry, has_scope, needs
from rehearsal.github.refusals import Refusal
from tests.support.github_hub import START, Hub

READ = ("GET", "/repos/alice/core/contents/README.md")
READ_RUNS = ("GET", "/repos/alice/core/actions/runs")
WRITE = ("POST", "/repos/alice/core/dispatches")
PROTECTION = ("GET", "/repos/alice/core/branches/main/protection")
REPOSITORY = ("GET", "/repos/alice/core")
INVALID = {"event_type": ""}
PAT = "Resource not accessible by personal access token"
APP = "Resource not accessible by integration"
ADMIN = "Must have admin rights to Repository."

# token, asked, visibility: status, message. An invalid body shows whether the door was passed: then it is a 422.
TABLE = [
    (None, READ, "public", 200, ""),
    (None, READ_RUNS, "public", 200, ""),
    (None, WRITE, "public", 401, "Requires authentication"),
    (None, PROTECTION, "public", 401, "Requires authentication"),
    (None, REPOSITORY, "private", 404, "Not Found"),
    (None, WRITE, "private", 404, "Not Found"),
    ("unknown", READ, "public", 401, "Bad credentials"),
    ("expired", READ, "public", 401, "Bad credentials"),
    ("owner-repo", READ, "private", 200, ""),
    ("owner-repo", WRITE, "private", 422, "Invalid request."),
    ("owner-repo", PROTECTION, "private", 404, "Branch not protected"),
    ("owner-public_repo", WRITE, "public", 422, "Invalid request."),
    ("owner-public_repo", REPOSITORY, "private", 404, "Not Found"),
    ("owner-nothing", READ, "public", 200, ""),
    ("owner-nothing", WRITE, "public", 403, ADMIN),
    ("owner-nothing", REPOSITORY, "private", 404, "Not Found"),
    ("reader-repo", READ, "private", 200, ""),
    ("reader-repo", WRITE, "private", 403, ADMIN),
    ("writer-repo", WRITE, "private", 422, "Invalid request."),
    ("writer-repo", PROTECTION, "private", 403, ADMIN),
    ("stranger-repo", WRITE, "public", 403, ADMIN),
    ("stranger-repo", REPOSITORY, "private", 404, "Not Found"),
    ("fine-write", WRITE, "private", 422, "Invalid request."),
    ("fine-write", READ_RUNS, "private", 403, PAT),
    ("fine-write", READ_RUNS, "public", 200, ""),
    ("fine-read", READ, "private", 200, ""),
    ("fine-read", WRITE, "private", 403, PAT),
    ("fine-read", WRITE, "public", 403, PAT),
    ("fine-none", REPOSITORY, "private", 200, ""),
    ("fine-none", READ, "private", 403, PAT),
    ("fine-none", READ, "public", 200, ""),
    ("fine-elsewhere", REPOSITORY, "private", 404, "Not Found"),
    ("fine-elsewhere", WRITE, "public", 403, PAT),
    ("fine-reader", WRITE, "private", 403, PAT),
    ("fine-admin", PROTECTION, "private", 404, "Branch not protected"),
    ("app-write", WRITE, "private", 422, "Invalid request."),
    ("app-read", WRITE, "private", 403, APP),
    ("app-read", READ, "private", 200, ""),
    ("app-elsewhere", REPOSITORY, "private", 404, "Not Found"),
    ("app-jwt", READ, "public", 200, ""),
    ("app-jwt", WRITE, "public", 403, APP),
    ("app-jwt", REPOSITORY, "private", 404, "Not Found"),
]


@pytest.fixture
def tokens(hub: Hub) -> Hub:
    state = hub.state
    hub.core.access = {"reader": "read", "writer": "write"}
    for login in ("reader", "writer", "stranger"):
        state.add_user(login)
        state.add_token(f"{login}-repo", login, scopes=["repo"])
    state.add_token("expired", "alice", scopes=["repo"], expires_at=START)
    for scope in ("repo", "public_repo"):
        state.add_token(f"owner-{scope}", "alice", scopes=[scope])
    state.add_token("owner-nothing", "alice")
    only = ["Alice/Core"]
    state.add_token("fine-write", "alice", kind="fine-grained", permissions={"contents": "write"}, repositories=only)
    state.add_token("fine-read", "alice", kind="fine-grained", permissions={"contents": "read"})
    state.add_token("fine-none", "alice", kind="fine-grained")
    state.add_token("fine-admin", "alice", kind="fine-grained", permissions={"administration": "read"})
    both: dict[str, Any] = {"repositories": ["alice/other"], "permissions": {"contents": "write"}}
    state.add_token("fine-elsewhere", "alice", kind="fine-grained", **both)
    state.add_token("app-elsewhere", "an-app[bot]", kind="installation", **both)
    state.add_token("fine-reader", "reader", kind="fine-grained", permissions={"contents": "write"}, repositories=only)
    state.add_token(
        "app-write", "an-app[bot]", kind="installation", permissions={"contents": "write"}, repositories=only
    )
    state.add_token("app-read", "an-app[bot]", kind="installation", permissions={"contents": "read"}, repositories=only)
    state.add_token("app-jwt", "an-app[bot]", kind="app-jwt", app=1)
    return hub


@pytest.mark.parametrize(("token", "asked", "visibility", "status", "message"), TABLE)
def test_every_caller_is_answered_as_github_answers(
    tokens: Hub, token: str | None, asked: tuple[str, str], visibility: str, status: int, message: str
) -> None:
    tokens.core.private = visibility == "private"
    method, path = asked
    answer = tokens.ask(method, path, token=token, json=INVALID if method == "POST" else None)
    said = answer.json().get("message", "") if answer.status_code != 200 else ""
    assert (answer.status_code, said.partition("\n")[0]) == (status, message)
    if status >= 400:
        assert answer.json()["status"] == str(status)
        assert answer.json()["documentation_url"]


def test_a_repository_is_found_whatever_the_case_of_its_name(hub: Hub) -> None:
    assert hub.get("/repos/ALICE/Core")["full_name"] == "alice/core"


@pytest.mark.parametrize("form", ["Bearer {}", "token {}", "bearer  {}"])
def test_a_token_comes_in_many_forms(hub: Hub, form: str) -> None:
    assert hub.get("/user", token=None, headers={"authorization": form.format("alice-classic")})["login"] == "alice"


@pytest.mark.parametrize("pair", ["x-access-token:alice-classic", "alice-classic:", "alice-classic:x-oauth-basic"])
def test_a_token_comes_as_a_password_or_a_user(hub: Hub, pair: str) -> None:
    encoded = base64.b64encode(pair.encode()).decode()
    assert hub.get("/user", token=None, headers={"authorization": f"Basic {encoded}"})["login"] == "alice"


@pytest.mark.parametrize("header", ["Basic !", "Digest alice-classic", "Basic /w==", "alice-classic"])
def test_any_other_form_is_a_bad_token(hub: Hub, header: str) -> None:
    assert hub.ask("GET", "/user", token=None, headers={"authorization": header}).status_code == 401


def test_a_classic_token_is_told_its_scopes_and_those_that_are_accepted(hub: Hub) -> None:
    headers = hub.ask("GET", "/repos/alice/core").headers
    assert headers["x-oauth-scopes"] == "repo, workflow"
    assert headers["x-accepted-oauth-scopes"] == "repo"
    assert "x-accepted-github-permissions" not in headers


def test_other_tokens_are_told_the_permissions_that_are_accepted(tokens: Hub) -> None:
    headers = tokens.ask("POST", "/repos/alice/core/releases", token="fine-read").headers
    assert headers["x-accepted-github-permissions"] == "contents=write; contents=write,workflows=write"
    assert "x-oauth-scopes" not in headers


@pytest.mark.parametrize(("zone", "said"), [("UTC", "2026-11-30 12:00:00 UTC"), ("+0900", "2026-11-30 21:00:00 +0900")])
def test_the_expiry_is_told_in_both_forms(hub: Hub, zone: str, said: str) -> None:
    hub.state.expiry_zone = zone
    hub.state.add_token("soon", "alice", expires_at=START + timedelta(days=10))
    assert hub.ask("GET", "/user", token="soon").headers["github-authentication-token-expiration"] == said
    assert "github-authentication-token-expiration" not in hub.ask("GET", "/user").headers


def test_an_offset_may_be_negative() -> None:
    assert expiry(START, "-0330") == "2026-11-20 08:30:00 -0330"


def test_a_token_expires_as_time_passes(hub: Hub) -> None:
    hub.state.add_token("soon", "alice", expires_at=START + timedelta(seconds=10))
    assert hub.ask("GET", "/user", token="soon").status_code == 200
    hub.clock.forward(10)
    assert hub.ask("GET", "/user", token="soon").status_code == 401


def test_an_installation_is_nobody(tokens: Hub) -> None:
    assert tokens.ask("GET", "/user", token="app-write").status_code == 403
    assert tokens.ask("GET", "/user", token=None).status_code == 401


def test_an_archived_repository_is_read_only(hub: Hub) -> None:
    hub.core.archived = True
    assert hub.ask(*READ).status_code == 200
    answer = hub.ask(*WRITE, json={"event_type": "x"})
    assert (answer.status_code, answer.json()["message"]) == (403, "Repository was archived so is read-only.")


@pytest.mark.parametrize(
    ("rule", "token", "status", "message"),
    [
        (needs("checks", "write", apps_only=True), "owner-repo", 403, "You must authenticate via a GitHub App."),
        (needs("checks", "write", apps_only=True), "fine-write", 403, "You must authenticate via a GitHub App."),
        (needs("checks", "write", apps_only=True), "app-jwt", 403, APP),
        (needs("checks", "write", apps_only=True), None, 401, "Requires authentication"),
        (access.APP, "owner-repo", 401, "A JSON web token could not be decoded"),
        (access.SIGNED_IN, "app-jwt", 403, APP),
    ],
)
def test_some_things_are_for_one_kind_of_token_only(
    tokens: Hub, rule: access.Rule, token: str | None, status: int, message: str
) -> None:
    with pytest.raises(Refusal) as refused:
        access.check_signed_in(rule, tokens.state.token(token) if token else None)
    assert (refused.value.status, refused.value.message) == (status, message)


def test_workflow_files_are_changed_with_a_scope_or_a_permission_of_their_own(hub: Hub) -> None:
    allowed = [
        hub.state.add_token("a", "alice", scopes=["workflow"]),
        hub.state.add_token("b", "alice", kind="fine-grained", permissions={"workflows": "write"}),
    ]
    others = [
        hub.state.add_token("c", "alice", scopes=["repo"]),
        hub.state.add_token("d", "alice", kind="fine-grained", permissions={"contents": "write"}),
    ]
    assert [access.may_change_workflows(token) for token in (*allowed, *others)] == [True, True, False, False]


def test_all_permissions_of_a_rule_are_needed_and_one_alternative_is_enough(hub: Hub) -> None:
    rule = needs("contents", "write", also={"workflows": "write"}, instead=({"administration": "write"},))
    granted = ({"contents": "write"}, {"contents": "write", "workflows": "write"}, {"administration": "write"})
    allowed = []
    for permissions in granted:
        token = hub.state.add_token("x", "alice", kind="fine-grained", permissions=permissions)
        allowed.append(access.may(hub.state, rule, token, hub.core))
    assert allowed == [False, True, True]
    assert rule.accepted == "contents=write,workflows=write; administration=write"


def test_a_repository_of_rules_is_open_only_for_reading() -> None:
    assert needs("contents").is_open
    assert ANYONE.is_open
    assert not needs("secrets").is_open
    assert not needs("contents", "write").is_open


def test_repo_includes_its_parts(hub: Hub) -> None:
    token = hub.state.add_token("x", "alice", scopes=["repo"])
    assert has_scope(token, ("repo:status",))
    assert not has_scope(token, ("admin:org",))


def test_somebody_unknown_may_vouch_for_tokens(hub: Hub) -> None:
    jwt = hub.state.add_token("known", "app[bot]", kind="app-jwt", app=1)
    hub.state.authenticators.append(lambda text: jwt if text == "signed" else None)
    assert hub.ask("GET", "/", token="signed").status_code == 200
    assert hub.ask("GET", "/", token="forged").status_code == 401
