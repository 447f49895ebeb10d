"""Git over HTTP: the real Git clones from the rehearsal and pushes to it, as far as it may."""

import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from rehearsal.faults import Effect, InjectedFault
from rehearsal.github.fault_effects import race
from rehearsal.github.git_report import FLUSH, packet
from rehearsal.github.records import Protection, Ruleset
from tests.support.github_hub import Hub, Work
from tests.support.universe.served import Served

TOKEN = "alice-classic"


@pytest.fixture
def url(hub: Hub) -> Iterator[str]:
    with Served(hub.serve_git()) as served:
        yield served.url


@pytest.fixture
def work(url: str, tmp_path: Path) -> Work:
    return _clone(url, tmp_path / "work")


def _clone(url: str, path: Path) -> Work:
    work = Work(path)
    work.run("clone", "--quiet", f"{url}/alice/core.git", ".", token=TOKEN)
    return work


def test_a_clone_has_the_files(work: Work) -> None:
    assert (work.path / "README.md").read_text() == "# core\n"


def test_a_public_repository_is_cloned_without_a_token(url: str, tmp_path: Path) -> None:
    Work(tmp_path / "other").run("clone", f"{url}/alice/core.git", ".")


def test_a_push_moves_refs_is_noted_and_heard_of(hub: Hub, work: Work) -> None:
    heard: list[tuple[str, str, str]] = []
    hub.state.listen("push", lambda event: heard.extend(event.facts["changes"]))
    before = hub.head
    sha = work.commit("src/new.py", "NEW = 1\n")
    work.run("tag", "--annotate", "v1", "--message", "one")
    work.run("push", "--atomic", "origin", "main", "v1", token=TOKEN)
    assert hub.head == sha
    assert hub.notes() == ["push refs/heads/main refs/tags/v1"]
    assert heard[0] == ("refs/heads/main", before, sha)
    assert hub.log.writes("git")[-1].user == "alice's token"


def test_a_large_push_in_chunks_arrives(hub: Hub, work: Work) -> None:
    sha = work.commit("large.txt", "".join(f"{number * 7919 % 10007}\n" for number in range(100_000)))
    work.run("-c", "http.postBuffer=1000", "push", "origin", "main", token=TOKEN)
    assert hub.head == sha


def test_a_request_packed_with_gzip_is_understood(hub: Hub, url: str) -> None:
    body = gzip.compress(b"0014command=ls-refs\n0000")
    headers = {
        "content-type": "application/x-git-upload-pack-request",
        "content-encoding": "gzip",
        "git-protocol": "version=2",
    }
    answer = httpx.post(f"{url}/alice/core.git/git-upload-pack", content=body, headers=headers)
    assert hub.head in answer.text


def test_refs_of_other_kinds_can_be_made_with_a_lease_and_taken_away(hub: Hub, work: Work) -> None:
    lease = "refs/interlock/lease"
    work.run("push", f"--force-with-lease={lease}:", "origin", f"HEAD:{lease}", token=TOKEN)
    again = work.run("push", f"--force-with-lease={lease}:", "origin", f"HEAD:{lease}", token=TOKEN, check=False)
    assert hub.git.ref(lease) == hub.head
    assert again.returncode == 0 or "stale info" in again.stderr
    work.run("push", "origin", f":{lease}", token=TOKEN)
    assert hub.git.ref(lease) is None


@pytest.mark.parametrize(
    ("token", "private", "said"),
    [
        (None, False, "could not read Username"),
        ("nonsense", False, "could not read Username"),
        ("bob-classic", False, "Permission to alice/core.git denied to bob."),
        ("bob-classic", True, "Repository not found."),
        ("alice-reads", False, "Write access to repository not granted."),
        ("alice-reads", True, "Write access to repository not granted."),
    ],
)
def test_a_push_is_refused_in_the_words_of_github(
    hub: Hub, work: Work, token: str | None, private: bool, said: str
) -> None:
    hub.state.add_user("bob")
    hub.state.add_token("bob-classic", "bob", scopes=["repo"])
    hub.state.add_token("alice-reads", "alice", kind="fine-grained", permissions={"contents": "read"})
    hub.core.private = private
    before = hub.head
    work.commit("a", "a")
    done = work.run("push", "origin", "main", token=token, check=False)
    assert done.returncode != 0
    assert said in done.stderr
    assert hub.head == before


