"""The embedded server: one at a time on a home, never lost, never left behind."""

import asyncio
import http.server
import importlib.metadata
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployments import embedded_server
from deployments.embedded_server import Policy, Record, ServerDirectory, State, control, supervisor
from deployments.embedded_server.password import keep_password
from deployments.embedded_server.processes import Identity
from deployments.embedded_server.state import is_locked, read_record, try_lock, write_record
from interlock.errors import ServerError
from tests.support.prefect_server import PATIENCE, clean_up, eventually, processes_of, server_of

FAKE = """
import http.server, os, pathlib, signal, subprocess, sys, time
port, mode = int(sys.argv[1]), sys.argv[2]
print("the fake server starts", flush=True)
if mode == "dying":
    sys.exit("the database is on fire")
if mode == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
if mode == "mute":
    time.sleep(600)
while mode == "late" and not pathlib.Path("go").exists():
    time.sleep(0.05)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        if mode == "crashing":
            os._exit(3)

http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[ServerDirectory]:
    here = ServerDirectory(tmp_path / "prefect")
    yield here
    clean_up(here)


@pytest.fixture
def fake(tmp_path: Path) -> Callable[..., Policy]:
    program = tmp_path / "fake.py"
    program.write_text(FAKE)

    def policy(mode: str = "fine", **values: object) -> Policy:
        chosen = {"port": 0, "tick_seconds": 0.05, "grace_seconds": 3, "idle_seconds": 0} | values
        return Policy.model_validate(chosen | {"program": (str(program), "{port}", mode)})

    return policy


def started(place: ServerDirectory, policy: Policy) -> Record:
    with embedded_server.start(place, policy) as server:
        return server.wait_until_ready(PATIENCE)


# One server at a time


def test_start_returns_before_the_server_is_ready(place: ServerDirectory, fake: Callable[..., Policy]) -> None:
    with embedded_server.start(place, fake("late")) as server:
        eventually(lambda: (record := read_record(place)) and record.server)
        assert embedded_server.status(place).state == "starting"
        (place.path / "go").touch()
        assert server.wait_until_ready(PATIENCE).state is State.RUNNING


def test_ready_can_be_awaited(place: ServerDirectory, fake: Callable[..., Policy]) -> None:
    with embedded_server.start(place, fake()) as server:
        assert asyncio.run(server.ready(PATIENCE)).ui.startswith("http://127.0.0.1:")


def test_many_commands_at_once_get_one_server(
    place: ServerDirectory, fake: Callable[..., Policy], tmp_path: Path
) -> None:
    script = tmp_path / "command.py"
    script.write_text(
        "import sys, pathlib\n"
        "from deployments.embedded_server import ServerDirectory, Policy, start\n"
        "policy = Policy.model_validate_json(sys.argv[2])\n"
        "print(start(ServerDirectory(pathlib.Path(sys.argv[1])), policy).wait_until_ready(60).server.pid)\n"
    )
    command = [sys.executable, str(script), str(place.path), fake().model_dump_json()]
    commands = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = {command.communicate()[0] for command in commands}
    assert answers == {f"{server_of(read_record(place)).pid}\n"}
    assert len(processes_of(place)) == 1


def test_a_server_of_another_prefect_is_not_joined(
    place: ServerDirectory, fake: Callable[..., Policy], monkeypatch: pytest.MonkeyPatch
) -> None:
    started(place, fake())
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "3.9.0")
    with pytest.raises(ServerError, match=r"this is Prefect 3\.9\.0.\n.*interlock server stop"):
        embedded_server.start(place, fake())
    assert not is_locked(place.leases)


def test_a_record_without_its_lock_is_known_to_be_stale(place: ServerDirectory, fake: Callable[..., Policy]) -> None:
    place.prepare()
    me = Identity.of(os.getpid())
    stale = Record(
        state=State.RUNNING, supervisor=me, server=me, port=1, home=place.path, prefect="1", since=0, idle_seconds=0
    )
    write_record(place, stale)
    assert embedded_server.status(place).state == "stopped"
    assert not embedded_server.stop(place)


def test_a_server_without_a_password_is_refused_and_can_be_stopped(
    place: ServerDirectory, fake: Callable[..., Policy]
) -> None:
    record = started(place, fake())
    assert embedded_server.status(place).password_file == str(place.password)
    write_record(place, record.model_copy(update={"has_password": False}))
    with pytest.raises(ServerError, match="has no password") as caught:
        embedded_server.start(place, fake())
    assert caught.value.hint == "Stop it with: interlock server stop"
    assert embedded_server.status(place).password_file is None
    assert embedded_server.stop(place)
    assert started(place, fake()).has_password
    assert started(place, fake()).port != 1


def test_a_pid_that_another_process_got_is_not_taken_for_the_server() -> None:
    later = Identity(pid=os.getpid(), started=Identity.of(os.getpid()).started - 60)
    assert not later.is_alive()
    later.signal(signal.SIGKILL)
    later.kill_group()


# It comes back


def test_a_server_that_crashes_is_started_again(place: ServerDirectory, fake: Callable[..., Policy]) -> None:
    before = started(place, fake())
    os.kill(server_of(before).pid, signal.SIGKILL)
    eventually(lambda: (new := read_record(place)) and new.server not in {None, before.server})
    after = started(place, fake())
    assert (after.supervisor, after.api) == (before.supervisor, before.api)


def test_a_server_that_always_crashes_is_given_up(place: ServerDirectory, fake: Callable[..., Policy]) -> None:
    with embedded_server.start(place, fake("crashing", restarts=1)):
        eventually(lambda: place.record.exists() and not is_locked(place.lock))
    record = read_record(place)
    assert record is not None
    assert (record.state, record.reason) == (State.FAILED, "the server crashed again and again")
    assert processes_of(place) == []


def test_the_death_of_the_supervisor_ends_its_server(place: ServerDirectory, fake: Callable[..., Policy]) -> None:
    record = started(place, fake())
    os.kill(record.supervisor.pid, signal.SIGKILL)
    eventually(lambda: not is_locked(place.lock))
    assert processes_of(place) == []


def test_an_orphan_that_does_not_end_by_itself_is_killed_by_the_next_start(
    place: ServerDirectory, fake: Callable[..., Policy]
) -> None:
    before = started(place, fake("deaf"))
    before.supervisor.signal(signal.SIGKILL)
    eventually(lambda: not before.supervisor.is_alive())
    assert embedded_server.status(place).state == "stopping"
    after = started(place, fake())
    assert [process.pid for process in processes_of(place)] == [server_of(after).pid]
    assert not server_of(before).is_alive()


def test_an_orphan_that_does_not_end_by_itself_is_killed_by_stop(
    place: ServerDirectory, fake: Callable[..., Policy]
) -> None:
    before = started(place, fake("deaf"))
    before.supervisor.signal(signal.SIGKILL)
    eventually(lambda: not before.supervisor.is_alive())
    assert embedded_server.stop(place)
    assert processes_of(place) == []


# It goes


def test_an_idle_server_stops(place: ServerDirectory, fake: Callable[..., Policy]) -> None:
    started(place, fake(idle_seconds=0.1))
    eventually(lambda: embedded_server.status(place).state == "stopped")
    assert processes_of(place) == []
    assert not place.record.exists()


def test_a_command_and_a_browser_keep_the_server(place: ServerDirectory, fake: Callable[..., Policy]) -> None:
    with embedded_server.start(place, fake(idle_seconds=0.2)) as server:
        running = server.wait_until_ready(PATIENCE)
        time.sleep(1)
        assert running.supervisor.is_alive()
        browser = socket.create_connection(("127.0.0.1", running.port))
    with browser:
        time.sleep(1)
        assert running.supervisor.is_alive()
    eventually(lambda: embedded_server.status(place).state == "stopped")


def test_a_killed_command_does_not_keep_the_server(place: ServerDirectory, fake: Callable[..., Policy]) -> None:
    place.prepare()
    take = "import sys, pathlib, time; from deployments.embedded_server import state\n"
    take += "state.take_lease(state.ServerDirectory(pathlib.Path(sys.argv[1]))); print(flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", take, str(place.path)], stdout=subprocess.PIPE) as command:
        assert command.stdout is not None
        command.stdout.readline()
        started(place, fake(idle_seconds=0.1))
        command.kill()
    eventually(lambda: embedded_server.status(place).state == "stopped")


def test_a_server_in_use_is_stopped_only_by_force(place: ServerDirectory, fake: Callable[..., Policy]) -> None:
    with embedded_server.start(place, fake()) as server:
        running = server.wait_until_ready(PATIENCE)
        with pytest.raises(ServerError, match="A command is using"):
            embedded_server.stop(place)
        assert server_of(running).is_alive()
        assert embedded_server.stop(place, force=True)
    assert not embedded_server.stop(place)


def test_stop_leaves_nothing_of_a_server_that_is_deaf(place: ServerDirectory, fake: Callable[..., Policy]) -> None:
    started(place, fake("deaf", grace_seconds=0.2))
    assert len(processes_of(place)) == 2
    assert embedded_server.stop(place)
    assert processes_of(place) == []


def test_stop_ends_a_start_that_is_under_way(place: ServerDirectory, fake: Callable[..., Policy]) -> None:
    embedded_server.start(place, fake("mute", grace_seconds=0.2)).release()
    assert embedded_server.stop(place)
    assert processes_of(place) == []


def test_a_supervisor_that_does_not_listen_is_killed(place: ServerDirectory, fake: Callable[..., Policy]) -> None:
    running = started(place, fake())
    os.kill(running.supervisor.pid, signal.SIGSTOP)
    assert embedded_server.stop(place, timeout=0)
    assert processes_of(place) == []


def test_a_command_that_comes_while_the_server_stops_gets_a_new_one(
    place: ServerDirectory, fake: Callable[..., Policy]
) -> None:
    before = started(place, fake("deaf", grace_seconds=0.5))
    stopping = threading.Thread(target=embedded_server.stop, args=(place,))
    stopping.start()
    eventually(lambda: embedded_server.status(place).state == "stopping")
    assert started(place, fake()).supervisor != before.supervisor
    stopping.join()


def test_who_stops_a_server_leaves_one_alone_that_was_started_meanwhile(
    place: ServerDirectory, fake: Callable[..., Policy], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one ends and the new one begins while whoever stops the old one does not look."""
    monkeypatch.setattr(control, "TICK_SECONDS", 1)
    started(place, fake("deaf", grace_seconds=1.5))
    stopping = threading.Thread(target=embedded_server.stop, args=(place,), kwargs={"timeout": 1})
    stopping.start()
    eventually(lambda: embedded_server.status(place).state == "stopping")
    new = started(place, fake())
    stopping.join()
    assert new.supervisor.is_alive()
    assert embedded_server.status(place).state == "running"


