"""A world's servers in a process of their own, as seen by the process that starts it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
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
    """A process that serves a world; it loads its modules at once, and serves when `begin` is called.

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
                # A process that stays must survive the end of the terminal.
                start_new_session=stays,
            )

    def begin(self, upstream: SecretStr | None) -> None:
        """Let it serve the world, which is complete now.

        Args:
            upstream: The simple API of the user's own index, for projects that the rehearsal's index lacks.

        Raises:
            RehearsalError: It could not start to serve.
        """
        order = {"stays": self.stays, "upstream": upstream.get_secret_value() if upstream else None}
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(START_SECONDS, process.kill)
        timer.start()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(order).encode() + b"\n")
            process.stdin.flush()
        answer = process.stdout.readline().decode().strip()
        timer.cancel()
        if answer != READY:
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
        """Detach from it; unless it stays, it ends."""
        if self._process.returncode is None:
            self._process.returncode = 0  # otherwise Python warns of an abandoned child
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


def stop_server(directory: RehearsalDirectory) -> bool:
    """End the process that serves a world; False if there is none."""
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
