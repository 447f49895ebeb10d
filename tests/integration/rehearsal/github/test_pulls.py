from pathlib import Path

import pytest

from rehearsal.github.pull_store import settings_of
from rehearsal.github.records import Protection, Ruleset
from tests.support.judged_hub import CORE, JudgedHub


@pytest.fixture
def hub(tmp_path: Path) -> JudgedHub:
    return JudgedHub(tmp_path / "github")


def _protect(hub: JudgedHub, **facts: object) -> None:
    hub.core.protections["main"] = Protection.model_validate(facts)


def _state(hub: JudgedHub, number: int = 1) -> str:
    state: str = hub.get(f"{CORE}/pulls/{number}")["mergeable_state"]
    return state


class TestProposing:
    def test_a_pull_request_shows_its_ends_and_what_it_changes(self, hub: JudgedHub) -> None:
        base = hub.head
        pull = hub.propose(body="Why")
        assert (pull["number"], pull["state"], pull["body"], pull["user"]["login"]) == (1, "open", "Why", "alice")
        assert (pull["head"]["ref"], pull["head"]["label"], pull["base"]["sha"]) == ("topic", "alice:topic", base)
        assert (pull["commits"], pull["additions"], pull["deletions"], pull["changed_files"]) == (1, 1, 0, 1)
        assert (pull["mergeable"], pull["mergeable_state"], pull["merged"]) == (True, "clean", False)
        assert hub.git.ref("refs/pull/1/head") == pull["head"]["sha"]
        assert hub.notes() == ["create pull 1: topic into main"]

    def test_the_second_one_of_the_same_branches_is_refused(self, hub: JudgedHub) -> None:
        hub.propose()
        body = {"title": "x", "head": "alice:topic", "base": "main"}
        assert "A pull request already exists for alice:topic." in hub.refused("POST", f"{CORE}/pulls", 422, body)

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"head": "same", "base": "main"}, "No commits between main and same"),
            ({"head": "gone", "base": "main"}, "Validation Failed"),
            ({"head": "topic", "base": "gone"}, "Validation Failed"),
            ({"head": "mallory:topic", "base": "main"}, "Validation Failed"),
            ({"base": "main"}, '"head" wasn\'t supplied'),
        ],
    )
    def test_what_cannot_be_proposed_is_refused(self, hub: JudgedHub, body: dict[str, str], message: str) -> None:
        hub.branch("topic", {"a.txt": b"a"})
        hub.git.set_ref("refs/heads/same", hub.head)
        assert message in hub.refused("POST", f"{CORE}/pulls", 422, {"title": "x", **body})

    def test_lists_are_filtered_by_state_head_and_base_and_paged(self, hub: JudgedHub) -> None:
        for name in ("one", "two", "three"):
            hub.propose(name)
        hub.ask("PATCH", f"{CORE}/pulls/2", json={"state": "closed"})

        def numbers(query: str) -> list[int]:
            return [pull["number"] for pull in hub.get(f"{CORE}/pulls?{query}")]

        assert numbers("") == [3, 1]
        assert numbers("state=closed") == [2]
        assert numbers("state=all&direction=asc") == [1, 2, 3]
        assert numbers("head=alice:one") == [1]
        assert numbers("head=mallory:one") == []
        assert numbers("base=main&per_page=1&page=2") == [1]
        assert numbers("base=other") == []

    def test_files_and_commits_of_a_pull_request(self, hub: JudgedHub) -> None:
        hub.branch("topic", {"README.md": b"# other\n", "src/core/__init__.py": None, "a b.txt": b"one\ntwo\n"})
        head = hub.branch("topic", {"bin": b"\0\1"}, "feat: more")
        hub.post(f"{CORE}/pulls", {"title": "x", "head": "topic", "base": "main"})
        files = {file["filename"]: file for file in hub.get(f"{CORE}/pulls/1/files")}
        assert {name: (file["status"], file["additions"], file["deletions"]) for name, file in files.items()} == {
            "README.md": ("modified", 1, 1),
            "a b.txt": ("added", 2, 0),
            "bin": ("added", 0, 0),
            "src/core/__init__.py": ("removed", 0, 1),
        }
        assert files["README.md"]["patch"] == "@@ -1 +1 @@\n-# core\n+# other"
        assert "patch" not in files["bin"]
        assert [commit["commit"]["message"] for commit in hub.get(f"{CORE}/pulls/1/commits")] == [
            "feat: change",
            "feat: more",
        ]
        assert [pull["number"] for pull in hub.get(f"{CORE}/commits/{head}/pulls")] == [1]
        assert hub.get(f"{CORE}/commits/main/pulls") == []

    def test_a_renamed_file_says_what_it_was(self, hub: JudgedHub) -> None:
        content = hub.git.read(hub.git.entry(hub.head, "src/core/__init__.py").sha)  # type: ignore[union-attr]
        hub.propose("topic", {"src/core/__init__.py": None, "src/core/core.py": content})
        (file,) = hub.get(f"{CORE}/pulls/1/files")
        assert (file["status"], file["previous_filename"]) == ("renamed", "src/core/__init__.py")

    def test_it_follows_its_branch_and_ends_with_it(self, hub: JudgedHub) -> None:
        hub.propose()
        new = hub.branch("topic", {"more.txt": b"x"})
        pull = hub.get(f"{CORE}/pulls/1")
        assert (pull["head"]["sha"], pull["commits"]) == (new, 2)
        assert hub.git.ref("refs/pull/1/head") == new
        assert hub.ask("DELETE", f"{CORE}/git/refs/heads/topic").status_code == 204
        assert hub.get(f"{CORE}/pulls/1")["state"] == "closed"

    def test_it_is_changed_closed_and_opened_again(self, hub: JudgedHub) -> None:
        hub.propose()
        hub.git.set_ref("refs/heads/next", hub.head)
        changed = hub.ask("PATCH", f"{CORE}/pulls/1", json={"title": "New", "body": None, "base": "next"}).json()
        assert (changed["title"], changed["body"], changed["base"]["ref"]) == ("New", None, "next")
        closed = hub.ask("PATCH", f"{CORE}/pulls/1", json={"state": "closed"}).json()
        assert closed["closed_at"]
        assert hub.ask("PATCH", f"{CORE}/pulls/1", json={"state": "open"}).json()["closed_at"] is None
        hub.refused("PATCH", f"{CORE}/pulls/1", 422, {"base": "gone"})
        hub.refused("PATCH", f"{CORE}/pulls/1", 422, {"state": "merged"})
        assert hub.refused("PATCH", f"{CORE}/pulls/9", 404, {"state": "closed"}) == "Not Found"


