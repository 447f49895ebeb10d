"""What the API shows of Git's own data, and changes in it: refs, tags, commits, files, branches."""

import base64
from typing import Any

import httpx
import pytest

from rehearsal.github.git_store import GitStoreError, Person
from rehearsal.github.records import Protection, Ruleset
from tests.support.github_hub import FILES, LISTENER, Hub

REPO = "/repos/alice/core"
NOWHERE = "1" * 40


def _put(hub: Hub, path: str = "new.txt", content: bytes = b"new\n", **more: Any) -> httpx.Response:
    body = {"message": "docs: put", "content": base64.b64encode(content).decode(), **more}
    return hub.ask("PUT", f"{REPO}/contents/{path}", json=body)


def _tag(hub: Hub, name: str, sha: str | None = None) -> httpx.Response:
    return hub.ask("POST", f"{REPO}/git/refs", json={"ref": f"refs/tags/{name}", "sha": sha or hub.head})


# --- refs and tags ---------------------------------------------------------------------------------------------------


def test_a_ref_is_made_shown_and_taken_away(hub: Hub) -> None:
    heard: list[Any] = []
    hub.state.listen("push", lambda event: heard.extend(event.facts["changes"]))
    made = _tag(hub, "v1")
    assert made.status_code == 201
    assert hub.get(f"{REPO}/git/ref/tags/v1") == made.json()
    assert made.json()["object"]["sha"] == hub.head
    assert hub.ask("DELETE", f"{REPO}/git/refs/tags/v1").status_code == 204
    assert hub.ask("GET", f"{REPO}/git/ref/tags/v1").status_code == 404
    assert [(change.is_new, change.is_gone) for change in heard] == [(True, False), (False, True)]
    assert hub.notes() == ["push refs/tags/v1", "push -refs/tags/v1"]


@pytest.mark.parametrize(
    ("ref", "sha", "said"),
    [
        ("refs/heads/main", None, "Reference already exists"),
        ("refs/tags/v1", NOWHERE, "Object does not exist"),
        ("refs/tags/v1", "main", "Object does not exist"),
        ("tags/v1", None, "Reference name must start with 'refs/' and have at least two slashes."),
        ("refs/tags/a b", None, "refs/tags/a b is not a valid ref name."),
    ],
)
def test_a_ref_that_can_not_be_made_is_refused(hub: Hub, ref: str, sha: str | None, said: str) -> None:
    answer = hub.ask("POST", f"{REPO}/git/refs", json={"ref": ref, "sha": sha or hub.head})
    assert (answer.status_code, answer.json()["message"]) == (422, said)


def test_a_ref_moves_forward_or_by_force(hub: Hub) -> None:
    first, place = hub.head, f"{REPO}/git/refs/heads/main"
    second = hub.git.write_commit(first, {"a": b"a"}, "second")
    assert hub.ask("PATCH", place, json={"sha": second}).json()["object"]["sha"] == second
    back = hub.ask("PATCH", place, json={"sha": first})
    assert (back.status_code, back.json()["message"]) == (422, "Update is not a fast forward")
    assert hub.ask("PATCH", place, json={"sha": first, "force": True}).status_code == 200
    assert hub.head == first


def test_a_ref_that_is_not_there_can_not_be_changed(hub: Hub) -> None:
    assert hub.ask("PATCH", f"{REPO}/git/refs/heads/no", json={"sha": hub.head}).status_code == 422
    assert hub.ask("DELETE", f"{REPO}/git/refs/heads/no").status_code == 422
    assert hub.ask("PATCH", f"{REPO}/git/refs/heads/main", json={"sha": NOWHERE}).status_code == 422


def test_rules_hold_for_the_api_too(hub: Hub) -> None:
    hub.core.protections["main"] = Protection(pull_request=True)
    sha = hub.git.write_commit(hub.head, {"a": b"a"}, "second")
    answer = hub.ask("PATCH", f"{REPO}/git/refs/heads/main", json={"sha": sha})
    assert answer.status_code == 422
    assert "Changes must be made through a pull request." in answer.json()["message"]
    assert _put(hub).status_code == 409


def test_refs_are_listed_by_how_they_begin(hub: Hub) -> None:
    for name in ("v1", "v1.1", "w"):
        _tag(hub, name)
    found = hub.get(f"{REPO}/git/matching-refs/tags/v")
    assert [ref["ref"] for ref in found] == ["refs/tags/v1", "refs/tags/v1.1"]
    assert hub.get(f"{REPO}/git/matching-refs/tags/x") == []