def test_an_archived_repository_can_be_cloned_and_not_pushed_to(hub: Hub, work: Work) -> None:
    hub.core.archived = True
    work.run("fetch", token=TOKEN)
    work.commit("a", "a")
    assert "archived so it is read-only" in work.run("push", "origin", "main", token=TOKEN, check=False).stderr


def test_who_may_not_know_of_a_private_repository_is_asked_for_a_token(hub: Hub, url: str) -> None:
    hub.core.private = True
    answer = httpx.get(f"{url}/alice/core.git/info/refs?service=git-upload-pack")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="GitHub"'


def test_a_token_as_the_password_lets_in(hub: Hub, url: str) -> None:
    hub.core.private = True
    place = f"{url}/alice/core.git/info/refs?service=git-upload-pack"
    assert httpx.get(place, auth=("x-access-token", TOKEN)).status_code == 200
    assert httpx.get(place, auth=(TOKEN, "x-oauth-basic")).status_code == 200


@pytest.mark.parametrize("path", ["/alice/core.git/HEAD", "/alice/core.git/info/refs", "/alice", "/"])
def test_files_of_a_repository_are_not_served(url: str, path: str) -> None:
    assert httpx.get(url + path).status_code == 404


def test_a_change_of_a_workflow_needs_the_scope(hub: Hub, work: Work) -> None:
    hub.state.add_token("no-workflow", "alice", scopes=["repo"])
    work.commit(".github/workflows/new.yml", "on: push\n")
    work.commit("a", "a")
    said = (
        "refusing to allow a Personal Access Token to create or update workflow"
        " `.github/workflows/new.yml` without `workflow` scope"
    )
    assert said in work.run("push", "origin", "main", token="no-workflow", check=False).stderr
    work.run("push", "origin", "main", token=TOKEN)


def test_an_app_needs_the_permission_for_workflows(hub: Hub, work: Work) -> None:
    only: dict[str, Any] = {"permissions": {"contents": "write"}, "repositories": ["alice/core"]}
    hub.state.add_token("app", "an-app[bot]", kind="installation", **only)
    work.commit(".github/workflows/new.yml", "on: push\n")
    said = "refusing to allow a GitHub App to create or update workflow `.github/workflows/new.yml`"
    assert said in work.run("push", "origin", "main", token="app", check=False).stderr
    work.run("reset", "--quiet", "--hard", "HEAD~1")
    sha = work.commit("a", "a")
    work.run("push", "origin", "main", token="app")
    work.run("push", "origin", "HEAD:refs/heads/side", token="app")
    work.run("push", "origin", ":refs/heads/side", token="app")
    assert hub.head == sha


def test_a_push_onto_what_never_was_is_left_to_git_to_refuse(hub: Hub, url: str) -> None:
    hub.core.protections["main"] = Protection(linear=True)
    command = f"{'1' * 40} {hub.head} refs/heads/main\0report-status side-band-64k".encode()
    pack = b"PACK\0\0\0\2\0\0\0\0"
    body = packet(command) + FLUSH + pack + hashlib.sha1(pack).digest()
    headers = {"content-type": "application/x-git-receive-pack-request", "authorization": f"token {TOKEN}"}
    answer = httpx.post(f"{url}/alice/core.git/git-receive-pack", content=body, headers=headers)
    assert b"ng refs/heads/main" in answer.content
    assert hub.notes() == []


