# ruff: noqa: ANN401  it is JSON

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.rehearsal.github.graphql_language import GraphQLError, Schema, Variable, execute, parse
from interlock.rehearsal.github.graphql_schema import SCHEMA
from interlock.rehearsal.github.pull_store import settings_of
from interlock.rehearsal.github.records import Protection
from tests.rehearsal.github.judged import CORE, JudgedHub

WORLD: Schema = {"Query": {"hero": "Hero", "heroes": "Hero"}, "Hero": {"name": None, "friend": "Hero", "size": None}}


LETTERS = st.characters(codec="utf-8", exclude_characters="\x7f")
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(LETTERS)
)
NAMES = st.text("abcxyz", min_size=1, max_size=5)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=10)


def _hero(name: str) -> dict[str, Any]:
    return {
        "__typename": "Hero",
        "__interfaces": ("Being",),
        "name": name,
        "friend": lambda _: _hero(f"{name}'s friend") if "'" not in name else None,
        "size": lambda arguments: arguments.get("unit", "m"),
    }


def _ask(text: str, variables: dict[str, Any] | None = None, name: str | None = None) -> dict[str, Any]:
    roots = {"query": {"hero": _hero("Ada"), "heroes": [_hero("Ada"), None]}}
    return execute(WORLD, roots, text, variables or {}, name)


class TestLanguage:
    @pytest.mark.parametrize(
        ("text", "data"),
        [
            ("{hero{name}}", {"hero": {"name": "Ada"}}),
            ("query Q { me: hero { called: name } }", {"me": {"called": "Ada"}}),
            ("{hero{friend{name friend{name}}}}", {"hero": {"friend": {"name": "Ada's friend", "friend": None}}}),
            ('{hero{size(unit: "ft")}}', {"hero": {"size": "ft"}}),
            ("{hero{size(unit: [1, -2.5, {a: FEET, b: null, c: true}])}}",
             {"hero": {"size": [1, -2.5, {"a": "FEET", "b": None, "c": True}]}}),
            ("query($u: String! = \"km\"){hero{size(unit: $u)}}", {"hero": {"size": "km"}}),
            ("query($u: [Int!]!){hero{size(unit: {x: $u})}}", {"hero": {"size": {"x": [3]}}}),
            ("{hero{...f}} fragment f on Hero{name ...{size}}", {"hero": {"name": "Ada", "size": "m"}}),
            ("{hero{...on Hero{name} ...on Being{size} __typename}}",
             {"hero": {"name": "Ada", "size": "m", "__typename": "Hero"}}),
            ("{hero{...on Hero{name} friend{name} friend{size}}}",
             {"hero": {"name": "Ada", "friend": {"name": "Ada's friend", "size": "m"}}}),
            ("{hero{name @skip(if: true) size @include(if: false)}}", {"hero": {}}),
            ("{heroes{name}} # a comment", {"heroes": [{"name": "Ada"}, None]}),
            ('{hero{size(unit: """ block "x" """)}}', {"hero": {"size": 'block "x"'}}),
        ],
    )  # fmt: skip
    def test_what_is_asked_is_answered(self, text: str, data: dict[str, Any]) -> None:
        world = {**WORLD, "Being": WORLD["Hero"]}
        roots = {"query": {"hero": _hero("Ada"), "heroes": [_hero("Ada"), None]}}
        assert execute(world, roots, text, {"u": [3]} if "[Int" in text else {}, None) == {"data": data}

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("{hero{age}}", "Field 'age' doesn't exist on type 'Hero'"),
            ("{hero}", "must have selections"),
            ("{hero{name{x}}}", "can't have selections"),
            ("{hero{...g}}", "Fragment g was used, but not defined"),
            ("{hero{name}", "Parse error on end of document"),
            ("{hero ? }", "Parse error on"),
            ("subscription {x}", 'Parse error on "subscription"'),
            ("{hero(x 1){name}}", 'Parse error on "1"'),
            ("", "No operation named"),
        ],
    )
    def test_what_cannot_be_asked_is_an_error_and_nothing_is_done(self, text: str, message: str) -> None:
        answer = _ask(text)
        assert "data" not in answer
        assert message in answer["errors"][0]["message"]

    def test_one_of_many_operations_is_named(self) -> None:
        text = "query A {hero{name}} query B {hero{size}}"
        assert _ask(text, name="B") == {"data": {"hero": {"size": "m"}}}
        assert _ask(text)["errors"][0]["message"] == "An operation name is required"
        assert _ask(text, name="C")["errors"][0]["message"] == 'No operation named "C"'

    def test_a_failing_root_field_is_null_and_has_its_error(self) -> None:
        def fail(_: Any) -> None:
            raise GraphQLError("no", "NOT_FOUND")

        answer = execute(WORLD, {"query": {"hero": fail, "heroes": []}}, "{a: hero{name} heroes{name}}", {}, None)
        assert answer["data"] == {"a": None, "heroes": []}
        assert answer["errors"] == [{"type": "NOT_FOUND", "path": ["a"], "message": "no"}]

    @given(VALUES)
    def test_any_value_can_be_written_in_a_document(self, value: Any) -> None:
        (operation,) = parse(f"{{hero(x: {_written(value)})}}").operations
        assert operation.selections[0].arguments["x"] == value

    @given(st.text(alphabet='{}()[]:!$@.abc"1-# \n', max_size=40))
    def test_anything_else_is_a_document_or_an_error(self, text: str) -> None:
        answer = _ask(text)
        assert "data" in answer or answer["errors"]

    def test_variables_stay_variables_until_they_are_filled(self) -> None:
        (operation,) = parse("query($a: Int){hero(x: $a)}").operations
        assert operation.selections[0].arguments == {"x": Variable("a")}

    def test_every_type_of_the_schema_exists(self) -> None:
        named = {kind for fields in SCHEMA.values() for kind in fields.values() if kind}
        assert named - set(SCHEMA) == {"GitObject"} - set(SCHEMA)


