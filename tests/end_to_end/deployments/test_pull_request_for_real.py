"""A pull request on core as its maintainers see it: the rehearsal's GitHub, `interlock up`, and nothing in between.

Every part is a process of its own: GitHub with its signed webhooks, the gateway that takes them, Prefect's server, the
worker for code under test, the run, and the run of the other worker that tells. Each test goes on where the one before
has ended.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from interlock.webhooks.routing import VERIFY
from tests.support.prefect_release import CORE
from tests.support.prefect_server import eventually
from tests.support.pull_request_scene import PATIENCE, Scene, scene_in
from tests.support.rehearsed_verification import NAMED, PIPELINE, STORE, TELEMETRY

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

BRANCH = "gentler"
VALUE, RENAMED = 'soft = "soft"', 'soft = "gentle"'
# Their suites expect the value; the others' ask only whether everything can be imported.
RED = {PIPELINE, STORE}
DOWNSTREAMS = RED | {"market-data-ibkr", "market-data-orchestrator"}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene_in(tmp_path_factory.mktemp("pull-request"), BRANCH) as found:
        yield found


@pytest.fixture(scope="module")
def hook(scene: Scene) -> int:
    """The webhook that docs/gateway.md has people make."""
    return scene.hook()


def said(scene: Scene, old: str, new: str) -> str:
    """Push core with another word; the commit."""
    scene.replace(TELEMETRY, old, new)
    return scene.push(f"Say {new}")


@dataclass
class Opened:
    """A pull request, and what became of its first commit."""

    number: int
    sha: str
    run: dict[str, Any]


@pytest.fixture(scope="module")
def opened(scene: Scene, hook: int) -> Opened:
    """It renames a value, and has been verified."""
    assert hook
    sha = said(scene, VALUE, RENAMED)
    pull = scene.post("pulls", title="Softer words", head=BRANCH, base="main")
    return Opened(int(pull["number"]), sha, scene.ended(0))


def deliveries(scene: Scene, hook: int, event: str) -> list[dict[str, Any]]:
    """What GitHub has sent to the gateway, the newest first, when all of it was answered."""
    found: list[dict[str, Any]] = eventually(
        lambda: [
            each
            for listed in [scene.get(f"hooks/{hook}/deliveries")]
            if all(one["status_code"] for one in listed)
            for each in listed
            if each["event"] == event
        ]
    )
    return found


def test_its_webhook_is_taken_and_a_worker_has_run_what_follows(scene: Scene, hook: int, opened: Opened) -> None:
    (sent,) = deliveries(scene, hook, "pull_request")
    assert (sent["action"], sent["status_code"]) == ("opened", 202)
    (kept,) = json.loads(scene.interlock.run("deliveries", "--state", "started", "--json", environ=scene.environ).out)
    assert (kept["guid"], kept["start"]["deployment"], kept["run"]) == (sent["guid"], VERIFY, opened.run["id"])
    assert opened.run["state_type"] == "COMPLETED", opened.run["state"]
    assert opened.run["work_pool_name"] == "interlock-untrusted"
    assert opened.run["name"] == f"contracts {CORE} #{opened.number} ({opened.sha[:12]})"


def test_each_downstream_has_a_status_that_leads_to_the_run(scene: Scene, opened: Opened) -> None:
    statuses = scene.told(opened.sha)
    states = {name: one["state"] for name, one in statuses.items()}
    assert states == {name: "failure" if name in RED else "success" for name in DOWNSTREAMS}
    assert all(one["target_url"].endswith(opened.run["id"]) for one in statuses.values())
    said = [(one["context"], one["state"]) for one in scene.get(f"commits/{opened.sha}/statuses?per_page=100")]
    assert len(said) == len(set(said)) == 2 + len(DOWNSTREAMS), "all are pending, then a result, and nothing twice"


def test_it_is_told_by_runs_with_a_token_from_what_a_run_without_one_has_found_out(
    scene: Scene, opened: Opened
) -> None:
    assert scene.told(opened.sha)

    def ended() -> list[dict[str, Any]]:
        runs = [run for run in scene.runs("tell-contracts") if not run["auto_scheduled"]]
        return runs if all(run["end_time"] for run in runs) else []

    runs = eventually(ended, PATIENCE, pause=0.5)
    assert {(run["work_pool_name"], run["state_type"]) for run in runs} == {("interlock", "COMPLETED")}
    credentials = scene.interlock.home / "up" / "credentials"
    assert (credentials / "worker" / "REPO_DISPATCH_TOKEN").exists()
    assert list((credentials / "untrusted").iterdir()) == []


def test_the_comment_names_the_tests_that_fail_and_what_changed(scene: Scene, opened: Opened) -> None:
    (comment,) = eventually(lambda: scene.comments(opened.number), PATIENCE, pause=0.5)
    for words in (NAMED.rpartition("::")[2], "BackpressureLevel", opened.sha[:12], "interlock contracts "):
        assert words in comment["body"], comment["body"]


def test_what_github_sends_again_changes_nothing(scene: Scene, hook: int, opened: Opened) -> None:
    (sent,) = deliveries(scene, hook, "pull_request")
    scene.post(f"hooks/{hook}/deliveries/{sent['id']}/attempts")
    again, _first = deliveries(scene, hook, "pull_request")
    assert (again["redelivery"], again["status_code"]) == (True, 200)
    assert [run["id"] for run in scene.runs()] == [opened.run["id"]]


def test_a_push_that_restores_it_turns_all_green_and_updates_the_comment(scene: Scene, opened: Opened) -> None:
    (before,) = scene.comments(opened.number)
    sha = said(scene, RENAMED, VALUE)
    run = scene.ended(1)
    assert run["state_type"] == "COMPLETED", run["state"]
    assert {name: one["state"] for name, one in scene.told(sha).items()} == dict.fromkeys(DOWNSTREAMS, "success")
    assert scene.statuses(opened.sha)[PIPELINE]["state"] == "failure"
    (after,) = eventually(
        lambda: [each for each in scene.comments(opened.number) if sha[:12] in each["body"]], PATIENCE, pause=0.5
    )
    assert after["id"] == before["id"]
    assert sha[:12] in after["body"]
    assert NAMED.rpartition("::")[2] not in after["body"], after["body"]


def test_a_run_that_is_cancelled_leaves_nothing_pending(scene: Scene, opened: Opened) -> None:
    sha = said(scene, VALUE, 'soft = "low"')
    eventually(lambda: scene.for_all(sha).startswith("pending"), PATIENCE, pause=0.2)
    run = scene.runs()[2]
    state = {"state": {"type": "CANCELLING"}}
    assert scene.prefect.post(f"/flow_runs/{run['id']}/set_state", json=state).status_code == 201
    command = f"interlock contracts {sha} --of {CORE} --pr {opened.number}"
    eventually(lambda: f"error: not tested: cancelled; again: {command}" == scene.for_all(sha), PATIENCE, pause=0.5)
    assert scene.ended(2)["state_type"] == "CANCELLED"
