"""Every deployment, started from the UI's form as it is, on a fresh server with one worker, in a rehearsal's world."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.interlock_up import Up, patiently_up
from tests.support.prefect_release import asked
from tests.support.rehearsed_checks import RehearsedChecks, rehearse_checks
from tests.support.shared_prefect_server import patiently

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RehearsedChecks]:
    with rehearse_checks(tmp_path_factory.mktemp("rehearsal")) as rehearsed:
        yield rehearsed


@pytest.fixture(scope="module")
def up(world: RehearsedChecks, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    up = Up(tmp_path_factory.mktemp("up"))
    up.environ = {**world.environ, **{name: up.environ[name] for name in ("INTERLOCK_HOME", "HOME")}}
    up.begin()
    try:
        patiently_up(up)
        yield up
    finally:
        up.clean_up()


def test_each_ends_well_and_nothing_in_the_world_changes(up: Up, world: RehearsedChecks) -> None:
    with up.api() as api:
        runs = {each["name"]: up.run(api, each["id"]) for each in asked(api, "deployments")}
        assert len(runs) == 12
        ended = patiently(lambda: _ended(up, api, runs), 900)
    assert {name: run["state_type"] for name, run in ended.items()} == dict.fromkeys(runs, "COMPLETED"), {
        name: run["state"]["message"] for name, run in ended.items()
    }
    assert {name for name, run in ended.items() if run["state_name"] == "Planned"} == {
        *("release-package", "cascade-release", "follow-upstream")
    }
    assert [each.note for each in world.apps.log.all() if each.wrote] == []


def _ended(up: Up, api: httpx.Client, runs: dict[str, str]) -> dict[str, Any] | None:
    found = {name: api.get(f"/flow_runs/{run}").json() for name, run in runs.items()}
    for name, run in found.items():
        # One that started by itself at the same time, such as the sweep when workers come: this one gives way to it.
        if run["state_type"] == "CANCELLED":
            runs[name] = up.run(api, run["deployment_id"])
    over = {"COMPLETED", "FAILED", "CRASHED"}
    return found if all(run["state_type"] in over for run in found.values()) else None