# It cannot start


def test_the_log_says_why_a_server_did_not_start(place: ServerDirectory, fake: Callable[..., Policy]) -> None:
    with embedded_server.start(place, fake("dying")) as server, pytest.raises(ServerError) as caught:
        server.wait_until_ready(PATIENCE)
    assert "the server ended before it was ready.\n" in caught.value.message
    assert caught.value.message.endswith("\n  the database is on fire")
    assert str(place.log) in str(caught.value.hint)


def test_the_next_command_tries_again(place: ServerDirectory, fake: Callable[..., Policy]) -> None:
    with embedded_server.start(place, fake("dying")) as server, pytest.raises(ServerError):
        server.wait_until_ready(PATIENCE)
    assert started(place, fake()).state is State.RUNNING
    assert "on fire" in place.log.with_suffix(".log.1").read_text()


def test_a_start_that_takes_too_long_is_an_error_of_the_command(
    place: ServerDirectory, fake: Callable[..., Policy]
) -> None:
    with embedded_server.start(place, fake("mute")) as server, pytest.raises(ServerError, match=r"not ready after 0 s"):
        server.wait_until_ready(0)


def test_a_start_that_takes_too_long_is_ended(place: ServerDirectory, fake: Callable[..., Policy]) -> None:
    with embedded_server.start(place, fake("mute", start_seconds=0.2)) as server, pytest.raises(ServerError):
        server.wait_until_ready(PATIENCE)
    assert processes_of(place) == []