def test_a_protected_branch_refuses_and_an_atomic_push_changes_nothing(hub: Hub, work: Work) -> None:
    hub.core.protections["main"] = Protection(pull_request=True)
    before = hub.git.refs()
    work.commit("a", "a")
    work.run("tag", "v1")
    done = work.run("push", "--atomic", "origin", "main", "v1", token=TOKEN, check=False)
    assert "remote: error: GH006: Protected branch update failed for refs/heads/main." in done.stderr
    assert "remote: error: Changes must be made through a pull request." in done.stderr
    assert "! [remote rejected] main -> main (protected branch hook declined)" in done.stderr
    assert hub.git.refs() == before
    assert hub.notes() == []


def test_without_atomic_the_other_ref_arrives(hub: Hub, work: Work) -> None:
    hub.core.protections["main"] = Protection(pull_request=True)
    sha = work.commit("a", "a")
    work.run("tag", "v1")
    assert work.run("push", "origin", "main", "v1", token=TOKEN, check=False).returncode != 0
    assert hub.git.ref("refs/tags/v1") == sha
    assert hub.notes() == ["push refs/tags/v1"]


def test_who_is_not_held_to_a_protection_passes_it(hub: Hub, work: Work) -> None:
    hub.core.protections["main"] = Protection(pull_request=True, admins=False)
    work.commit("a", "a")
    work.run("push", "origin", "main", token=TOKEN)


@pytest.mark.parametrize(
    ("protection", "said"),
    [
        (Protection(checks=("tests",)), 'Required status check "tests" is expected.'),
        (Protection(checks=("tests", "lint")), "2 of 2 required status checks are expected."),
        (Protection(signatures=True), "Commits must have verified signatures."),
    ],
)
def test_a_protection_says_what_is_missing(hub: Hub, work: Work, protection: Protection, said: str) -> None:
    hub.core.protections["main"] = protection
    work.commit("a", "a")
    assert said in work.run("push", "origin", "main", token=TOKEN, check=False).stderr


def test_checks_that_passed_open_a_protected_branch(hub: Hub, work: Work) -> None:
    hub.core.protections["main"] = Protection(checks=("tests",))
    sha = work.commit("a", "a")
    hub.state.passing = lambda _repository, commit: ("tests",) if commit == sha else ()
    work.run("push", "origin", "main", token=TOKEN)


def test_a_protected_branch_is_neither_rewritten_nor_merged_into_nor_deleted(hub: Hub, work: Work) -> None:
    hub.core.protections["main"] = Protection(linear=True)
    work.run("commit", "--amend", "--message", "other")
    forced = work.run("push", "--force", "origin", "main", token=TOKEN, check=False)
    assert "Cannot force-push to a protected branch" in forced.stderr
    work.run("reset", "--quiet", "--hard", "origin/main")
    work.run("switch", "--quiet", "--create", "side")
    work.commit("side", "side")
    work.run("switch", "--quiet", "main")
    work.run("merge", "--quiet", "--no-ff", "--message", "merge", "side")
    assert "must not contain merge commits" in work.run("push", "origin", "main", token=TOKEN, check=False).stderr
    work.run("push", "origin", "side", token=TOKEN)
    hub.core.protections["side"] = Protection()
    assert "Cannot delete a protected branch" in work.run("push", "origin", ":side", token=TOKEN, check=False).stderr
    hub.core.protections["side"].deletions = True
    work.run("push", "origin", ":side", token=TOKEN)


def test_a_protected_branch_can_begin(hub: Hub, work: Work) -> None:
    hub.core.protections["side"] = Protection(linear=True)
    hub.core.rulesets.append(Ruleset(id=1, name="all", rules=({"type": "non_fast_forward"}, {"type": "update"})))
    sha = work.commit("a", "a")
    work.run("push", "origin", "HEAD:refs/heads/side", token=TOKEN)
    assert hub.git.ref("refs/heads/side") == sha