def _written(value: Any) -> str:
    import json

    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_written(inner)}" for name, inner in value.items()) + "}"
    return "[" + " ".join(map(_written, value)) + "]" if isinstance(value, list) else json.dumps(value)


@pytest.fixture
def hub(tmp_path: Path) -> JudgedHub:
    made = JudgedHub(tmp_path / "github")
    made.core.allow_auto_merge = True
    return made


def _query(hub: JudgedHub, text: str, token: str | None = "alice-classic", **variables: Any) -> Any:
    return hub.post("/graphql", {"query": text, "variables": variables}, status=200, token=token)


ENABLE = """mutation($id: ID!, $method: PullRequestMergeMethod) {
  enablePullRequestAutoMerge(input: {pullRequestId: $id, mergeMethod: $method, commitHeadline: "feat: auto"}) {
    actor { login } pullRequest { autoMergeRequest { mergeMethod enabledBy { login } } }
  }
}"""
DISABLE = "mutation($id: ID!) {disablePullRequestAutoMerge(input: {pullRequestId: $id}) {pullRequest {state}}}"
PULL = '{repository(owner: "alice", name: "core") {pullRequest(number: 1) {id mergeStateStatus mergeable state}}}'


def _waiting(hub: JudgedHub) -> Any:
    """A pull request that waits for a check."""
    hub.core.protections["main"] = Protection(checks=("ci",))
    return hub.propose()


def _said(answer: Any) -> str:
    assert list(answer["data"].values()) == [None]
    said: str = answer["errors"][0]["message"]
    return said


