"""What the stack's programs get, and which runs are picked up; decided without starting anything."""

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from deployments.cli.main import app
from deployments.embedded_server.state import HOST, try_lock
from deployments.embedded_server.supervised_process import Backoff, Program, State
from deployments.stack import display
from deployments.stack.orphaned_runs import CLAIMED, PrefectApi, lost, pick_up
from deployments.stack.programs import Programs, why_no_gateway
from deployments.stack.server import ConfiguredServer
from deployments.stack.stack import Stack, StackOptions, opened
from deployments.stack.supervised_program import ProgramStatus
from interlock.common.credentials import is_secret, load_credentials
from interlock.errors import BusyError, ServerError, TokenError, UsageError

SECRET = "0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def programs(tmp_path: Path, interlock_home: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    monkeypatch.setenv("INTERLOCK_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("INTERLOCK_WEBHOOK_SECRET_OLD", SECRET[::-1])
    monkeypatch.setenv("REPO_DISPATCH_TOKEN", "ghp_hush")
    monkeypatch.setenv("TWINE_PASSWORD", "pypi-hush")
    monkeypatch.setenv("UV_INDEX_HERE_PASSWORD", "uv-hush")
    monkeypatch.setenv("INTERLOCK_READ_TOKEN", "read-hush")
    monkeypatch.setenv("INTERLOCK_LEDGER_URL", "postgresql://me:hush@ledger")
    monkeypatch.setenv("MY_PAT", "hush")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    monkeypatch.setenv("PREFECT_API_URL", "http://elsewhere/api")
    made = Programs(folder=tmp_path, prefect={"PREFECT_API_URL": "http://here/api"}, gateway_port=4280, runs=2)
    kept = ("REPO_", "TWINE_", "INTERLOCK_", "UV_INDEX_HERE", "MY_PAT")
    shell = {name: value for name, value in os.environ.items() if name.startswith(kept)}
    made.write_credentials({name: value for name, value in shell.items() if is_secret(name, value)})
    return made


def secrets_of(program: Program) -> dict[str, str]:
    """What the program finds beside its environment."""
    found = {"CREDENTIALS_DIRECTORY": program.environ["CREDENTIALS_DIRECTORY"]}
    load_credentials(found)
    del found["CREDENTIALS_DIRECTORY"]
    return found