def test_an_annotated_tag_is_an_object_and_then_a_ref(hub: Hub) -> None:
    tagger = {"name": "T", "email": "t@example.invalid", "date": "2026-01-02T03:04:05Z"}
    body = {"tag": "v1", "message": "one\n\nmore", "object": hub.head, "type": "commit", "tagger": tagger}
    made = hub.ask("POST", f"{REPO}/git/tags", json=body)
    assert made.status_code == 201
    assert hub.get(f"{REPO}/git/tags/{made.json()['sha']}") == made.json()
    assert (made.json()["tagger"], made.json()["message"]) == (tagger, "one\n\nmore")
    _tag(hub, "v1", made.json()["sha"])
    assert hub.get(f"{REPO}/git/ref/tags/v1")["object"]["type"] == "tag"
    assert hub.get(f"{REPO}/tags")[0]["commit"]["sha"] == hub.head
    assert hub.get(f"{REPO}/commits/v1")["sha"] == hub.head


def test_a_tag_is_the_callers_and_of_now_unless_it_says_whose(hub: Hub) -> None:
    body = {"tag": "v1", "message": "one", "object": hub.head}
    tagger = hub.ask("POST", f"{REPO}/git/tags", json=body).json()["tagger"]
    assert (tagger["name"], tagger["date"]) == ("alice", "2026-11-20T12:00:00Z")


def test_tags_of_nothing_or_of_no_time_are_refused(hub: Hub) -> None:
    body = {"tag": "v1", "message": "one", "object": NOWHERE}
    assert hub.ask("POST", f"{REPO}/git/tags", json=body).status_code == 422
    tagger = {"name": "T", "email": "t", "date": "yesterday"}
    body = {**body, "object": hub.head, "tagger": tagger}  # type: ignore[dict-item]
    assert hub.ask("POST", f"{REPO}/git/tags", json=body).status_code == 422
    assert hub.ask("GET", f"{REPO}/git/tags/{hub.head}").status_code == 404


# --- commits ---------------------------------------------------------------------------------------------------------


def test_a_commit_is_shown_with_what_it_changed(hub: Hub) -> None:
    changes = {"README.md": None, "b.txt": b"1\n2\n", "src/core/__init__.py": b"", "b.bin": b"\0\1"}
    hub.git.set_ref("refs/heads/main", hub.git.write_commit(hub.head, changes, "feat: more\n\nbody"))
    commit = hub.get(f"{REPO}/commits/main")
    assert commit["commit"]["message"] == "feat: more\n\nbody"
    assert {file["filename"]: (file["status"], file["changes"]) for file in commit["files"]} == {
        "README.md": ("removed", 1),
        "b.txt": ("added", 2),
        "b.bin": ("added", 0),
        "src/core/__init__.py": ("modified", 1),
    }
    assert commit["stats"] == {"additions": 2, "deletions": 2, "total": 4}


def test_the_first_commit_brought_everything(hub: Hub) -> None:
    assert {file["filename"] for file in hub.get(f"{REPO}/commits/main")["files"]} == set(FILES)


def test_only_the_sha_can_be_asked_for(hub: Hub) -> None:
    answer = hub.ask("GET", f"{REPO}/commits/main", headers={"accept": "application/vnd.github.sha"})
    assert answer.text == hub.head


def test_commits_are_found_by_branch_tag_ref_and_sha(hub: Hub) -> None:
    hub.git.set_ref("refs/heads/feat/x", hub.head)
    for name in ("main", "feat/x", "refs/heads/main", hub.head, hub.head[:10]):
        assert hub.get(f"{REPO}/commits/{name}")["sha"] == hub.head
    for name in ("nowhere", NOWHERE, "--help", "-"):
        assert hub.ask("GET", f"{REPO}/commits/{name}").status_code == 422
    assert hub.get(f"{REPO}/git/commits/{hub.head}")["sha"] == hub.head
    assert hub.ask("GET", f"{REPO}/git/commits/{NOWHERE}").status_code == 404


def test_users_are_known_by_name_or_address(hub: Hub) -> None:
    _put(hub)
    assert hub.get(f"{REPO}/commits/main")["author"]["login"] == "alice"
    assert hub.get(f"{REPO}/commits/main")["committer"]["login"] == "alice"
    stranger = Person("Nobody", "nobody@example.invalid", "0 +0000")
    hub.git.set_ref("refs/heads/main", hub.git.write_commit(hub.head, {}, "x", author=stranger))
    assert hub.get(f"{REPO}/commits/main")["author"] is None