def test_a_ruleset_of_tags_refuses_new_ones(hub: Hub, work: Work) -> None:
    rules = ({"type": "creation"}, {"type": "deletion"})
    hub.core.rulesets.append(Ruleset(id=1, name="tags", target="tag", include=("refs/tags/v*",), rules=rules))
    work.run("tag", "v1")
    work.run("tag", "other")
    done = work.run("push", "origin", "v1", token=TOKEN, check=False)
    assert "GH013: Repository rule violations found for refs/tags/v1." in done.stderr
    assert "(push declined due to repository rule violations)" in done.stderr
    work.run("push", "origin", "other", token=TOKEN)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("update", "Cannot update this protected ref."),
        ("pull_request", "Changes must be made through a pull request."),
        ("required_signatures", "Commits must have verified signatures."),
    ],
)
def test_rules_of_the_default_branch_bind_all_but_those_they_name(hub: Hub, work: Work, kind: str, said: str) -> None:
    ruleset = Ruleset(id=1, name="main", include=("~DEFAULT_BRANCH",), rules=({"type": kind},))
    hub.core.rulesets.append(ruleset)
    work.commit("a", "a")
    assert said in work.run("push", "origin", "main", token=TOKEN, check=False).stderr
    ruleset.bypass = ("alice",)
    work.run("push", "origin", "main", token=TOKEN)


def test_a_ruleset_can_ask_for_checks(hub: Hub, work: Work) -> None:
    checks = {"required_status_checks": [{"context": "tests"}]}
    rule = {"type": "required_status_checks", "parameters": checks}
    hub.core.rulesets.append(Ruleset(id=1, name="main", rules=(rule,)))
    work.commit("a", "a")
    assert '"tests" is expected' in work.run("push", "origin", "main", token=TOKEN, check=False).stderr


def test_somebody_else_is_faster_and_both_refs_stay_away(hub: Hub, work: Work) -> None:
    hub.faults.add(InjectedFault(effect=Effect.RACE, origin="git", path="git-receive-pack$"))
    work.commit("a", "a")
    work.run("tag", "v1")
    done = work.run("push", "--atomic", "origin", "main", "v1", token=TOKEN, check=False)
    assert done.returncode != 0
    assert "remote rejected" in done.stderr
    assert hub.git.ref("refs/tags/v1") is None
    assert hub.git.commit(hub.head).message.startswith("docs: somebody was faster")
    work.run("pull", "--quiet", "--rebase", "origin", "main", token=TOKEN)
    work.run("push", "origin", "main", token=TOKEN)


def test_somebody_can_be_faster_on_any_branch(hub: Hub) -> None:
    assert race(hub.state, hub.core, "side") == hub.git.ref("refs/heads/side")


def test_a_token_can_expire_right_before_its_push(hub: Hub, work: Work) -> None:
    hub.faults.add(InjectedFault(effect=Effect.EXPIRE, origin="git", path="git-receive-pack$"))
    before = hub.head
    work.commit("a", "a")
    assert "could not read Username" in work.run("push", "origin", "main", token=TOKEN, check=False).stderr
    assert hub.head == before
    assert hub.ask("GET", "/user").status_code == 401


def test_files_of_a_release_can_be_had_by_everybody_from_its_page(hub: Hub, url: str) -> None:
    release = hub.ask("POST", "/repos/alice/core/releases", json={"tag_name": "v1"}).json()
    hub.ask("POST", f"/repos/alice/core/releases/{release['id']}/assets?name=a.whl", uploads=True, content=b"wheel")
    asset = hub.get("/repos/alice/core/releases/tags/v1")["assets"][0]
    path = asset["browser_download_url"].removeprefix("http://git.test")
    assert httpx.get(url + path).content == b"wheel"
    assert httpx.get(f"{url}{path}x").status_code == 404
    hub.core.private = True
    assert httpx.get(url + path).status_code == 404
    assert httpx.get(url + path, headers={"authorization": f"token {TOKEN}"}).content == b"wheel"
