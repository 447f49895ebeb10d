"""`interlock up` as people use it: a real Prefect server, a worker, the gateway, and what becomes of them."""

import contextlib
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from deployments.cli.prefect_checks import PREFECT_YAML
from tests.support.interlock_up import SECRET, Up, patiently_up
from tests.support.prefect_homes import begin_migrated
from tests.support.prefect_release import PROGRAM, asked
from tests.support.prefect_server import eventually


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Everything of it is up; the tests below go on from one to the next."""
    made = Up(tmp_path_factory.mktemp("up"))
    begin_migrated(made.home / "prefect")
    made.begin()
    try:
        patiently_up(made)
        yield made
    finally:
        made.clean_up()


def test_every_part_is_said_with_its_address_and_log(up: Up) -> None:
    said = up.said()
    assert said[0] == "starting the Prefect server"
    for start in (
        "Prefect server: healthy, pid ",
        "gateway: healthy, pid ",
        "worker 1: healthy, pid ",
        "untrusted worker 1: healthy, pid ",
    ):
        (line,) = (line for line in said if line.startswith(start))
        assert Path(line.rpartition(", ")[2]).exists()
    assert SECRET not in up.output.read_text()


def test_every_deployment_is_there_and_every_automation_that_heals(up: Up) -> None:
    import yaml

    wanted = {each["name"] for each in yaml.safe_load(PREFECT_YAML.read_text())["deployments"]}
    with up.api() as api:
        assert {each["name"] for each in asked(api, "deployments")} == wanted
        names = {each["name"] for each in asked(api, "automations")}
        pools = asked(api, "work_pools")
    assert len([name for name in names if name.startswith("Interlock: ")]) == 3
    assert {(each["name"], each["type"]) for each in pools} == {
        ("interlock", "process"),
        ("interlock-untrusted", "process"),
    }


@pytest.mark.long
def test_a_deployment_runs_with_its_default_parameters(up: Up) -> None:
    with up.api() as api:
        deployment = api.get("/deployments/name/send-notice/send-notice").json()["id"]
        run = up.run(api, deployment)
        ended = eventually(lambda: _ended(api, run))
    assert ended is not None
    assert (ended["state_type"], ended["state"]["message"]) == ("COMPLETED", "nobody is to be told")


def _ended(api: httpx.Client, run: str) -> dict[str, Any] | None:
    found: dict[str, Any] = api.get(f"/flow_runs/{run}").json()
    return found if found["state_type"] in {"COMPLETED", "FAILED", "CRASHED"} else None


def test_the_gateway_answers_and_has_no_token(up: Up) -> None:
    assert httpx.get(f"{up.gateway}/readyz", trust_env=False).status_code == 200
    (gateway,) = (each for each in up.processes() if "gateway" in each.cmdline())
    assert "--gateway-port" not in gateway.cmdline()


def test_no_process_has_a_secret_in_its_environment(up: Up) -> None:
    found = [each for each in up.processes() if each.is_running()]
    assert {up.worker().pid, up.worker("interlock-untrusted").pid} < {each.pid for each in found}
    for process in found:
        with contextlib.suppress(psutil.AccessDenied):  # closed to others of its user, so as not to be read at all
            assert not {SECRET, "ghp_hush"} & {*process.environ().values()}, process.cmdline()


def test_each_worker_finds_its_own_secrets_and_no_others(up: Up) -> None:
    folder = up.home / "up" / "credentials"
    seen = {each.name: {file.name for file in each.iterdir()} for each in folder.iterdir()}
    mine = {"REPO_DISPATCH_TOKEN", "INTERLOCK_WEBHOOK_SECRET"}
    assert {name: files & mine for name, files in seen.items()} == {
        "worker": {"REPO_DISPATCH_TOKEN"},
        "untrusted": set(),
        "gateway": {"INTERLOCK_WEBHOOK_SECRET"},
    }
    assert up.worker("interlock-untrusted").environ()["CREDENTIALS_DIRECTORY"] == str(folder / "untrusted")
    assert {stat.S_IMODE(each.stat().st_mode) for each in folder.rglob("*") if each.is_file()} == {0o600}
    assert {stat.S_IMODE(each.stat().st_mode) for each in folder.rglob("*") if each.is_dir()} == {0o700}


def test_a_second_one_in_the_same_home_is_refused(up: Up) -> None:
    done = subprocess.run([PROGRAM, "up"], env=up.environ, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 17
    assert "runs already" in done.stderr


def test_a_worker_that_is_killed_is_started_again(up: Up) -> None:
    before = up.worker()
    before.kill()
    eventually(lambda: [line for line in up.said() if line.startswith("worker 1: healthy") and "restarts 1" in line])
    assert up.worker().pid != before.pid


def test_told_to_stop_it_leaves_nothing(up: Up) -> None:
    assert up.process is not None
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(60) == 0
    for part in ("Prefect server", "gateway", "worker 1", "untrusted worker 1"):
        assert [line for line in up.said() if line.startswith(part)][-1].startswith(f"{part}: stopped")
    assert up.processes() == []
    assert not (up.home / "up" / "credentials").exists()
