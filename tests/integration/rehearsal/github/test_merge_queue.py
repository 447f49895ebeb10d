"""Merge queues of the rehearsal's GitHub: what enters, what is asked for, what is merged and what is removed."""

from pathlib import Path

import pytest

from tests.support.github_hub import Work
from tests.support.judged_hub import CORE
from tests.support.queue_hub import QueueHub
from tests.support.universe.served import Served


@pytest.fixture
def hub(tmp_path: Path) -> QueueHub:
    return QueueHub(tmp_path / "github")


def test_a_group_is_merged_when_its_own_commit_is_green(hub: QueueHub) -> None:
    pull, before = hub.proposed("topic"), hub.head
    assert hub.enqueue(pull)["data"]["enqueuePullRequest"] == {"mergeQueueEntry": {"position": 1}}
    (group,) = (one["merge_group"] for one in hub.sent)
    ref = f"refs/heads/gh-readonly-queue/main/pr-{pull['number']}-{before}"
    assert (group["head_ref"], group["base_sha"], group["base_ref"]) == (ref, before, "refs/heads/main")
    assert hub.git.ref(ref) == group["head_sha"] != pull["head"]["sha"]
    assert hub.head == before, "the pull request is green, and its group is not"
    hub.status(group["head_sha"], "pending")
    assert hub.head == before
    hub.status(group["head_sha"])
    assert hub.head == group["head_sha"]
    merged = hub.get(f"{CORE}/pulls/{pull['number']}")
    assert (merged["merged"], merged["merge_commit_sha"]) == (True, group["head_sha"])
    assert (hub.git.ref(ref), hub.groups, hub.actions) == (None, [], ["checks_requested", "destroyed merged"])


@pytest.mark.parametrize("state", ["failure", "error"])
def test_a_red_group_leaves_the_queue_and_those_behind_it_are_built_again(hub: QueueHub, state: str) -> None:
    first, second = hub.proposed("first"), hub.proposed("second")
    for pull in (first, second):
        hub.enqueue(pull)
    bad, behind = hub.groups
    assert hub.git.commit(behind).parents == (bad,)
    hub.status(behind)
    assert hub.groups == [bad, behind], "what is green waits for what is before it"
    hub.status(bad, state)
    (again,) = hub.groups
    assert hub.git.commit(again).parents == (hub.head,)
    assert hub.actions[2:] == ["destroyed dequeued", "destroyed invalidated", "checks_requested"]
    hub.status(again)
    assert hub.head == again
    assert hub.get(f"{CORE}/pulls/{first['number']}")["state"] == "open"


def test_groups_that_are_green_are_merged_in_their_order(hub: QueueHub) -> None:
    for pull in (hub.proposed("first"), hub.proposed("second")):
        hub.enqueue(pull)
    first, second = hub.groups
    hub.status(second)
    hub.status(first)
    assert (hub.head, hub.groups) == (second, [])


def test_a_changed_or_closed_pull_request_leaves_the_queue(hub: QueueHub) -> None:
    pushed, closed = hub.proposed("pushed"), hub.proposed("closed")
    for pull in (pushed, closed):
        hub.enqueue(pull)
    hub.branch("pushed", {"more.txt": b"more"})
    assert len(hub.groups) == 1
    assert hub.ask("PATCH", f"{CORE}/pulls/{closed['number']}", json={"state": "closed"}).status_code == 200
    assert hub.groups == []


def test_what_cannot_be_merged_is_not_enqueued(hub: QueueHub) -> None:
    waiting = hub.proposed("waiting", green=False)
    assert "is expected" in hub.enqueue(waiting)["errors"][0]["message"]
    queued = hub.proposed("queued")
    hub.enqueue(queued)
    assert hub.enqueue(queued)["errors"][0]["message"] == "Pull request is already in the queue"
    hub.core.rulesets.clear()
    assert "does not have a merge queue" in hub.enqueue(hub.proposed("free"))["errors"][0]["message"]


def test_auto_merge_enqueues_when_the_pull_request_is_green(hub: QueueHub) -> None:
    pull = hub.proposed("topic", green=False)
    enable = "mutation($id: ID!) { enablePullRequestAutoMerge(input: {pullRequestId: $id}) { clientMutationId } }"
    assert "errors" not in hub.query(enable, id=pull["node_id"])
    assert hub.groups == []
    hub.status(pull["head"]["sha"])
    (group,) = hub.groups
    hub.status(group)
    assert hub.head == group


def test_nobody_merges_or_pushes_past_the_queue(hub: QueueHub, tmp_path: Path) -> None:
    pull = hub.proposed("topic")
    said = hub.refused("PUT", f"{CORE}/pulls/{pull['number']}/merge", 405, {"merge_method": "squash"})
    assert said == "Changes must be made through the merge queue"
    with Served(hub.serve_git()) as served:
        work = Work(tmp_path / "work")
        work.run("clone", "--quiet", f"{served.url}/alice/core.git", ".")
        sha = work.commit("pushed.txt", "pushed\n")
        pushes = [work.run("push", "origin", f"HEAD:{ref}", check=False, token="alice-classic") for ref in PUSHED]
    assert all(done.returncode for done in pushes)
    assert "Changes must be made through the merge queue" in pushes[0].stderr
    assert sha != hub.head
    assert not any("gh-readonly-queue" in ref for ref in hub.git.refs())


PUSHED = ("refs/heads/main", "refs/heads/gh-readonly-queue/main/pr-1-mine")
