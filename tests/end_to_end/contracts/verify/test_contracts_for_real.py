"""`interlock contracts` as people use it: a real process and a real Prefect server, in the world of these tests."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deployments.embedded_server import ServerDirectory as ServerPlace
from tests.support.prefect_homes import begin_migrated
from tests.support.prefect_release import asked
from tests.support.prefect_server import api_client, clean_up, eventually
from tests.support.rehearsed_release import CORE
from tests.support.rehearsed_verification import RENAMED, STORE, TELEMETRY, RehearsedVerification, rehearse_verification

PROGRAM = Path(sys.executable).with_name("interlock")
OPTIONS = ("--of", CORE, "--downstream", STORE, "--released-only", "--no-tell", "--fresh", "--json")


@pytest.fixture(scope="module")
def here(seeded_world: Path, builds: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RehearsedVerification]:
    with rehearse_verification(seeded_world, tmp_path_factory.mktemp("verified") / "world", builds) as served:
        yield served


@pytest.fixture(scope="module")
def ended(
    here: RehearsedVerification, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["subprocess.CompletedProcess[str]"]:
    here.branch("for-real", here.changed(CORE, TELEMETRY, *RENAMED))
    folder = tmp_path_factory.mktemp("user")
    begin_migrated(here.home / "prefect")
    environ = {**os.environ, "INTERLOCK_HOME": str(here.home), "HOME": str(folder)}
    try:
        yield subprocess.run(
            [PROGRAM, "contracts", "for-real", *OPTIONS],
            env=environ,
            cwd=folder,
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
    finally:
        clean_up(ServerPlace(here.home / "prefect"))


@pytest.fixture(scope="module")
def api(here: RehearsedVerification, ended: "subprocess.CompletedProcess[str]") -> Iterator[httpx.Client]:
    with api_client(ServerPlace(here.home / "prefect")) as client:
        yield client


def test_its_answer_is_its_exit_code_and_its_json(ended: "subprocess.CompletedProcess[str]") -> None:
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert (found["upstream"], found["conclusion"]) == (CORE, "success")
    assert "Prefect UI: " in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_run_and_its_tasks_say_what_they_do(ended: "subprocess.CompletedProcess[str]", api: httpx.Client) -> None:
    assert ended.returncode == 0
    (run,) = asked(api, "flow_runs")
    assert (run["name"], run["state"]["type"]) == (f"contracts {CORE} for-real", "COMPLETED")
    eventually(lambda: any(task["name"] == "publish-report" for task in asked(api, "task_runs")))
    names = [task["name"] for task in asked(api, "task_runs")]
    assert {"find", f"build-{CORE}", "compare-contracts"} <= set(names)
    assert sum(f"× {STORE} " in name for name in names) == 2


def test_the_report_is_an_artifact(ended: "subprocess.CompletedProcess[str]", api: httpx.Client) -> None:
    assert ended.returncode == 0
    found = {each["key"]: each for each in asked(api, "artifacts")}
    assert STORE in found[f"contracts-{CORE}"]["data"]
    assert found[f"contracts-progress-{CORE}"]["data"] == 100
