import ast
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import graphql
import pytest

import interlock
from rehearsal.github.graphql import SCHEMA_FILE, schema
from rehearsal.github.pull_store import settings_of
from rehearsal.github.records import Protection
from tests.support.graphql_slice import PACKAGE, cut
from tests.support.judged_hub import CORE, JudgedHub

DOCUMENT = re.compile(r"\s*(query|mutation)\b[^{]*\{")
WHOLE = """
"Somebody." interface Actor @docsCategory(name: "users") { "Who." login: String! email: String }
interface Hidden { id: ID! }
type User implements Actor & Hidden { id: ID! login: String! email: String role(at: Day, in: Place): Role! }
type Team { name: String! }
union Owner = User | Team
enum Role { READ "May write." WRITE @deprecated(reason: "A long story.") }
input Place { name: String! kind: Kind }
enum Kind { A }
enum Unused { B }
scalar Day
"""


class TestSchema:
    def test_the_slice_is_what_a_cut_leaves_of_it(self) -> None:
        text = SCHEMA_FILE.read_text("utf-8")
        assert cut(text, text) == text
        assert graphql.validate_schema(schema()) == []

    @pytest.mark.live
    def test_the_slice_is_a_part_of_the_published_schema(self, tmp_path: Path) -> None:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=tmp_path, check=True, timeout=300)
        (archive,) = tmp_path.glob("*.tgz")
        with tarfile.open(archive) as opened:
            whole = opened.extractfile("package/schema.graphql")
            assert whole
            text = SCHEMA_FILE.read_text("utf-8")
            assert cut(whole.read().decode(), text) == text

    def test_a_cut_keeps_what_is_named_and_what_that_needs(self) -> None:
        text = cut(WHOLE, "interface Actor {login: Int} type User {role: Int} union Owner = Team")
        assert text.partition("\n")[2].split("\n\n") == [
            "interface Actor {\n  login: String!\n}",
            "scalar Day",
            "enum Kind {\n  A\n}",
            "union Owner = User",
            "input Place {\n  name: String!\n  kind: Kind\n}",
            "enum Role {\n  READ\n  WRITE @deprecated\n}",
            "type User implements Actor {\n  login: String!\n  role(at: Day, in: Place): Role!\n}\n",
        ]

    @pytest.mark.parametrize("unknown", ["type Gist {id: ID}", "type Team {size: Int}", "interface Hidden {key: ID}"])
    def test_what_github_does_not_have_is_not_cut(self, unknown: str) -> None:
        with pytest.raises(KeyError):
            cut(WHOLE, unknown)

    def test_a_field_of_a_type_that_was_not_named_is_not_cut(self) -> None:
        with pytest.raises(TypeError, match="Unknown type 'User'"):
            cut(f"{WHOLE} type Query {{user: User}}", "type Query {user: Int}")

    def test_what_interlock_asks_is_as_the_schema_says(self) -> None:
        documents = set(_documents())
        assert len(documents) >= 2
        for document in documents:
            assert graphql.validate(schema(), graphql.parse(document)) == []


def _documents() -> Iterator[str]:
    """The queries and mutations in Interlock's code."""
    for folder in interlock.__path__:
        for file in Path(folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_bytes())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and DOCUMENT.match(node.value):
                    yield node.value


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
        answer = _query(hub, ENABLE, id=pull["node_id"], method="OCTOPUS")
        assert "Value 'OCTOPUS' does not exist" in answer["errors"][0]["message"]
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

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("{viewer{age}}", "Field 'age' doesn't exist on type 'User'"),
            ("{viewer}", "must have a selection of subfields"),
            ("{viewer{...g}}", "Unknown fragment 'g'"),
            ("{viewer{login}", "Expected Name, found <EOF>"),
            ("query A {viewer{login}} query B {viewer{login}}", "Must provide operation name"),
            ("subscription {x}", "not configured"),
            ('{repository(name: "core") {id}}', "argument 'owner' of type 'String!' is required"),
        ],
    )
    def test_what_cannot_be_asked_is_an_error_and_nothing_is_done(
        self, hub: JudgedHub, text: str, message: str
    ) -> None:
        answer = _query(hub, text)
        assert list(answer) == ["errors"]
        assert message in answer["errors"][0]["message"]

    def test_one_of_many_operations_is_named(self, hub: JudgedHub) -> None:
        body = {"query": "query A {viewer{id}} query B {viewer{login}}", "operationName": "B"}
        assert hub.post("/graphql", body, status=200) == {"data": {"viewer": {"login": "alice"}}}

    def test_a_failing_root_field_is_null_and_has_its_error(self, hub: JudgedHub) -> None:
        answer = _query(hub, '{a: repository(owner: "a", name: "b") {id} viewer{login}}')
        assert answer["data"] == {"a": None, "viewer": {"login": "alice"}}
        message = "Could not resolve to a Repository with the name 'a/b'."
        assert answer["errors"] == [{"type": "NOT_FOUND", "path": ["a"], "message": message}]

    def test_a_defect_is_no_answer(self, hub: JudgedHub) -> None:
        node = hub.propose()["node_id"]
        hub.state.repositories.clear()
        with pytest.raises(KeyError):
            _query(hub, "query($id: ID!) {node(id: $id) {id}}", id=node)

    def test_every_field_has_a_value_of_its_type(self, hub: JudgedHub) -> None:
        pull = _waiting(hub)
        _query(hub, ENABLE, id=pull["node_id"])
        hub.post(f"{CORE}/statuses/{pull['head']['sha']}", {"state": "pending", "context": "ci"})
        body = {"name": "n", "head_sha": pull["head"]["sha"]}
        hub.post(f"{CORE}/check-runs", body, token=hub.installation_token(*hub.app()))
        hub.post(f"{CORE}/issues/1/comments", {"body": "hello"})
        hub.post(f"{CORE}/issues/1/labels", {"labels": ["release"]}, status=200)
        hub.post(f"{CORE}/releases", {"tag_name": "v1"})
        known = schema().query_type
        assert known
        answer = _query(hub, f"query($id: ID!) {{{_everything(known)}}}", id=pull["node_id"])
        assert "errors" not in answer

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


GIVEN = {
    "Query.repository": '(owner: "alice", name: "core")',
    "Repository.pullRequest": "(number: 1)",
    "Repository.release": '(tagName: "v1")',
    "Query.node": "(id: $id)",
}


def _everything(kind: graphql.GraphQLNamedType, *above: graphql.GraphQLNamedType) -> str:
    """All fields of a type, and of the types in it that it is not in itself."""
    if isinstance(kind, (graphql.GraphQLInterfaceType, graphql.GraphQLUnionType)):
        inner = (one for one in schema().get_possible_types(kind) if one not in above)
        return " ".join(["__typename", *(f"...on {one.name} {{{_everything(one, *above)}}}" for one in inner)])
    assert isinstance(kind, graphql.GraphQLObjectType)
    found = ["__typename"]
    for name, field in kind.fields.items():
        returned = graphql.get_named_type(field.type)
        if graphql.is_leaf_type(returned):
            found.append(f"{kind.name}_{name}: {name}")
        elif returned not in {*above, kind}:
            given = GIVEN.get(f"{kind.name}.{name}", "")
            found.append(f"{kind.name}_{name}: {name}{given} {{{_everything(returned, *above, kind)}}}")
    return " ".join(found)


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
        answer = _query(hub, text, input={})
        assert "was not provided" in answer["errors"][0]["message"]
        assert "data" not in answer
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