def test_the_history_of_a_branch_or_path_is_listed(hub: Hub) -> None:
    first = hub.head
    hub.clock.forward(3600)
    second = _put(hub).json()["commit"]["sha"]
    assert [commit["sha"] for commit in hub.get(f"{REPO}/commits")] == [second, first]
    assert [commit["sha"] for commit in hub.get(f"{REPO}/commits?path=new.txt")] == [second]
    assert [commit["sha"] for commit in hub.get(f"{REPO}/commits?sha={first}")] == [first]
    assert [commit["sha"] for commit in hub.get(f"{REPO}/commits?since=2026-11-20T12:30:00Z")] == [second]
    assert [commit["sha"] for commit in hub.get(f"{REPO}/commits?until=2026-11-20T12:30:00Z")] == [first]
    assert hub.ask("GET", f"{REPO}/commits?sha=nowhere").status_code == 404
    assert hub.ask("GET", f"{REPO}/commits?since=once").status_code == 422


def test_an_empty_repository_has_no_commits(hub: Hub) -> None:
    hub.state.add_repository("alice/empty")
    assert hub.ask("GET", "/repos/alice/empty/commits").status_code == 409
    assert hub.ask("GET", "/repos/alice/empty/contents/").json()["message"] == "This repository is empty."
    assert hub.get("/repos/alice/empty/branches") == []
    body = {"message": "first", "content": ""}
    assert hub.ask("PUT", "/repos/alice/empty/contents/a", json=body).status_code == 201


def test_two_commits_are_compared(hub: Hub) -> None:
    first = hub.head
    side = hub.git.write_commit(first, {"side": b"s"}, "side")
    main = hub.git.write_commit(first, {"main": b"m"}, "main")
    hub.git.set_ref("refs/heads/side", side)
    hub.git.set_ref("refs/heads/main", main)
    seen = hub.get(f"{REPO}/compare/main...side")
    assert (seen["status"], seen["ahead_by"], seen["behind_by"]) == ("diverged", 1, 1)
    assert seen["merge_base_commit"]["sha"] == first
    assert [commit["sha"] for commit in seen["commits"]] == [side]
    assert [file["filename"] for file in seen["files"]] == ["side"]
    assert hub.get(f"{REPO}/compare/{first}...main")["status"] == "ahead"
    assert hub.get(f"{REPO}/compare/main...{first}")["status"] == "behind"
    assert hub.get(f"{REPO}/compare/main...main")["status"] == "identical"
    assert hub.ask("GET", f"{REPO}/compare/main").status_code == 404
    assert hub.ask("GET", f"{REPO}/compare/main...nowhere").status_code == 404


# --- files -----------------------------------------------------------------------------------------------------------


def test_a_file_comes_with_its_content_or_raw(hub: Hub) -> None:
    shown = hub.get(f"{REPO}/contents/.github/workflows/hear.yml")
    assert base64.b64decode(shown["content"]) == LISTENER
    assert (shown["type"], shown["encoding"], shown["size"]) == ("file", "base64", len(LISTENER))
    for media in ("application/vnd.github.raw", "application/vnd.github.v3.raw", "application/vnd.github.raw+json"):
        answer = hub.ask("GET", f"{REPO}/contents/README.md", headers={"accept": media})
        assert answer.content == FILES["README.md"]


def test_a_folder_is_a_list(hub: Hub) -> None:
    top = {entry["name"]: entry["type"] for entry in hub.get(f"{REPO}/contents")}
    assert top == {"README.md": "file", "src": "dir", ".github": "dir"}
    assert [entry["path"] for entry in hub.get(f"{REPO}/contents/src/core/")] == ["src/core/__init__.py"]


def test_files_are_those_of_a_ref(hub: Hub) -> None:
    first = hub.head
    _put(hub)
    assert hub.ask("GET", f"{REPO}/contents/new.txt?ref={first}").status_code == 404
    assert hub.get(f"{REPO}/contents/new.txt?ref=main")["size"] == 4
    assert hub.ask("GET", f"{REPO}/contents/new.txt?ref=nowhere").status_code == 404


def test_a_large_file_can_be_had_raw_only(hub: Hub) -> None:
    large = b"x" * (1024 * 1024 + 1)
    hub.git.set_ref("refs/heads/main", hub.git.write_commit(hub.head, {"large": large}, "large"))
    assert hub.get(f"{REPO}/contents/large")["encoding"] == "none"
    raw = hub.ask("GET", f"{REPO}/contents/large", headers={"accept": "application/vnd.github.raw"})
    assert raw.content == large