class TestAutoMerge:
    def test_what_waits_for_a_status_is_merged_when_it_is_green(self, hub: JudgedHub) -> None:
        pull = _waiting(hub)
        answer = _query(hub, ENABLE, id=pull["node_id"], method="SQUASH")
        done = answer["data"]["enablePullRequestAutoMerge"]
        assert done["pullRequest"]["autoMergeRequest"] == {"mergeMethod": "SQUASH", "enabledBy": {"login": "alice"}}
        shown = hub.get(f"{CORE}/pulls/1")
        assert shown["auto_merge"]["merge_method"] == "squash"
        hub.post(f"{CORE}/statuses/{pull['head']['sha']}", {"state": "pending", "context": "ci"})
        assert hub.get(f"{CORE}/pulls/1")["state"] == "open"
        hub.post(f"{CORE}/statuses/{pull['head']['sha']}", {"state": "success", "context": "ci"})
        merged = hub.get(f"{CORE}/pulls/1")
        assert (merged["merged"], merged["merged_by"]["login"], merged["auto_merge"]) == (True, "alice", None)
        assert hub.git.commit(hub.head).message.startswith("feat: auto")

    def test_a_check_run_does_it_too(self, hub: JudgedHub) -> None:
        pull = _waiting(hub)
        _query(hub, ENABLE, id=pull["node_id"])
        token = hub.installation_token(*hub.app())
        body = {"name": "ci", "head_sha": pull["head"]["sha"], "conclusion": "success"}
        hub.post(f"{CORE}/check-runs", body, token=token)
        assert hub.get(f"{CORE}/pulls/1")["merged"] is True

    def test_a_status_on_an_older_commit_does_not(self, hub: JudgedHub) -> None:
        pull = _waiting(hub)
        _query(hub, ENABLE, id=pull["node_id"])
        hub.branch("topic", {"more.txt": b"x"})
        hub.post(f"{CORE}/statuses/{pull['head']['sha']}", {"state": "success", "context": "ci"})
        assert hub.get(f"{CORE}/pulls/1")["merged"] is False

    def test_what_can_be_merged_now_is_refused(self, hub: JudgedHub) -> None:
        answer = _query(hub, ENABLE, id=hub.propose()["node_id"])
        assert _said(answer) == "Pull request is in clean status"
        assert answer["errors"][0]["type"] == "UNPROCESSABLE"

    def test_what_is_unknown_is_taken(self, hub: JudgedHub) -> None:
        pull = _waiting(hub)
        settings_of(hub.state, hub.core).unknown_looks = 10
        assert _query(hub, PULL)["data"]["repository"]["pullRequest"]["mergeStateStatus"] == "UNKNOWN"
        assert "errors" not in _query(hub, ENABLE, id=pull["node_id"])

    def test_it_can_be_called_off(self, hub: JudgedHub) -> None:
        pull = _waiting(hub)
        assert "Can't disable" in _said(_query(hub, DISABLE, id=pull["node_id"]))
        _query(hub, ENABLE, id=pull["node_id"])
        assert _query(hub, DISABLE, id=pull["node_id"])["data"]
        hub.post(f"{CORE}/statuses/{pull['head']['sha']}", {"state": "success", "context": "ci"})
        assert hub.get(f"{CORE}/pulls/1")["state"] == "open"

    def test_where_it_is_not_allowed_or_makes_no_sense_it_is_refused(self, hub: JudgedHub) -> None:
        pull = _waiting(hub)
        assert "invalid value" in _said(_query(hub, ENABLE, id=pull["node_id"], method="OCTOPUS"))
        hub.core.allow_auto_merge = False
        assert "not allowed for this repository" in _said(_query(hub, ENABLE, id=pull["node_id"]))
        hub.core.allow_auto_merge = True
        hub.ask("PATCH", f"{CORE}/pulls/1", json={"state": "closed"})
        assert "Can't enable" in _said(_query(hub, ENABLE, id=pull["node_id"]))
        assert "Could not resolve to a node" in _said(_query(hub, ENABLE, id="gone"))

    def test_both_permissions_are_needed(self, hub: JudgedHub) -> None:
        pull = _waiting(hub)
        for name, permissions in (("one", ["contents"]), ("both", ["contents", "pull_requests"])):
            given: Any = dict.fromkeys(permissions, "write")
            hub.state.add_token(name, "alice", kind="fine-grained", permissions=given)
        answer = _query(hub, ENABLE, token="one", id=pull["node_id"])
        assert (answer["errors"][0]["type"], "not accessible" in _said(answer)) == ("FORBIDDEN", True)
        assert "errors" not in _query(hub, ENABLE, token="both", id=pull["node_id"])


