"""Which rulesets count: those that bind the token's owner, and apart from them those of which nobody can say."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from interlock.adapters.github import BranchRules
from rehearsal.github.records import Ruleset
from tests.support.github_samples import answer, github, json_answer
from tests.support.served_hub import CORE, ServedHub

SIGNED: dict[str, object] = {"type": "required_signatures", "ruleset_id": 1}
PROPOSED: dict[str, object] = {"type": "pull_request", "ruleset_id": 2}


def rules(bypass: Mapping[int, str | None], *ruled: dict[str, object]) -> BranchRules:
    """The rules where each ruleset says this of the token's owner; a ruleset that is not named can't be read."""

    def hear(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if "/rules/" in path:
            return json_answer(list(ruled))
        if "/rulesets/" in path:
            number = int(path.rpartition("/")[2])
            said = bypass.get(number)
            return (
                json_answer({"id": number, **({"current_user_can_bypass": said} if said else {})})
                if number in bypass
                else (answer("404-not-found"))
            )
        return answer("404-not-found") if path.endswith("/protection") else json_answer({"protected": False})

    return asyncio.run(github(hear).branch_rules("o/n", "main"))


@pytest.mark.parametrize("said", ["never", "pull_requests_only"])
def test_a_ruleset_that_binds_counts(said: str) -> None:
    found = rules({1: said}, SIGNED)
    assert (found.needs_signatures, found.ruled, found.protected, found.perhaps) == (True, True, True, None)


@pytest.mark.parametrize("said", ["always", "exempt"])
def test_a_ruleset_that_lets_the_owner_through_does_not(said: str) -> None:
    assert rules({1: said}, SIGNED) == BranchRules(protected=False)


@pytest.mark.parametrize("bypass", [{}, {1: None}])
def test_one_that_cannot_be_read_or_does_not_say_counts_perhaps(bypass: Mapping[int, str | None]) -> None:
    found = rules(bypass, SIGNED)
    assert (found.needs_signatures, found.ruled, found.protected) == (False, False, False)
    assert found.perhaps is not None
    assert found.perhaps.needs_signatures


def test_a_rule_without_a_ruleset_counts_perhaps() -> None:
    found = rules({}, {"type": "required_signatures"})
    assert found.perhaps is not None
    assert (found.needs_signatures, found.perhaps.needs_signatures) == (False, True)


def test_rulesets_are_told_apart() -> None:
    found = rules({1: "never"}, SIGNED, PROPOSED)
    assert (found.needs_signatures, found.needs_pull_request) == (True, False)
    assert found.perhaps is not None
    assert (found.perhaps.needs_signatures, found.perhaps.needs_pull_request) == (True, True)
    found = rules({1: "never", 2: "always"}, SIGNED, PROPOSED)
    assert (found.needs_signatures, found.needs_pull_request, found.perhaps) == (True, False, None)


def test_a_history_without_merges_hinders_no_push() -> None:
    assert not rules({1: "never"}, {"type": "required_linear_history", "ruleset_id": 1}).ruled


def test_a_merge_queue_hinders_a_push() -> None:
    found = rules({1: "never"}, {"type": "merge_queue", "ruleset_id": 1, "parameters": {}})
    assert (found.needs_queue, found.ruled, found.protected) == (True, True, True)


def test_each_ruleset_is_read_once(tmp_path: Path, world: ServedHub) -> None:
    with world.hub.state.changing():
        two = ({"type": "required_signatures"}, {"type": "pull_request"})
        world.hub.core.rulesets.append(Ruleset(id=7, name="r", rules=two, bypass=("alice",)))
        world.hub.core.access["bob"] = "write"
        world.hub.state.add_user("bob")
    bob = world.token("ghp_bob", login="bob", scopes=["repo"])
    assert world.ask(lambda github: github.branch_rules(CORE, "main")) == BranchRules(protected=False)
    found = world.ask(lambda github: github.branch_rules(CORE, "main"), bob)
    assert (found.needs_signatures, found.needs_pull_request, found.ruled, found.perhaps) == (True, True, True, None)
    assert [seen.path for seen in world.hub.log.all()].count(f"/repos/{CORE}/rulesets/7") == 2
