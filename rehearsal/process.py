"""A world's servers in a process of their own, seen from the one that begins it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from interlock.errors import RehearsalError
from rehearsal.directory import RehearsalDirectory

MODULE = "rehearsal.server_process"
READY = "ready"
START_SECONDS = 60.0
STOP_SECONDS = 5.0
TICK_SECONDS = 0.02


class ServingProcess:
    """A process that is going to serve a world; it loads what it needs at once, and waits for `begin`.

    Args:
        directory: The world's directory.
        lock: The descriptor of its lock, which the process inherits.
        stays: Whether it outlives this process.
    """

    def __init__(self, directory: RehearsalDirectory, lock: int, *, stays: bool) -> None:
        self._log, self.stays = directory.server_log, stays
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own module
                [sys.executable, "-P", "-m", MODULE, str(directory.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=(lock,),
                # One that stays must not hear of the terminal's end either.
                start_new_session=stays,
            )

    def begin(self, upstream: SecretStr | None) -> None:
        """Let it serve the world, which is complete now.

        Args:
            upstream: The simple API that is asked for what the rehearsal's own index does not have.

        Raises:
            RehearsalError: It could not begin.
        """
        self._tell({"stays": self.stays, "upstream": upstream.get_secret_value() if upstream else None})

    def _tell(self, told: Mapping[str, object]) -> None:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(START_SECONDS, process.kill)
        timer.start()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(told).encode() + b"\n")
            process.stdin.flush()
        said = process.stdout.readline().decode().strip()
        timer.cancel()
        if said != READY:
            self.stop()
            raise RehearsalError(f"the rehearsal's servers did not begin: {_last_line(self._log)}")

    def wait(self) -> None:
        """Wait until it ends."""
        self._process.wait()

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.leave()

    def leave(self) -> None:
        """Have nothing more to do with it; unless it stays, it ends."""
        if self._process.returncode is None:
            self._process.returncode = 0  # else Python warns of a child that was forgotten
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


def stop_server(directory: RehearsalDirectory) -> bool:
    """End whoever serves a world now; False when nobody does."""
    server = directory.server()
    if server is None:
        return False
    _signal(server.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while directory.server() is not None:
        if time.monotonic() > deadline:
            _signal(server.pid, signal.SIGKILL)
        time.sleep(TICK_SECONDS)
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _last_line(log: Path) -> str:
    lines = log.read_text("utf-8", errors="replace").splitlines()
    return lines[-1] if lines else "it said nothing"