def test_a_home_that_cannot_be_made_is_an_error(tmp_path: Path, fake: Callable[..., Policy]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ServerError, match="no place to be"):
        embedded_server.start(ServerDirectory(tmp_path / "file" / "prefect"), fake())


def test_a_port_that_is_taken_is_left_to_who_has_it(place: ServerDirectory, fake: Callable[..., Policy]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        taken = stranger.getsockname()[1]
        assert started(place, fake(port=taken)).port != taken


def test_a_stranger_that_takes_the_port_meanwhile_is_not_taken_for_the_server(
    place: ServerDirectory, fake: Callable[..., Policy]
) -> None:
    class Stranger(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

    with embedded_server.start(place, fake("late")) as server:
        record = eventually(lambda: read_record(place))
        assert record is not None
        with http.server.HTTPServer(("127.0.0.1", record.port), Stranger) as stranger:
            threading.Thread(target=stranger.serve_forever, daemon=True).start()
            (place.path / "go").touch()
            running = server.wait_until_ready(PATIENCE)
            stranger.shutdown()
    assert running.port != record.port


# The supervisor, in this process


@pytest.fixture
def _own_signals() -> Iterator[None]:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def supervise(place: ServerDirectory, policy: Policy) -> Record | None:
    place.prepare()
    keep_password(place)
    lock = try_lock(place.lock)
    assert lock is not None
    before = os.umask(0o077)
    try:
        supervisor.main([str(place.path), policy.model_dump_json(), str(lock)])
    finally:
        os.umask(before)
        os.close(lock)
    return read_record(place)


@pytest.mark.usefixtures("_own_signals")
def test_a_supervisor_ends_with_its_idle_server(place: ServerDirectory, fake: Callable[..., Policy]) -> None:
    assert supervise(place, fake(idle_seconds=0.1)) is None
    assert not is_locked(place.lock)


@pytest.mark.usefixtures("_own_signals")
@pytest.mark.parametrize("mode", ["dying", "crashing"])
def test_a_supervisor_says_why_it_gave_up(place: ServerDirectory, fake: Callable[..., Policy], mode: str) -> None:
    record = supervise(place, fake(mode, restarts=0))
    assert record is not None
    assert record.state is State.FAILED


@pytest.mark.usefixtures("_own_signals")
def test_a_supervisor_ends_on_term(place: ServerDirectory, fake: Callable[..., Policy]) -> None:
    def term() -> None:
        eventually(lambda: (record := read_record(place)) and record.state is State.RUNNING)
        os.kill(os.getpid(), signal.SIGTERM)

    killer = threading.Thread(target=term)
    killer.start()
    assert supervise(place, fake(tick_seconds=600)) is None
    killer.join()
