from pathlib import Path

import pytest

from rehearsal.github.records import Ruleset
from tests.support.judged_hub import CORE, JudgedHub

CHECKS = {
    "type": "required_status_checks",
    "parameters": {
        "required_status_checks": [{"context": "ci"}],
        "strict_required_status_checks_policy": False,
    },
}


@pytest.fixture
def hub(tmp_path: Path) -> JudgedHub:
    hub = JudgedHub(tmp_path / "github")
    rules = ({"type": "required_signatures"}, CHECKS)
    hub.core.rulesets.append(Ruleset(id=7, name="ours", include=("~DEFAULT_BRANCH",), rules=rules, bypass=("alice",)))
    return hub


def test_a_ruleset_says_whether_it_binds_who_asks(hub: JudgedHub) -> None:
    hub.state.add_user("bob")
    hub.state.add_token("bob", "bob", scopes=["repo"])
    shown = hub.get(f"{CORE}/rulesets/7")
    assert (shown["id"], shown["name"], shown["enforcement"], shown["source"]) == (7, "ours", "active", "alice/core")
    assert shown["conditions"]["ref_name"]["include"] == ["~DEFAULT_BRANCH"]
    assert [rule["type"] for rule in shown["rules"]] == ["required_signatures", "required_status_checks"]
    assert shown["current_user_can_bypass"] == "always"
    assert hub.get(f"{CORE}/rulesets/7", token="bob")["current_user_can_bypass"] == "never"


def test_nobody_is_told_nothing_of_it(hub: JudgedHub) -> None:
    assert "current_user_can_bypass" not in hub.get(f"{CORE}/rulesets/7", token=None)


def test_a_ruleset_that_is_not_there_is_refused(hub: JudgedHub) -> None:
    assert hub.refused("GET", f"{CORE}/rulesets/8", 404) == "Not Found"
    assert {rule["ruleset_id"] for rule in hub.get(f"{CORE}/rules/branches/main")} == {7}