class TestAuthorization:
    def test_reading_is_for_all_and_writing_is_not(self, hub: JudgedHub) -> None:
        hub.propose()
        hub.get(f"{CORE}/pulls/1", token=None)
        hub.state.add_token("reader", "alice", kind="fine-grained", permissions={"pull_requests": "read"})
        body = {"title": "x", "head": "topic", "base": "main"}
        hub.refused("POST", f"{CORE}/pulls", 401, body, token=None)
        assert "Resource not accessible" in hub.refused("POST", f"{CORE}/pulls", 403, body, token="reader")
        hub.refused("PUT", f"{CORE}/pulls/1/merge", 403, {}, token="reader")

    def test_a_stranger_may_not_change_what_another_proposed(self, hub: JudgedHub) -> None:
        hub.state.add_user("bob")
        hub.state.add_token("bob", "bob", scopes=["repo"])
        hub.propose()
        hub.refused("PATCH", f"{CORE}/pulls/1", 403, {"state": "closed"}, token="bob")
        hub.refused("PUT", f"{CORE}/pulls/1/merge", 403, {}, token="bob")


class TestMergeability:
    def test_a_conflict_is_dirty(self, hub: JudgedHub) -> None:
        hub.propose("topic", {"README.md": b"one\n"})
        hub.branch("main", {"README.md": b"two\n"})
        pull = hub.get(f"{CORE}/pulls/1")
        assert (pull["mergeable"], pull["mergeable_state"]) == (False, "dirty")
        assert hub.refused("PUT", f"{CORE}/pulls/1/merge", 405, {}) == "Pull Request has merge conflicts"

    def test_a_missing_check_blocks_until_it_is_green(self, hub: JudgedHub) -> None:
        _protect(hub, checks=("ci",))
        sha = hub.propose()["head"]["sha"]
        assert _state(hub) == "blocked"
        assert 'Required status check "ci" is expected.' in hub.refused("PUT", f"{CORE}/pulls/1/merge", 405, {})
        hub.post(f"{CORE}/statuses/{sha}", {"state": "success", "context": "ci"})
        assert _state(hub) == "clean"

    def test_rulesets_require_checks_too(self, hub: JudgedHub) -> None:
        checks = [{"context": "a"}, {"context": "b"}]
        rule = {"type": "required_status_checks", "parameters": {"required_status_checks": checks}}
        hub.core.rulesets.append(Ruleset(id=1, name="r", include=("~DEFAULT_BRANCH",), rules=(rule,)))
        hub.propose()
        said = hub.refused("PUT", f"{CORE}/pulls/1/merge", 405, {})
        assert said == "2 of 2 required status checks are expected."

    def test_a_wanted_review_blocks(self, hub: JudgedHub) -> None:
        _protect(hub, approvals=1)
        hub.propose()
        assert _state(hub) == "blocked"
        assert "At least 1 approving review" in hub.refused("PUT", f"{CORE}/pulls/1/merge", 405, {})

    def test_an_admin_passes_where_admins_are_not_bound(self, hub: JudgedHub) -> None:
        _protect(hub, approvals=1, admins=False)
        hub.propose()
        assert hub.ask("PUT", f"{CORE}/pulls/1/merge", json={}).status_code == 200

    def test_a_strict_branch_wants_the_newest_base(self, hub: JudgedHub) -> None:
        _protect(hub, strict=True)
        hub.propose()
        assert _state(hub) == "clean"
        hub.branch("main", {"other.txt": b"x"})
        assert _state(hub) == "behind"
        assert "out of date" in hub.refused("PUT", f"{CORE}/pulls/1/merge", 405, {})

    def test_a_red_check_that_nobody_requires_makes_it_unstable(self, hub: JudgedHub) -> None:
        sha = hub.propose()["head"]["sha"]
        hub.post(f"{CORE}/statuses/{sha}", {"state": "failure", "context": "lint"})
        assert _state(hub) == "unstable"
        assert hub.ask("PUT", f"{CORE}/pulls/1/merge", json={}).status_code == 200

    def test_a_draft_is_not_merged(self, hub: JudgedHub) -> None:
        hub.propose(draft=True)
        assert _state(hub) == "draft"
        assert hub.refused("PUT", f"{CORE}/pulls/1/merge", 405, {}) == "Pull Request is still a draft"

    def test_the_first_looks_may_find_it_unknown(self, hub: JudgedHub) -> None:
        settings_of(hub.state, hub.core).unknown_looks = 2
        pull = hub.propose()
        assert (pull["mergeable"], pull["mergeable_state"]) == (None, "unknown")
        assert [_state(hub), _state(hub)] == ["unknown", "clean"]
        hub.branch("topic", {"more.txt": b"x"})
        assert _state(hub) == "unknown"


