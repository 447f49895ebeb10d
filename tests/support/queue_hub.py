"""A GitHub whose default branch has a merge queue."""

from typing import Any

from rehearsal.github.merge_queue import entries_of
from rehearsal.github.payloads import BUILDERS
from rehearsal.github.records import Ruleset
from rehearsal.github.state import Event
from tests.support.judged_hub import CORE, JudgedHub
from tests.support.openapi import official

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
CHECK = "interlock/contracts"
CHECKS = {
    "type": "required_status_checks",
    "parameters": {"required_status_checks": [{"context": CHECK}], "strict_required_status_checks_policy": False},
}
ENQUEUE = "mutation($id: ID!) { enqueuePullRequest(input: {pullRequestId: $id}) { mergeQueueEntry { position } } }"


class QueueHub(JudgedHub):
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
        self.post(f"{CORE}/statuses/{sha}", {"state": state, "context": CHECK})

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