class TestQueries:
    def test_a_pull_request_and_how_it_can_be_merged(self, hub: JudgedHub) -> None:
        node = hub.propose()["node_id"]
        found = _query(hub, PULL)["data"]["repository"]["pullRequest"]
        assert found == {"id": node, "mergeStateStatus": "CLEAN", "mergeable": "MERGEABLE", "state": "OPEN"}
        found = _query(hub, "query($id: ID!) {node(id: $id) {id ...on PullRequest {number}}}", id=node)
        assert found["data"]["node"] == {"id": node, "number": 1}

    def test_what_nobody_sees_is_not_found(self, hub: JudgedHub) -> None:
        hub.add("bob/secret", private=True)
        for name in ("secret", "gone"):
            answer = _query(hub, f'{{repository(owner: "bob", name: "{name}") {{id}}}}')
            assert answer["errors"][0]["type"] == "NOT_FOUND"
        hub.refused("POST", "/graphql", 401, {"query": PULL}, token=None)

    def test_a_body_without_a_query_says_so(self, hub: JudgedHub) -> None:
        bodies: tuple[Any, ...] = ({}, {"query": 1}, [])
        for body in bodies:
            answer = hub.post("/graphql", body, status=200)
            assert "query attribute must be specified" in answer["errors"][0]["message"]

    def test_a_draft_is_for_those_who_can_write(self, hub: JudgedHub) -> None:
        hub.post(f"{CORE}/releases", {"tag_name": "v1", "draft": True})
        hub.state.add_user("bob")
        hub.state.add_token("bob", "bob", scopes=["repo"])
        text = '{repository(owner: "alice", name: "core") {release(tagName: "v1") {isDraft tagName}}}'
        assert _query(hub, text)["data"]["repository"]["release"] == {"isDraft": True, "tagName": "v1"}
        assert _query(hub, text, token="bob")["data"]["repository"]["release"] is None

    def test_which_fields_there_are(self, hub: JudgedHub) -> None:
        text = '{Release: __type(name: "Release") {fields {name}} Gist: __type(name: "Gist") {kind}}'
        data = _query(hub, text)["data"]
        assert {"name": "tagName"} in data["Release"]["fields"]
        assert data["Gist"] is None

    def test_whose_it_is_and_what_is_left(self, hub: JudgedHub) -> None:
        data = _query(hub, "{viewer{login} rateLimit{limit remaining cost}}")["data"]
        assert data["viewer"] == {"login": "alice"}
        assert data["rateLimit"]["limit"] == data["rateLimit"]["remaining"] + 1

    def test_statuses_and_checks_are_rolled_up(self, hub: JudgedHub) -> None:
        sha = hub.propose()["head"]["sha"]
        text = """{repository(owner: "alice", name: "core") {pullRequest(number: 1) {commits(last: 1) {nodes {commit {
            oid statusCheckRollup {state contexts(first: 100) {nodes {
              ...on StatusContext {context state} ...on CheckRun {name conclusion}} pageInfo {hasNextPage}}}}}}}}}"""

        def rollup() -> Any:
            (node,) = _query(hub, text)["data"]["repository"]["pullRequest"]["commits"]["nodes"]
            assert node["commit"]["oid"] == sha
            return node["commit"]["statusCheckRollup"]

        assert rollup() is None
        hub.post(f"{CORE}/statuses/{sha}", {"state": "pending", "context": "ci"})
        assert rollup()["state"] == "PENDING"
        hub.post(f"{CORE}/statuses/{sha}", {"state": "success", "context": "ci"})
        token = hub.installation_token(*hub.app())
        hub.post(f"{CORE}/check-runs", {"name": "n", "head_sha": sha, "conclusion": "failure"}, token=token)
        found = rollup()
        assert found["state"] == "FAILURE"
        expected = [{"context": "ci", "state": "SUCCESS"}, {"name": "n", "conclusion": "FAILURE"}]
        assert found["contexts"] == {"nodes": expected, "pageInfo": {"hasNextPage": False}}

    def test_pull_requests_of_a_branch_in_pages(self, hub: JudgedHub) -> None:
        for name in ("one", "two", "three"):
            hub.propose(name)
        text = """query($after: String, $head: String) {repository(owner: "alice", name: "core") {
            pullRequests(first: 2, after: $after, headRefName: $head, states: [OPEN]) {
              totalCount nodes {number} pageInfo {hasNextPage endCursor}}}}"""
        page = _query(hub, text)["data"]["repository"]["pullRequests"]
        assert (page["totalCount"], [node["number"] for node in page["nodes"]]) == (3, [3, 2])
        page = _query(hub, text, after=page["pageInfo"]["endCursor"])["data"]["repository"]["pullRequests"]
        assert ([node["number"] for node in page["nodes"]], page["pageInfo"]["hasNextPage"]) == ([1], False)
        page = _query(hub, text, head="two")["data"]["repository"]["pullRequests"]
        assert [node["number"] for node in page["nodes"]] == [2]


