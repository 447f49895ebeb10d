"""Starts the embedded server, or joins it: the first command that needs it starts it.

Any number of commands may do so at once, and all get the same server. Each takes its lease first, so a server that is
about to stop for lack of use either sees the lease or has recorded that it stops. Then each tries to lock
`server.lock`: the one that gets the lock starts the supervisor, which inherits it, so there is no moment in which a
second command could start another. The others wait for the supervisor's record. A supervisor that is killed frees the
lock once its server has ended, and a command that waits starts the next one.
"""

import asyncio
import importlib.metadata
import os
import subprocess
import sys
import threading
import time
from typing import Self

from deployments.embedded_server.password import STOP_HINT, check_protected, keep_password
from deployments.embedded_server.settings import kept_environment
from deployments.embedded_server.state import (
    Policy,
    Record,
    ServerDirectory,
    State,
    default_directory,
    end_lease,
    read_record,
    take_lease,
    try_lock,
)
from interlock.errors import ServerError, UsageError

TICK_SECONDS = 0.1
READY_SECONDS = 240.0
SPAWNS = 2  # a supervisor may be killed while it starts; a second time is not an accident
IDLE_MINUTES = "INTERLOCK_SERVER_IDLE_MINUTES"


class Server:
    """A command's hold on the embedded server: while it lasts, the server does not stop for lack of use.

    `release()` or the end of the block ends it, and so does the end of the command.
    """

    def __init__(self, directory: ServerDirectory, policy: Policy) -> None:
        self._directory = directory
        self._policy = policy
        self._since = time.time()
        self._spawns = 0
        self._lease = _prepare(directory)
        try:
            self._look()
        except BaseException:
            self.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Release the server; it keeps running for the next command until it was idle for too long."""
        lease, self._lease = self._lease, None
        if lease is not None:
            end_lease(lease)

    async def ready(self, timeout: float = READY_SECONDS) -> Record:  # noqa: ASYNC109  the message says what to do
        """Wait until the server answers.

        Raises:
            ServerError: It can't be started, is of another version of Prefect, or took longer than `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while (running := self._look()) is None:
            self._check_time(deadline, timeout)
            await asyncio.sleep(TICK_SECONDS)
        return running

    def wait_until_ready(self, timeout: float = READY_SECONDS) -> Record:
        """The same as `ready`, for a command without an event loop."""
        deadline = time.monotonic() + timeout
        while (running := self._look()) is None:
            self._check_time(deadline, timeout)
            time.sleep(TICK_SECONDS)
        return running

    def _look(self) -> Record | None:
        """The server if it is ready; starts it unless another command does."""
        lock = try_lock(self._directory.lock)
        if lock is not None:
            try:
                self._spawn(lock)
            finally:
                os.close(lock)
            return None
        record = read_record(self._directory)
        if record is None:
            return None
        if not record.supervisor.is_alive():
            record.kill()
            return None
        _check_version(record)
        check_protected(record)
        return record if record.state is State.RUNNING else None

    def _spawn(self, lock: int) -> None:
        """Start a supervisor, which inherits the lock and holds it until it ends."""
        record = read_record(self._directory)
        if record and record.state is State.FAILED and record.since >= self._since:
            raise self._error(f"The Prefect server could not be started: {record.reason}.")
        if self._spawns == SPAWNS:
            raise self._error("The Prefect server could not be started: its supervisor ended.")
        self._spawns += 1
        self._directory.record.unlink(missing_ok=True)
        spawn_supervisor(self._directory, self._policy, lock)

    def _check_time(self, deadline: float, timeout: float) -> None:
        if time.monotonic() > deadline:
            raise self._error(f"The Prefect server was not ready after {timeout:g} s.")

    def _error(self, message: str) -> ServerError:
        return ServerError(message + self._directory.log_tail(), hint=f"Its whole log: {self._directory.log}")


def _prepare(directory: ServerDirectory) -> int | None:
    try:
        directory.prepare()
        return take_lease(directory)
    except OSError as error:
        raise ServerError(f"The Prefect server has no place to be: {error}.", hint="See INTERLOCK_HOME.") from error


def spawn_supervisor(directory: ServerDirectory, policy: Policy, lock: int) -> None:
    """Start the supervisor's process, in a session of its own and with its own log."""
    directory.protect_database()
    keep_password(directory)
    if directory.log.exists():
        directory.log.replace(directory.log.with_suffix(".log.1"))
    log = os.open(directory.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    module = "deployments.embedded_server.supervisor"
    process = subprocess.Popen(  # noqa: S603  our own module
        [sys.executable, "-P", "-m", module, str(directory.path), policy.model_dump_json(), str(lock)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=directory.path,
        env=kept_environment(),
        pass_fds=(lock,),
        start_new_session=True,
    )
    os.close(log)
    # It outlives this command; if it ends earlier, it must not stay a zombie.
    threading.Thread(target=process.wait, daemon=True).start()


def start(directory: ServerDirectory | None = None, policy: Policy | None = None) -> Server:
    """Join the embedded server, or start it if there is none; returns at once, before it is ready.

    Raises:
        ServerError: The server that runs is of another version of Prefect.
        UsageError: `INTERLOCK_SERVER_IDLE_MINUTES` is not a number of minutes.
    """
    return Server(directory or default_directory(), policy or Policy(idle_seconds=idle_seconds()))


def _check_version(record: Record) -> None:
    ours = importlib.metadata.version("prefect")
    if record.prefect != ours:
        raise ServerError(
            f"The Prefect server at {record.ui} is Prefect {record.prefect}; this is Prefect {ours}.", hint=STOP_HINT
        )


def idle_seconds() -> float:
    """Seconds without use until the server stops: `$INTERLOCK_SERVER_IDLE_MINUTES`, by default 60; 0 is never.

    Raises:
        UsageError: It is not a number of minutes.
    """
    text = os.environ.get(IDLE_MINUTES) or "60"
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1
    if not 0 <= minutes < float("inf"):
        raise UsageError(f'{IDLE_MINUTES} is "{text}", which is no number of minutes.', hint="0 means never.")
    return minutes * 60
