"""`interlock up` as people use it: a real Prefect server, a worker, the gateway, and what becomes of them."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from deployments.cli.prefect_checks import PREFECT_YAML
from deployments.embedded_server.supervisor import free_port
from tests.support.prefect_homes import begin_migrated
from tests.support.prefect_release import PROGRAM, asked
from tests.support.prefect_server import eventually

SECRET = "0123456789abcdef0123456789abcdef"


class Up:
    """The command, in a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.output = folder / "output"
        self.gateway = f"http://127.0.0.1:{free_port(0)}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        own = {"INTERLOCK_HOME": str(self.home), "HOME": str(folder), "INTERLOCK_WEBHOOK_SECRET": SECRET}
        self.environ = {**kept, **own, "REPO_DISPATCH_TOKEN": "ghp_hush"}
        self.process: subprocess.Popen[bytes] | None = None

    def begin(self) -> "subprocess.Popen[bytes]":
        arguments = ["up", "--port", str(free_port(0)), "--gateway-port", self.gateway.rpartition(":")[2]]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [PROGRAM, *arguments], env=self.environ, stdout=output, stderr=output, start_new_session=True
            )
        return self.process

    def said(self) -> list[str]:
        return self.output.read_text().splitlines()

    def is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.output.read_text()
        return any(line.startswith("worker 1: healthy") for line in self.said())

    def processes(self) -> list[psutil.Process]:
        """Whatever lives in its home."""
        return [each for each in psutil.process_iter() if _home(each) == str(self.home)]

    def worker(self) -> psutil.Process:
        (found,) = (each for each in self.processes() if "worker" in each.cmdline() and each.is_running())
        return found

    def api(self) -> httpx.Client:
        record = json.loads((self.home / "prefect" / "server.json").read_text())
        return httpx.Client(base_url=f"http://127.0.0.1:{record['port']}/api", trust_env=False, timeout=60)

    def run(self, api: httpx.Client, deployment: str) -> str:
        """Start a deployment as it is; with SQLite, one asks again."""
        body = {"state": {"type": "SCHEDULED"}}
        path = f"/deployments/{deployment}/create_flow_run"
        made = eventually(lambda: _made(api.post(path, json=body)))
        return str(made["id"])

    def clean_up(self) -> None:
        for each in self.processes():
            with_kill(each)
        if self.process is not None:
            self.process.wait()


def _made(answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = answer.json() if answer.is_success else {}
    return found


def _home(process: psutil.Process) -> str | None:
    try:
        found: str | None = process.environ().get("INTERLOCK_HOME")
    except psutil.Error:
        return None
    return found


def with_kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


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


def patiently_up(made: Up) -> None:
    for _ in range(3):  # a machine with other work may need minutes
        try:
            eventually(made.is_up)
        except AssertionError:
            assert made.process is not None
            if made.process.poll() is not None:
                raise
        else:
            return
    raise AssertionError(made.output.read_text())


def test_every_part_is_said_with_its_address_and_log(up: Up) -> None:
    said = up.said()
    assert said[0] == "starting the Prefect server"
    for start in ("Prefect server: healthy, pid ", "gateway: healthy, pid ", "worker 1: healthy, pid "):
        (line,) = (line for line in said if line.startswith(start))
        assert Path(line.rpartition(", ")[2]).exists()
    assert SECRET not in up.output.read_text()


def test_every_deployment_is_there_and_every_automation_that_heals(up: Up) -> None:
    import yaml

    wanted = {each["name"] for each in yaml.safe_load(PREFECT_YAML.read_text())["deployments"]}
    with up.api() as api:
        assert {each["name"] for each in asked(api, "deployments")} == wanted
        names = {each["name"] for each in asked(api, "automations")}
        (pool,) = asked(api, "work_pools")
    assert len([name for name in names if name.startswith("Interlock: ")]) == 3
    assert (pool["name"], pool["type"]) == ("interlock", "process")


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
    assert "REPO_DISPATCH_TOKEN" not in gateway.environ()
    assert SECRET not in up.worker().environ().values()


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
    for part in ("Prefect server", "gateway", "worker 1"):
        assert [line for line in up.said() if line.startswith(part)][-1].startswith(f"{part}: stopped")
    assert up.processes() == []