def test_a_file_is_made_and_replaced_by_whoever_knows_it(hub: Hub) -> None:
    made = _put(hub)
    assert made.status_code == 201
    assert hub.head == made.json()["commit"]["sha"]
    assert _put(hub, content=b"newer").json()["message"].endswith('"sha" wasn\'t supplied.')
    assert _put(hub, content=b"newer", sha=NOWHERE).status_code == 409
    replaced = _put(hub, content=b"newer", sha=made.json()["content"]["sha"])
    assert replaced.status_code == 200
    assert hub.git.read(replaced.json()["content"]["sha"]) == b"newer"
    assert hub.notes() == ["push refs/heads/main"] * 2


def test_a_file_is_put_on_a_branch_by_whom_it_says(hub: Hub) -> None:
    hub.git.set_ref("refs/heads/side", hub.head)
    who = {"name": "W", "email": "w@example.invalid"}
    commit = _put(hub, branch="side", author=who, committer=who).json()["commit"]
    assert commit["author"] == commit["committer"] == {**who, "date": "2026-11-20T12:00:00Z"}
    assert hub.git.ref("refs/heads/side") == commit["sha"]
    assert _put(hub, branch="nowhere").status_code == 404


@pytest.mark.parametrize("path", ["a//b", ".git/config"])
def test_a_path_that_git_can_not_have_is_refused(hub: Hub, path: str) -> None:
    assert _put(hub, path).status_code == 422


def test_content_must_be_base64(hub: Hub) -> None:
    assert hub.ask("PUT", f"{REPO}/contents/a", json={"message": "m", "content": "!"}).status_code == 422


def test_a_workflow_file_needs_the_scope_here_too(hub: Hub) -> None:
    hub.state.add_token("no-workflow", "alice", scopes=["repo"])
    body = {"message": "m", "content": ""}
    place = f"{REPO}/contents/.github/workflows/new.yml"
    assert hub.ask("PUT", place, json=body, token="no-workflow").status_code == 409
    assert hub.ask("PUT", place, json=body).status_code == 201


# --- branches --------------------------------------------------------------------------------------------------------


def test_branches_are_listed_with_their_protection(hub: Hub) -> None:
    hub.git.set_ref("refs/heads/feat/x", hub.head)
    hub.core.protections["main"] = Protection()
    assert [(found["name"], found["protected"]) for found in hub.get(f"{REPO}/branches")] == [
        ("feat/x", False),
        ("main", True),
    ]
    assert [found["name"] for found in hub.get(f"{REPO}/branches?protected=true")] == ["main"]
    assert hub.get(f"{REPO}/branches/feat/x")["protected"] is False
    assert hub.ask("GET", f"{REPO}/branches/nowhere").json()["message"] == "Branch not found"


def test_a_protection_is_shown_to_admins(hub: Hub) -> None:
    hub.core.protections["main"] = Protection(checks=("tests",), pull_request=True, approvals=2, linear=True)
    shown = hub.get(f"{REPO}/branches/main/protection")
    assert shown["required_status_checks"]["contexts"] == ["tests"]
    assert shown["required_pull_request_reviews"]["required_approving_review_count"] == 2
    assert shown["required_linear_history"] == {"enabled": True}
    checks = hub.get(f"{REPO}/branches/main")["protection"]["required_status_checks"]
    assert (checks["enforcement_level"], checks["contexts"]) == ("everyone", ["tests"])
    hub.core.protections["main"] = Protection()
    assert "required_status_checks" not in hub.get(f"{REPO}/branches/main/protection")


def test_the_rules_of_a_branch_are_those_of_all_rulesets_that_bind_it(hub: Hub) -> None:
    hub.core.rulesets += [
        Ruleset(id=1, name="default", include=("~DEFAULT_BRANCH",), rules=({"type": "pull_request"},)),
        Ruleset(id=2, name="all", rules=({"type": "deletion"},)),
        Ruleset(id=3, name="some", include=("refs/heads/rel/*",), rules=({"type": "update"},)),
        Ruleset(id=4, name="tags", target="tag", rules=({"type": "creation"},)),
    ]
    kinds = {
        branch: [rule["type"] for rule in hub.get(f"{REPO}/rules/branches/{branch}")] for branch in ("main", "rel/1")
    }
    assert kinds == {"main": ["pull_request", "deletion"], "rel/1": ["deletion", "update"]}
    assert hub.get(f"{REPO}/rules/branches/main")[0]["ruleset_id"] == 1