class TestMutations:
    def test_from_making_to_merging(self, hub: JudgedHub) -> None:
        sha = hub.branch("topic", {"a.txt": b"x"})
        identity = _query(hub, '{repository(owner: "alice", name: "core") {id}}')["data"]["repository"]["id"]
        text = """mutation($input: CreatePullRequestInput!) {
          createPullRequest(input: $input) {clientMutationId pullRequest {id url state}}}"""
        fields = {"repositoryId": identity, "title": "T", "baseRefName": "main", "headRefName": "topic", "draft": False}
        made = _query(hub, text, input={**fields, "clientMutationId": "7"})["data"]["createPullRequest"]
        assert (made["clientMutationId"], made["pullRequest"]["state"]) == ("7", "OPEN")
        assert "already exists" in _said(_query(hub, text, input=fields))
        assert "Could not resolve" in _said(_query(hub, text, input={**fields, "repositoryId": "x"}))
        assert "is required" in _said(_query(hub, text, input={}))
        node = made["pullRequest"]["id"]
        text = 'mutation($id: ID!) {addComment(input: {subjectId: $id, body: "hi"}) {commentEdge {node {body}}}}'
        assert _query(hub, text, id=node)["data"]["addComment"]["commentEdge"]["node"] == {"body": "hi"}
        for change, state in (("close", "CLOSED"), ("reopen", "OPEN")):
            text = (
                f"mutation($id: ID!) {{{change}PullRequest(input: {{pullRequestId: $id}}) {{pullRequest {{state}}}}}}"
            )
            assert _query(hub, text, id=node)["data"][f"{change}PullRequest"]["pullRequest"]["state"] == state
        text = """mutation($id: ID!, $sha: GitObjectID) {
          mergePullRequest(input: {pullRequestId: $id, expectedHeadOid: $sha, mergeMethod: REBASE}) {
            pullRequest {state mergeCommit {oid messageHeadline} mergedBy {login}}}}"""
        assert "Head branch was modified" in _said(_query(hub, text, id=node, sha="0" * 40))
        merged = _query(hub, text, id=node, sha=sha)["data"]["mergePullRequest"]["pullRequest"]
        assert (merged["state"], merged["mergeCommit"]["oid"]) == ("MERGED", hub.head)
        assert merged["mergedBy"] == {"login": "alice"}
        assert "not mergeable" in _said(_query(hub, text, id=node))