class TestMerging:
    def test_a_merge_commit_has_both_parents(self, hub: JudgedHub) -> None:
        base, head = hub.head, hub.propose()["head"]["sha"]
        merged = hub.ask("PUT", f"{CORE}/pulls/1/merge", json={"sha": head}).json()
        commit = hub.git.commit(merged["sha"])
        assert (hub.head, commit.parents) == (merged["sha"], (base, head))
        assert commit.message == "Merge pull request #1 from alice/topic\n\nAdd topic\n"
        assert (commit.author.name, commit.committer.name) == ("alice", "GitHub")
        pull = hub.get(f"{CORE}/pulls/1")
        assert (pull["state"], pull["merged"], pull["merged_by"]["login"]) == ("closed", True, "alice")
        assert (pull["merge_commit_sha"], pull["mergeable_state"]) == (hub.head, "unknown")
        assert hub.ask("GET", f"{CORE}/pulls/1/merge").status_code == 204
        assert "merge pull 1 (merge)" in hub.notes()

    def test_squashing_makes_one_commit_of_all(self, hub: JudgedHub) -> None:
        base = hub.head
        hub.branch("topic", {"a.txt": b"a"}, "feat: a")
        hub.branch("topic", {"b.txt": b"b"}, "feat: b")
        hub.branch("main", {"other.txt": b"o"})
        base = hub.head
        hub.post(f"{CORE}/pulls", {"title": "Both", "head": "topic", "base": "main"})
        hub.ask("PUT", f"{CORE}/pulls/1/merge", json={"merge_method": "squash"})
        commit = hub.git.commit(hub.head)
        assert (commit.parents, commit.message) == ((base,), "Both (#1)\n\n* feat: a\n\n* feat: b\n")
        assert {entry.path for entry in hub.git.entries(hub.head)} >= {"a.txt", "b.txt", "other.txt"}

    def test_rebasing_keeps_each_commit_with_its_author(self, hub: JudgedHub) -> None:
        hub.branch("topic", {"a.txt": b"a"}, "feat: a")
        hub.branch("topic", {"b.txt": b"b"}, "feat: b")
        hub.branch("main", {"other.txt": b"o"}, "feat: o")
        base = hub.head
        hub.post(f"{CORE}/pulls", {"title": "Both", "head": "topic", "base": "main"})
        hub.ask("PUT", f"{CORE}/pulls/1/merge", json={"merge_method": "rebase"})
        second = hub.git.commit(hub.head)
        first = hub.git.commit(second.parents[0])
        assert (second.message.strip(), first.message.strip(), first.parents) == ("feat: b", "feat: a", (base,))
        assert (first.author.name, first.committer.name) == ("GitHub", "alice")

    def test_words_of_ones_own(self, hub: JudgedHub) -> None:
        hub.propose()
        words = {"merge_method": "squash", "commit_title": "feat: mine", "commit_message": "because"}
        hub.ask("PUT", f"{CORE}/pulls/1/merge", json=words)
        assert hub.git.commit(hub.head).message == "feat: mine\n\nbecause\n"

    def test_another_head_than_the_callers_is_a_conflict(self, hub: JudgedHub) -> None:
        base = hub.head
        hub.propose()
        assert "Head branch was modified" in hub.refused("PUT", f"{CORE}/pulls/1/merge", 409, {"sha": base})
        hub.refused("GET", f"{CORE}/pulls/1/merge", 404)
        assert hub.head == base

    def test_nothing_is_merged_twice_or_opened_again_afterwards(self, hub: JudgedHub) -> None:
        hub.propose()
        hub.ask("PUT", f"{CORE}/pulls/1/merge", json={})
        assert hub.refused("PUT", f"{CORE}/pulls/1/merge", 405, {}) == "Pull Request is not mergeable"
        hub.refused("PATCH", f"{CORE}/pulls/1", 422, {"state": "open"})

    def test_ways_that_are_not_allowed_are_refused(self, hub: JudgedHub) -> None:
        hub.propose()
        settings_of(hub.state, hub.core).methods = ("merge",)
        body = {"merge_method": "squash"}
        assert "not allowed on this repository" in hub.refused("PUT", f"{CORE}/pulls/1/merge", 405, body)
        _protect(hub, linear=True)
        assert "Merge commits are not allowed" in hub.refused("PUT", f"{CORE}/pulls/1/merge", 405, {})

    def test_a_commit_that_does_not_fit_on_the_base_cannot_be_rebased(self, hub: JudgedHub) -> None:
        hub.branch("topic", {"README.md": b"one\n"})
        hub.branch("topic", {"README.md": b"two\n"})
        hub.branch("main", {"README.md": b"two\n"})
        hub.post(f"{CORE}/pulls", {"title": "x", "head": "topic", "base": "main"})
        said = hub.refused("PUT", f"{CORE}/pulls/1/merge", 405, {"merge_method": "rebase"})
        assert said == "This branch can't be rebased"

    def test_merge_commits_are_left_out_of_a_rebase(self, hub: JudgedHub) -> None:
        first = hub.branch("topic", {"a.txt": b"a"}, "feat: a")
        hub.branch("main", {"o.txt": b"o"})
        tree = hub.git.line("merge-tree", "--write-tree", first, hub.head)
        hub.git.set_ref("refs/heads/topic", hub.git.commit_tree(tree, [first, hub.head], "Merge main"))
        hub.post(f"{CORE}/pulls", {"title": "x", "head": "topic", "base": "main"})
        assert hub.ask("PUT", f"{CORE}/pulls/1/merge", json={"merge_method": "rebase"}).status_code == 200
        assert hub.git.commit(hub.head).message.strip() == "feat: a"
