"""A real Prefect server under the supervisor, in a shell of traps: a dead proxy, a token, a profile that is gone."""

import importlib.metadata
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from deployments import embedded_server
from deployments.embedded_server import Record, ServerDirectory
from deployments.embedded_server.state import read_record
from interlock.errors import ServerError
from tests.support.prefect_server import api_client, clean_up, eventually, processes_of, server_of

TRAPS = {"HTTP_PROXY": "http://127.0.0.1:9", "PREFECT_PROFILE": "gone", "MY_TOKEN": "secret"}

SCHEDULED = """
import pathlib
from prefect import flow, settings

@flow
async def tick():
    current = settings.get_current_settings()
    seen = [current.api.url, str(current.flows.heartbeat_frequency), str(current.server.ephemeral.enabled)]
    pathlib.Path("seen").write_text(" ".join(seen))

if __name__ == "__main__":
    tick.serve(name="every-second", interval=1, limit=1, print_starting_message=False)
"""


class Interlock:
    """The command `interlock server`, with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.place = ServerDirectory(home / "prefect")

    def begin(self, *arguments: str) -> "subprocess.Popen[str]":
        command = [str(Path(sys.executable).with_name("interlock")), "server", *arguments]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        environ |= TRAPS | {"INTERLOCK_HOME": str(self.home), "HOME": str(self.home)}
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environ, stdout=pipe, stderr=pipe, text=True, cwd=self.home)

    def run(self, *arguments: str) -> tuple[int | None, str, str]:
        with self.begin(*arguments) as command:
            out, err = command.communicate()
        return command.returncode, out, err


@pytest.fixture(scope="module")
def interlock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interlock]:
    command = Interlock(tmp_path_factory.mktemp("home"))
    yield command
    clean_up(command.place)


@pytest.fixture
def real(interlock: Interlock) -> Record:
    code, _, err = interlock.run("start")
    assert code == 0, err
    record = read_record(interlock.place)
    assert record is not None
    return record


@pytest.fixture
def http(real: Record, interlock: Interlock) -> Iterator[httpx.Client]:
    assert real.has_password
    with api_client(interlock.place) as client:
        client.follow_redirects = True
        yield client


@pytest.mark.long
def test_two_commands_at_once_start_one_server(interlock: Interlock) -> None:
    with interlock.begin("start") as one, interlock.begin("start") as other:
        answers = [one.communicate(), other.communicate()]
    assert (one.returncode, other.returncode) == (0, 0), answers
    assert answers[0] == answers[1]
    assert len(processes_of(interlock.place)) == 1


def test_the_next_command_waits_for_nothing(real: Record, interlock: Interlock) -> None:
    assert interlock.run("start")[0] == 0
    assert read_record(interlock.place) == real


def test_settings_are_as_wanted(real: Record, http: httpx.Client) -> None:
    server = http.get(f"{real.api}/admin/settings").json()["server"]
    assert http.get(f"{real.api}/admin/version").json() == real.prefect == importlib.metadata.version("prefect")
    assert not server["analytics_enabled"]
    assert not server["ui"]["show_promotional_content"]
    assert server["concurrency"]["lease_storage"].endswith(".filesystem")
    for service in ("task_run_recorder", "event_persister"):
        settings = server["services"][service]
        assert (settings["batch_size"], settings["read_batch_size"], settings["flush_interval"]) == (200, 50, 1.0)


def test_the_ui_is_there_and_finds_its_api(real: Record, http: httpx.Client) -> None:
    assert http.get(f"{real.ui}/ui-settings").json()["api_url"] == real.api
    assert "<html" in http.get(real.ui, headers={"Accept": "text/html"}).text


def test_a_page_of_another_origin_reads_nothing(real: Record, http: httpx.Client) -> None:
    for origin, allowed in ((real.ui, True), ("https://elsewhere.example", False)):
        headers = http.get(f"{real.api}/admin/version", headers={"Origin": origin}).headers
        assert ("access-control-allow-origin" in headers) is allowed


@pytest.mark.usefixtures("real")
def test_the_database_is_nobody_elses(interlock: Interlock) -> None:
    place = interlock.place
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in place.path.iterdir() if file.is_file()}
    assert set(modes.values()) == {0o600}
    assert place.database.name in modes
    assert stat.S_IMODE(place.path.stat().st_mode) == 0o700


def test_the_server_has_no_token_of_the_shell(real: Record) -> None:
    for pid in (server_of(real).pid, real.supervisor.pid):
        assert "MY_TOKEN" not in psutil.Process(pid).environ()


def test_status_for_people_and_for_programs(real: Record, interlock: Interlock) -> None:
    code, out, _ = interlock.run("status")
    assert code == 0
    assert real.ui in out
    assert "after 1 h without use" in out
    shown = json.loads(interlock.run("status", "--json")[1])
    assert (shown["state"], shown["ui"], shown["api"]) == ("running", real.ui, real.api)
    assert shown["database_bytes"] > 100_000


@pytest.mark.long
def test_a_scheduled_run_happens(real: Record, http: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "scheduled.py").write_text(SCHEDULED)
    completed = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    environ = os.environ | TRAPS | embedded_server.environment(real) | {"PREFECT_RUNNER_POLL_FREQUENCY": "1"}
    with (tmp_path / "log").open("w") as log:
        serving = subprocess.Popen(
            [sys.executable, "scheduled.py"], cwd=tmp_path, env=environ, stdout=log, stderr=log, start_new_session=True
        )
    try:
        runs = eventually(lambda: http.post(f"{real.api}/flow_runs/filter", json=completed).json())
    finally:
        os.killpg(serving.pid, signal.SIGKILL)
        serving.wait()
    assert runs[0]["auto_scheduled"]
    assert (tmp_path / "seen").read_text() == f"{real.api} 30 False"


@pytest.mark.long
def test_the_next_start_after_the_death_of_the_supervisor_leaves_one_server(real: Record, interlock: Interlock) -> None:
    real.supervisor.signal(signal.SIGKILL)
    eventually(lambda: not real.supervisor.is_alive())
    assert interlock.run("start")[0] == 0
    assert [process.pid for process in processes_of(interlock.place)] == [server_of(read_record(interlock.place)).pid]
    assert not server_of(real).is_alive()


@pytest.mark.usefixtures("real")
def test_stop_leaves_nothing(interlock: Interlock) -> None:
    assert interlock.run("stop")[1] == "stopped\n"
    assert processes_of(interlock.place) == []
    assert interlock.run("status")[0] == 1
    assert interlock.run("stop")[1] == "was not running\n"
    code, out, err = interlock.run("env")
    assert (code, out) == (ServerError.exit_code, "")
    assert "interlock server start" in err


@pytest.mark.long  # that the reason is said is proved with a fake server; this is Prefect's own word on its database
def test_a_damaged_database_is_named_as_the_reason(tmp_path: Path) -> None:
    interlock = Interlock(tmp_path)
    interlock.place.prepare()
    interlock.place.database.write_bytes(b"not a database" * 100)
    code, _, err = interlock.run("start")
    assert code == ServerError.exit_code
    assert "file is not a database" in err
    assert str(interlock.place.log) in err
    assert processes_of(interlock.place) == []