# --- the store itself ------------------------------------------------------------------------------------------------


def test_what_is_written_without_git_is_what_git_would_write(hub: Hub) -> None:
    git = hub.git
    files = {"a/b": b"1", "a.b": b"2", "a-b": b"3", "ab/c/d": b"4", "é": b"5"}
    commit = git.write_commit(None, files, "all", author=Person("A <b>", "a\n@x", "5 +0100"))
    git.set_ref("refs/heads/odd", commit)
    git.set_ref("refs/tags/t", git.write_tag("t", commit, "commit", "words"))
    git.git("fsck", "--strict")
    assert {entry.path: git.read(entry.sha) for entry in git.entries(commit, deep=True)} == files
    assert (git.commit(commit).author.name, git.commit(commit).author.when) == ("A b", "5 +0100")


def test_a_file_may_become_a_folder_and_modes_stay(hub: Hub) -> None:
    git = hub.git
    first = git.write_commit(None, {"a": b"1", "b": b"2"}, "first")
    second = git.write_commit(first, {"a": None, "a/b": b"3"}, "second")
    assert [entry.path for entry in git.entries(second, deep=True)] == ["a/b", "b"]
    git.set_ref("refs/heads/x", second)
    git.git("fsck", "--strict")


def test_a_repository_that_is_there_is_made_fit_to_be_served(hub: Hub) -> None:
    hub.git.git("config", "--unset", "http.receivepack")
    hub.git.create("main")
    assert hub.git.line("config", "http.receivepack") == "true"


def test_refs_are_those_that_git_lists_wherever_they_are_kept(hub: Hub) -> None:
    def listed() -> dict[str, str]:
        lines = hub.git.git("for-each-ref", "--format=%(refname) %(objectname)").decode().splitlines()
        return dict(line.split(" ") for line in lines)

    for name in ("refs/heads/a/b", "refs/tags/v1", "refs/interlock/lease"):
        hub.git.set_ref(name, hub.head)
    tag = hub.git.write_tag("v2", hub.head, "commit", "two")
    hub.git.set_ref("refs/tags/v2", tag)
    assert hub.git.refs() == listed()
    hub.git.git("pack-refs", "--all")
    second = hub.git.write_commit(hub.head, {"a": b""}, "second")
    hub.git.set_ref("refs/heads/a/b", second)
    hub.git.delete_ref("refs/tags/v1")
    (hub.git.path / "refs" / "heads" / "half.lock").write_text(f"{second}\n")
    assert hub.git.refs() == listed()
    assert hub.git.ref("refs/heads/a/b") == second
    assert (hub.git.resolve("a/b"), hub.git.resolve("v2")) == (second, hub.head)


def test_what_there_is_not_yet_is_asked_for_again(hub: Hub) -> None:
    text = (
        f"tree {hub.git.commit(hub.head).tree}\nauthor A <a@b> 0 +0000\ncommitter A <a@b> 0 +0000\n\nlater\n".encode()
    )
    sha = hub.git.line("hash-object", "-t", "commit", "--stdin", data=text)
    assert (hub.git.resolve(sha), hub.git.kind_of(sha)) == (None, None)
    hub.git.git("hash-object", "-t", "commit", "-w", "--stdin", data=text)
    assert (hub.git.resolve(sha), hub.git.kind_of(sha), hub.git.commit(sha).message) == (sha, "commit", "later\n")
    hub.git.set_ref("refs/heads/later", sha)
    hub.git.git("repack", "-a", "-d", "--quiet")
    assert (hub.git.resolve(sha), hub.git.kind_of(sha), hub.git.commit(sha).message) == (sha, "commit", "later\n")


def test_git_says_why_it_failed(hub: Hub) -> None:
    with pytest.raises(GitStoreError, match="bad object"):
        hub.git.log(NOWHERE)
    with pytest.raises(GitStoreError, match="invalid path"):
        hub.git.write_commit(None, {"../a": b""}, "out")


def test_a_tag_without_a_tagger_can_be_read(hub: Hub) -> None:
    text = f"object {hub.head}\ntype commit\ntag old\n\nold\n"
    sha = hub.git.line("hash-object", "-t", "tag", "-w", "--stdin", "--literally", data=text.encode())
    assert hub.git.tag(sha).tagger.name == "nobody"
