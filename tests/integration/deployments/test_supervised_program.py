"""A part of the stack: kept running, looked at, ended with all that it has begun. Its programs are tiny real ones."""

import asyncio
import os
import signal
import sys
import textwrap
from collections.abc import Callable, Coroutine
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from deployments.embedded_server.supervised_process import Backoff, Program, State
from deployments.embedded_server.supervisor import free_port
from deployments.stack.supervised_program import SupervisedProgram
from flows.run_process import VARIABLE
from interlock.errors import ServerError

QUICK = Backoff(tick=0.02, first=0.01, most=0.02, grace=10)
SERVES = """
import http.server, os, pathlib, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/well" else 503)
        self.end_headers()
    def log_message(self, *_): pass
print("serves", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
DIES = "print('no such pool'); raise SystemExit(3)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
# As Prefect's worker does it: a run is a process in a session of its own, and that begins others.
RUNS = f"""
import os, subprocess, sys
begins = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
for run in ("one", "two"):
    subprocess.Popen([sys.executable, "-c", begins], start_new_session=True, env={{**os.environ, "{VARIABLE}": run}})
{SERVES}
"""


class Made:
    """A part whose program is a script of this test."""

    def __init__(self, folder: Path, script: str, backoff: Backoff = QUICK) -> None:
        self.folder = folder
        (folder / "program.py").write_text(textwrap.dedent(script))
        self.port = free_port(0)
        self.lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT)
        self.left: list[frozenset[str]] = []
        self.part = SupervisedProgram(self.program, self.lock, backoff, self.keep_left)

    def program(self) -> Program:
        return Program(
            name="tiny",
            module=(str(self.folder / "program.py"), str(self.port)),
            environ={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
            folder=self.folder,
            log=self.folder / "log",
            port=self.port,
            health="/well",
        )

    async def keep_left(self, runs: frozenset[str]) -> None:
        self.left.append(runs)

    async def becomes(self, state: State, restarts: int = 0) -> None:
        await until(lambda: (self.part.seen().state, self.part.seen().restarts) == (state, restarts))

    def said(self, words: str) -> bool:
        log = self.folder / "log"
        return log.exists() and words in log.read_text()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110  others' processes make it true
            await asyncio.sleep(0.01)


Script = Callable[[Made], Coroutine[None, None, None]]


def kept(made: Made, act: Script) -> None:
    """Keep the part while something is done with it, and then stop it."""

    async def both() -> None:
        keeping = asyncio.create_task(made.part.keep())
        try:
            await act(made)
        finally:
            made.part.stop()
            async with asyncio.timeout(60):
                await keeping
        assert made.part.seen().state is State.STOPPED
        assert made.part.seen().pid is None

    asyncio.run(both())
    os.close(made.lock)


def test_it_is_healthy_when_it_says_so_and_stops_when_told(tmp_path: Path) -> None:
    async def act(made: Made) -> None:
        await made.becomes(State.HEALTHY)
        seen = made.part.seen()
        assert seen.pid is not None
        assert (seen.is_well, seen.log) == (True, str(tmp_path / "log"))
        assert psutil.Process(seen.pid).environ().get("HOME") is None, "it gets its own environment and no more"

    kept(Made(tmp_path, SERVES), act)
    assert (tmp_path / "log").read_text() == "serves\n"
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0


def test_what_is_killed_starts_again(tmp_path: Path) -> None:
    async def act(made: Made) -> None:
        await made.becomes(State.HEALTHY)
        first = made.part.seen().pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await made.becomes(State.HEALTHY, restarts=1)
        assert made.part.seen().pid not in {None, first}

    kept(Made(tmp_path, SERVES), act)


def test_what_never_becomes_healthy_is_given_up_with_its_last_words(tmp_path: Path) -> None:
    made = Made(tmp_path, DIES)
    with pytest.raises(ServerError, match="tiny ended 3 times before it was ready") as error:
        asyncio.run(made.part.keep())
    assert "no such pool" in error.value.message
    assert str(tmp_path / "log") in (error.value.hint or "")


def test_what_was_healthy_once_is_never_given_up(tmp_path: Path) -> None:
    async def act(made: Made) -> None:
        await made.becomes(State.HEALTHY)
        (made.folder / "program.py").write_text(DIES)
        pid = made.part.seen().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await until(lambda: made.part.seen().restarts > 2)
        (made.folder / "program.py").write_text(SERVES)
        await until(lambda: made.part.seen().state is State.HEALTHY)

    kept(Made(tmp_path, SERVES, QUICK.model_copy(update={"tries": 1})), act)


def test_what_does_not_listen_is_killed_when_its_time_is_up(tmp_path: Path) -> None:
    async def act(made: Made) -> None:
        await until(lambda: made.said("deaf"))

    kept(Made(tmp_path, DEAF, QUICK.model_copy(update={"grace": 0.1})), act)


def test_in_a_hurry_nobody_waits(tmp_path: Path) -> None:
    async def act(made: Made) -> None:
        await until(lambda: made.said("deaf"))
        made.part.stop(hurry=True)
        await until(lambda: made.part.seen().state is State.STOPPED)

    kept(Made(tmp_path, DEAF, QUICK.model_copy(update={"grace": 600})), act)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_runs_end_with_their_worker_and_are_named(tmp_path: Path, number: signal.Signals) -> None:
    """Though each has a session of its own, and has begun processes too."""
    beneath: list[psutil.Process] = []

    async def act(made: Made) -> None:
        await made.becomes(State.HEALTHY)
        pid = made.part.seen().pid
        assert pid is not None
        await until(lambda: made.part.seen().runs == 2 and len(psutil.Process(pid).children(recursive=True)) == 4)
        beneath.extend(psutil.Process(pid).children(recursive=True))
        os.kill(pid, number)
        await made.becomes(State.HEALTHY, restarts=1)
        assert made.left == [frozenset({"one", "two"})]

    kept(Made(tmp_path, RUNS), act)
    assert beneath
    _, alive = psutil.wait_procs(beneath, timeout=60)
    assert not alive


@pytest.mark.parametrize(("failures", "seconds"), [(1, 1), (2, 2), (3, 4), (7, 60), (10_000, 60)])
def test_pauses_grow_up_to_a_limit(failures: int, seconds: float) -> None:
    assert Backoff().pause(failures) == seconds


def test_what_it_is_started_with_is_not_shown(tmp_path: Path) -> None:
    made = Made(tmp_path, SERVES)
    assert "PATH" not in repr(made.program())
    os.close(made.lock)