def test_no_program_has_a_secret_in_its_environment(programs: Programs) -> None:
    for program in (programs.worker(1), programs.untrusted_worker(1), programs.gateway()):
        said = "".join(program.environ.values())
        assert "hush" not in said
        assert SECRET not in said
        assert SECRET[::-1] not in said
        assert program.environ["PREFECT_API_URL"] == "http://here/api"
    assert int(programs.worker(1).environ["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]) == 30


def test_each_program_finds_the_secrets_that_it_needs(programs: Programs) -> None:
    ledger, index = ("INTERLOCK_LEDGER_URL", "UV_INDEX_HERE_PASSWORD")
    assert secrets_of(programs.worker(1)).keys() == {
        *("REPO_DISPATCH_TOKEN", "TWINE_PASSWORD", "INTERLOCK_READ_TOKEN", "MY_PAT", ledger, index)
    }
    assert secrets_of(programs.untrusted_worker(1)) == {
        "INTERLOCK_READ_TOKEN": "read-hush",
        ledger: "postgresql://me:hush@ledger",
        index: "uv-hush",
    }
    assert secrets_of(programs.gateway()) == {
        "INTERLOCK_WEBHOOK_SECRET": SECRET,
        "INTERLOCK_WEBHOOK_SECRET_OLD": SECRET[::-1],
        ledger: "postgresql://me:hush@ledger",
    }


def test_a_secret_that_the_shell_has_no_more_is_taken_away(programs: Programs) -> None:
    programs.write_credentials({"TWINE_PASSWORD": "other"})
    assert secrets_of(programs.worker(1)) == {"TWINE_PASSWORD": "other"}
    assert secrets_of(programs.untrusted_worker(1)) == secrets_of(programs.gateway()) == {}


def test_code_under_test_runs_with_caches_of_its_own_and_what_it_needs_of_the_shell(
    programs: Programs, interlock_home: Path
) -> None:
    environ = programs.untrusted_worker(1).environ
    assert environ["INTERLOCK_CACHE"] == str(interlock_home / "cache-untrusted")
    assert environ["UV_CACHE_DIR"] == str(interlock_home / "cache-untrusted" / "uv")
    assert "INTERLOCK_CACHE" not in programs.worker(1).environ
    assert "SSH_AUTH_SOCK" not in environ
    assert "interlock-untrusted" in programs.untrusted_worker(1).module


def test_registering_needs_no_secret(programs: Programs) -> None:
    said = "".join(programs.registration().values())
    assert SECRET not in said
    assert "ghp_hush" not in said


def test_no_secret_is_in_what_can_be_seen_of_a_program(programs: Programs) -> None:
    for program in (programs.worker(1), programs.untrusted_worker(1), programs.gateway()):
        assert "hush" not in repr(program) + " ".join(program.module)
        assert SECRET not in repr(program) + " ".join(program.module)


def test_workers_have_names_and_ports_of_their_own(programs: Programs) -> None:
    one, other = programs.worker(1), programs.worker(2)
    assert one.log != other.log
    assert one.module != other.module


def test_without_a_secret_there_is_no_gateway_and_it_is_said_why() -> None:
    assert "INTERLOCK_WEBHOOK_SECRET" in (why_no_gateway({}) or "")
    assert why_no_gateway({"INTERLOCK_WEBHOOK_SECRET": SECRET}) is None
    with pytest.raises(TokenError, match="too short"):
        why_no_gateway({"INTERLOCK_WEBHOOK_SECRET": "short"})


# ---- runs --------------------------------------------------------------------------------------------------------


def run(id_: str, state: str = "RUNNING", age: timedelta = timedelta(0)) -> dict[str, Any]:
    return {
        "id": id_,
        "deployment_id": "deployment",
        "work_pool_name": "interlock",
        "state_type": state,
        "state": {"timestamp": (NOW - age).isoformat().replace("+00:00", "Z")},
    }


def test_a_run_is_lost_when_nothing_here_runs_it() -> None:
    assert lost([run("gone"), run("alive")], ["alive"], NOW) == ["gone"]


def test_a_run_that_was_claimed_just_now_may_still_get_its_process() -> None:
    claimed, stuck = run("claimed", "PENDING"), run("stuck", "PENDING", 2 * CLAIMED)
    assert lost([claimed, stuck], [], NOW) == ["stuck"]


class Prefect:
    """A server that answers as Prefect's, as far as it is asked here."""

    def __init__(self, runs: list[dict[str, Any]]) -> None:
        self.runs = {each["id"]: each for each in runs}
        self.set: list[tuple[str, dict[str, Any]]] = []
        self.authorization: set[str | None] = set()
        prefect = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(prefect.runs.get(self.path.rsplit("/", 1)[1]))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path.endswith("/filter"):
                    wanted = body["flow_runs"]["state"]["type"]["any_"]
                    self._answer([each for each in prefect.runs.values() if each["state_type"] in wanted])
                else:
                    prefect.set.append((self.path.split("/")[3], body))
                    self._answer({})

            def _answer(self, found: object) -> None:
                prefect.authorization.add(self.headers["Authorization"])
                text = json.dumps(found).encode()
                self.send_response(200 if found is not None else 404)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                return

        self.server = HTTPServer((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self.server.server_port}/api"


@pytest.fixture
def prefect() -> Iterator[Prefect]:
    found = Prefect(
        [
            run("gone"),
            run("crashed", "CRASHED"),
            run("done", "COMPLETED"),
            {**run("by-hand"), "deployment_id": None},
            run("claimed", "PENDING", NOW - datetime.now(UTC)),
        ]
    )
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def test_what_a_dead_machine_left_is_scheduled_again_and_a_persons_own_run_is_not(prefect: Prefect) -> None:
    prefect.runs["elsewhere"] = {**run("elsewhere"), "work_pool_name": "interlock-untrusted"}
    api = PrefectApi.of({"PREFECT_API_URL": prefect.url, "PREFECT_API_AUTH_STRING": "admin:hush"})
    asyncio.run(pick_up(api, {"interlock"}))
    assert [name for name, _ in prefect.set] == ["gone"]
    assert prefect.set[0][1]["state"]["type"] == "SCHEDULED"
    assert prefect.set[0][1]["force"] is True
    assert prefect.authorization == {"Basic YWRtaW46aHVzaA=="}


@pytest.mark.parametrize(("is_ending", "expected"), [(False, ["gone"]), (True, ["gone", "crashed"])])
def test_while_the_stack_goes_on_crashed_runs_are_the_automations(
    prefect: Prefect, tmp_path: Path, *, is_ending: bool, expected: list[str]
) -> None:
    stack = Stack(StackOptions(port=1, gateway_port=2), tmp_path, 0, ConfiguredServer(prefect.url, Backoff()))
    stack.server.is_ours = True
    stack._prefect = {"PREFECT_API_URL": prefect.url}
    if is_ending:
        stack.stop()
    for name in ("gone", "crashed", "done", "unheard-of"):
        asyncio.run(stack._run_again(frozenset({name})))
    assert [name for name, _ in prefect.set] == expected


# ---- the command -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("interlock_home")
def test_there_is_one_stack_in_a_home(interlock_home: Path) -> None:
    wanted = StackOptions(port=4270, gateway_port=4280)
    with opened(wanted), pytest.raises(BusyError, match="runs already"), opened(wanted):
        pass
    lock = try_lock(interlock_home / "up" / "lock")
    assert lock is not None, "and when it has ended, there is none"
    os.close(lock)


@pytest.mark.parametrize("option", [["--workers", "2"], ["--runs", "3"]])
def test_the_servers_own_database_takes_one_worker_and_two_runs(
    option: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setattr("deployments.embedded_server.configured_api", lambda: None)
    ended = CliRunner().invoke(app, ["up", *option])
    assert isinstance(ended.exception, UsageError)
    assert "docs/operations.md" in str(ended.exception)


def test_a_configured_server_is_looked_at_and_left_alone(prefect: Prefect) -> None:
    async def look() -> None:
        server = ConfiguredServer(prefect.url.replace("http://", "http://admin:hush@"), Backoff())
        await server.start()
        assert (server.seen().state, server.seen().pid) == (State.HEALTHY, None)
        assert "hush" not in server.seen().note
        assert await server.stop(hurry=False) is None

    asyncio.run(look())


def test_a_configured_server_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ServerError, match="does not answer"):
        asyncio.run(ConfiguredServer("http://127.0.0.1:9/api", Backoff()).start())


def test_each_change_is_a_line_where_there_is_no_terminal(tmp_path: Path) -> None:
    stack = Stack(
        StackOptions(port=1, gateway_port=2), tmp_path, 0, ConfiguredServer("http://127.0.0.1:9/api", Backoff())
    )
    stack._absent.append(ProgramStatus(name="gateway", state=State.ABSENT, note="[no] secret"))
    console = Console(record=True, width=200, force_terminal=False)

    async def show() -> None:
        async with display.shown(stack, console):
            await asyncio.sleep(0)

    asyncio.run(show())
    lines = console.export_text().splitlines()
    assert "gateway: not started, [no] secret" in lines
    assert len(lines) == len(set(lines))


def test_a_terminal_shows_a_table_of_everything(tmp_path: Path) -> None:
    stack = Stack(
        StackOptions(port=1, gateway_port=2), tmp_path, 0, ConfiguredServer("http://127.0.0.1:9/api", Backoff())
    )
    stack._absent.append(ProgramStatus(name="gateway", state=State.ABSENT, note="[no] secret"))
    console = Console(record=True, width=200)
    console.print(display.table(stack))
    text = console.export_text()
    assert "[no] secret" in text
    for word in ("what", "state", "pid", "restarts", "runs", "log", "Prefect server", "gateway"):
        assert word in text
