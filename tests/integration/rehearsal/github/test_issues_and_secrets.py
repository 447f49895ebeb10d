from pathlib import Path
from typing import Any

import pytest

from rehearsal.github.secret_names import OrganizationSecret
from tests.support.judged_hub import CORE, JudgedHub


@pytest.fixture
def hub(tmp_path: Path) -> JudgedHub:
    made = JudgedHub(tmp_path / "github")
    made.propose()
    return made


class TestComments:
    def test_a_comment_is_made_changed_and_taken_back(self, hub: JudgedHub) -> None:
        said = hub.post(f"{CORE}/issues/1/comments", {"body": "red"})
        assert (said["body"], said["user"]["login"], said["author_association"]) == ("red", "alice", "OWNER")
        hub.clock.forward(60)
        path = f"{CORE}/issues/comments/{said['id']}"
        changed = hub.ask("PATCH", path, json={"body": "green"}).json()
        assert (changed["body"], changed["updated_at"]) == ("green", "2026-11-20T12:01:00Z")
        assert hub.get(path) == changed
        assert hub.get(f"{CORE}/issues/1")["comments"] == hub.get(f"{CORE}/pulls/1")["comments"] == 1
        assert hub.ask("DELETE", path).status_code == 204
        hub.refused("GET", path, 404)

    def test_they_are_listed_in_pages_oldest_first(self, hub: JudgedHub) -> None:
        for number in range(5):
            hub.post(f"{CORE}/issues/1/comments", {"body": str(number)})
        answer = hub.ask("GET", f"{CORE}/issues/1/comments?per_page=2&page=2")
        assert [comment["body"] for comment in answer.json()] == ["2", "3"]
        assert 'rel="next"' in answer.headers["link"]

    def test_nothing_and_too_much_are_refused(self, hub: JudgedHub) -> None:
        for body in ({}, {"body": ""}, {"body": "x" * 65_537}):
            hub.refused("POST", f"{CORE}/issues/1/comments", 422, body)
        hub.refused("POST", f"{CORE}/issues/9/comments", 404, {"body": "x"})

    def test_everybody_may_speak_and_change_only_what_they_said(self, hub: JudgedHub) -> None:
        hub.state.add_user("bob")
        hub.state.add_token("bob", "bob", scopes=["public_repo"])
        mine = hub.post(f"{CORE}/issues/1/comments", {"body": "x"})
        theirs = hub.post(f"{CORE}/issues/1/comments", {"body": "x"}, token="bob")
        assert theirs["author_association"] == "NONE"
        hub.refused("DELETE", f"{CORE}/issues/comments/{mine['id']}", 403, token="bob")
        hub.refused("PATCH", f"{CORE}/issues/comments/{mine['id']}", 403, {"body": "y"}, token="bob")
        assert hub.ask("DELETE", f"{CORE}/issues/comments/{theirs['id']}").status_code == 204

    def test_either_of_two_permissions_is_enough(self, hub: JudgedHub) -> None:
        for name in ("issues", "pull_requests", "contents"):
            hub.state.add_token(name, "alice", kind="fine-grained", permissions={name: "write"})
        hub.post(f"{CORE}/issues/1/comments", {"body": "x"}, token="issues")
        hub.post(f"{CORE}/issues/1/comments", {"body": "x"}, token="pull_requests")
        answer = hub.ask("POST", f"{CORE}/issues/1/comments", json={"body": "x"}, token="contents")
        assert answer.headers["x-accepted-github-permissions"] == "issues=write; pull_requests=write"
        assert answer.status_code == 403


class TestIssues:
    def test_a_pull_request_is_an_issue(self, hub: JudgedHub) -> None:
        issue = hub.get(f"{CORE}/issues/1")
        assert (issue["title"], issue["pull_request"]["url"]) == ("Add topic", hub.get(f"{CORE}/pulls/1")["url"])
        hub.refused("GET", f"{CORE}/issues/2", 404)

    def test_it_is_changed_as_an_issue_too(self, hub: JudgedHub) -> None:
        body = {"title": "New", "body": "Why", "labels": ["a", "b"], "state": "closed"}
        issue = hub.ask("PATCH", f"{CORE}/issues/1", json=body).json()
        assert (issue["title"], issue["body"], issue["state"]) == ("New", "Why", "closed")
        assert [label["name"] for label in issue["labels"]] == ["a", "b"]
        assert hub.ask("PATCH", f"{CORE}/issues/1", json={"state": "open"}).json()["closed_at"] is None


class TestLabels:
    def test_labels_are_made_when_they_are_used(self, hub: JudgedHub) -> None:
        put = hub.post(f"{CORE}/issues/1/labels", {"labels": ["release", "big news"]}, status=200)
        assert [label["name"] for label in put] == ["release", "big news"]
        again = hub.post(f"{CORE}/issues/1/labels", ["Release", {"name": "x"}], status=200)
        assert [label["name"] for label in again] == ["release", "big news", "x"]
        assert [label["name"] for label in hub.get(f"{CORE}/pulls/1")["labels"]] == ["release", "big news", "x"]
        left = hub.ask("DELETE", f"{CORE}/issues/1/labels/RELEASE").json()
        assert [label["name"] for label in left] == ["big news", "x"]
        assert hub.get(f"{CORE}/issues/1/labels") == left
        assert hub.refused("DELETE", f"{CORE}/issues/1/labels/release", 404) == "Label does not exist"
        hub.refused("POST", f"{CORE}/issues/1/labels", 422, [{"color": "red"}])

    def test_labelling_takes_the_right_to_write(self, hub: JudgedHub) -> None:
        hub.state.add_user("bob")
        hub.state.add_token("bob", "bob", scopes=["repo"])
        hub.refused("POST", f"{CORE}/issues/1/labels", 403, ["x"], token="bob")


class TestSecrets:
    def test_names_and_nothing_else(self, hub: JudgedHub) -> None:
        hub.core.secrets += ["REPO_DISPATCH_TOKEN", "PYPI_API_TOKEN"]
        listed = hub.get(f"{CORE}/actions/secrets")
        names = [secret["name"] for secret in listed["secrets"]]
        assert (listed["total_count"], names) == (2, ["PYPI_API_TOKEN", "REPO_DISPATCH_TOKEN"])
        assert hub.get(f"{CORE}/actions/secrets/pypi_api_token")["name"] == "PYPI_API_TOKEN"
        hub.refused("GET", f"{CORE}/actions/secrets/gone", 404)

    def test_those_of_the_organization_that_the_repository_gets(self, hub: JudgedHub) -> None:
        known = hub.state.table("organization_secrets", OrganizationSecret)
        for name, repositories in (("FOR_ALL", None), ("FOR_CORE", ["alice/core"]), ("FOR_STORE", ["alice/store"])):
            facts: Any = {"account": "alice", "repositories": repositories, "created_at": hub.clock()}
            known[name] = OrganizationSecret(name=name, **facts)
        known["BOBS"] = OrganizationSecret(name="BOBS", account="bob", created_at=hub.clock())
        lent = hub.get(f"{CORE}/actions/organization-secrets")["secrets"]
        assert [secret["name"] for secret in lent] == ["FOR_ALL", "FOR_CORE"]

    def test_a_permission_is_needed_also_where_all_is_public(self, hub: JudgedHub) -> None:
        hub.state.add_token("fine", "alice", kind="fine-grained", permissions={"contents": "write"})
        hub.refused("GET", f"{CORE}/actions/secrets", 401, token=None)
        hub.refused("GET", f"{CORE}/actions/secrets", 403, token="fine")
