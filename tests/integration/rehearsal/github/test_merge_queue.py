"""Merge queues of the rehearsal's GitHub: what enters, what is asked for, what is merged and what is removed."""

from pathlib import Path
from typing import Any

import pytest

from rehearsal.github.merge_queue import entries_of
from rehearsal.github.payloads import BUILDERS
from rehearsal.github.records import Ruleset
from rehearsal.github.state import Event
from tests.support.github_hub import Work
from tests.support.judged_hub import CORE, JudgedHub
from tests.support.openapi import official
from tests.support.universe.served import Served

QUEUE = {
    "type": "merge_queue",
    "parameters": {
        "check_response_timeout_minutes": 60,
        "grouping_strategy": "ALLGREEN",
        "max_entries_to_build": 5,
        "max_entries_to_merge": 5,
        "merge_method": "SQUASH",
        "min_entries_to_merge": 1,
        "min_entries_to_merge_wait_minutes": 5,
    },
}
CHECKS = {
    "type": "required_status_checks",
    "parameters": {"required_status_checks": [{"context": "ci"}], "strict_required_status_checks_policy": False},
}
ENQUEUE = "mutation($id: ID!) { enqueuePullRequest(input: {pullRequestId: $id}) { mergeQueueEntry { position } } }"


class Queue(JudgedHub):
    """A hub whose default branch has a merge queue; `sent` has the payloads of merge groups."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.sent: list[dict[str, Any]] = []
        self.core.rulesets.append(Ruleset(id=7, name="queue", include=("~DEFAULT_BRANCH",), rules=(QUEUE, CHECKS)))
        self.core.allow_auto_merge = True
        self.state.listen("merge_group", self._keep)

    def _keep(self, event: Event) -> None:
        for name, payload in BUILDERS["merge_group"](self.state, self.core, event.facts):
            official().check_webhook(name, payload)
            self.sent.append(payload)

    def proposed(self, name: str, *, green: bool = True, files: dict[str, bytes | None] | None = None) -> Any:
        pull = self.propose(name, files)
        if green:
            self.status(pull["head"]["sha"])
        return pull

    def status(self, sha: str, state: str = "success") -> None:
        self.post(f"{CORE}/statuses/{sha}", {"state": state, "context": "ci"})

    def query(self, text: str, **variables: object) -> Any:
        return self.post("/graphql", {"query": text, "variables": variables}, status=200)

    def enqueue(self, pull: Any) -> Any:
        return self.query(ENQUEUE, id=pull["node_id"])

    @property
    def groups(self) -> list[str]:
        """What the queue holds: the commits of its groups."""
        return [entry.sha for entry in entries_of(self.state, self.core, "main")]

    @property
    def actions(self) -> list[str]:
        return [" ".join(filter(None, (one["action"], one.get("reason")))) for one in self.sent]


@pytest.fixture
def hub(tmp_path: Path) -> Queue:
    return Queue(tmp_path / "github")


def test_a_group_is_merged_when_its_own_commit_is_green(hub: Queue) -> None:
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
def test_a_red_group_leaves_the_queue_and_those_behind_it_are_built_again(hub: Queue, state: str) -> None:
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


def test_groups_that_are_green_are_merged_in_their_order(hub: Queue) -> None:
    for pull in (hub.proposed("first"), hub.proposed("second")):
        hub.enqueue(pull)
    first, second = hub.groups
    hub.status(second)
    hub.status(first)
    assert (hub.head, hub.groups) == (second, [])


def test_a_changed_or_closed_pull_request_leaves_the_queue(hub: Queue) -> None:
    pushed, closed = hub.proposed("pushed"), hub.proposed("closed")
    for pull in (pushed, closed):
        hub.enqueue(pull)
    hub.branch("pushed", {"more.txt": b"more"})
    assert len(hub.groups) == 1
    assert hub.ask("PATCH", f"{CORE}/pulls/{closed['number']}", json={"state": "closed"}).status_code == 200
    assert hub.groups == []


def test_what_cannot_be_merged_is_not_enqueued(hub: Queue) -> None:
    waiting = hub.proposed("waiting", green=False)
    assert "is expected" in hub.enqueue(waiting)["errors"][0]["message"]
    queued = hub.proposed("queued")
    hub.enqueue(queued)
    assert hub.enqueue(queued)["errors"][0]["message"] == "Pull request is already in the queue"
    hub.core.rulesets.clear()
    assert "does not have a merge queue" in hub.enqueue(hub.proposed("free"))["errors"][0]["message"]


def test_auto_merge_enqueues_when_the_pull_request_is_green(hub: Queue) -> None:
    pull = hub.proposed("topic", green=False)
    enable = "mutation($id: ID!) { enablePullRequestAutoMerge(input: {pullRequestId: $id}) { clientMutationId } }"
    assert "errors" not in hub.query(enable, id=pull["node_id"])
    assert hub.groups == []
    hub.status(pull["head"]["sha"])
    (group,) = hub.groups
    hub.status(group)
    assert hub.head == group


def test_nobody_merges_or_pushes_past_the_queue(hub: Queue, tmp_path: Path) -> None:
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
