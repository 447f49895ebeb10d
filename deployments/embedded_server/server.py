"""Start the embedded server, or join it, from any command; the first one that needs it starts it."""

import asyncio
import importlib.metadata
import os
import subprocess
import sys
import threading
import time
from typing import Self

from deployments.embedded_server.settings import kept_environment
from deployments.embedded_server.state import (
    Policy,
    Record,
    ServerDirectory,
    State,
    default_place,
    end_lease,
    read_record,
    take_lease,
    try_lock,
)
from interlock.errors import ServerError, UsageError

TICK_SECONDS = 0.1
READY_SECONDS = 240.0
SPAWNS = 2  # somebody may kill a supervisor while it starts; a second time is no accident
IDLE_MINUTES = "INTERLOCK_SERVER_IDLE_MINUTES"
STOP_HINT = "Stop it with: interlock server stop"


class Server:
    """A command's hold on the embedded server: while it lasts, the server does not stop for want of use.

    Leave it with `release()` or as a context manager; the death of the command releases it too.
    """

    def __init__(self, place: ServerDirectory, policy: Policy) -> None:
        self._place = place
        self._policy = policy
        self._since = time.time()
        self._spawns = 0
        # The lease comes first: a server that is about to stop for want of use says so before it can be taken.
        self._lease = _prepare(place)
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
        """Let go of the server; it stays for the next command, until it was idle for too long."""
        lease, self._lease = self._lease, None
        if lease is not None:
            end_lease(lease)

    async def ready(self, timeout: float = READY_SECONDS) -> Record:  # noqa: ASYNC109  the message says how to go on
        """Wait until the server answers.

        Raises:
            ServerError: It cannot be started, is of another version of Prefect, or took longer than `timeout` seconds.
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
        """The server if it is ready; start it if nobody does."""
        lock = try_lock(self._place.lock)
        if lock is not None:
            try:
                self._spawn(lock)
            finally:
                os.close(lock)
            return None
        record = read_record(self._place)
        if record is None:
            return None
        if not record.supervisor.is_alive():
            record.kill()
            return None
        _check_version(record)
        return record if record.state is State.RUNNING else None

    def _spawn(self, lock: int) -> None:
        """Start a supervisor, which inherits the lock: between its start and its end nobody else can have it."""
        record = read_record(self._place)
        if record and record.state is State.FAILED and record.since >= self._since:
            raise self._error(f"The Prefect server could not be started: {record.reason}.")
        if self._spawns == SPAWNS:
            raise self._error("The Prefect server could not be started: its supervisor ended.")
        self._spawns += 1
        self._place.record.unlink(missing_ok=True)
        spawn_supervisor(self._place, self._policy, lock)

    def _check_time(self, deadline: float, timeout: float) -> None:
        if time.monotonic() > deadline:
            raise self._error(f"The Prefect server was not ready after {timeout:g} s.")

    def _error(self, message: str) -> ServerError:
        return ServerError(message + self._place.log_tail(), hint=f"Its whole log: {self._place.log}")


def _prepare(place: ServerDirectory) -> int | None:
    try:
        place.prepare()
        return take_lease(place)
    except OSError as error:
        raise ServerError(f"The Prefect server has no place to be: {error}.", hint="See INTERLOCK_HOME.") from error


def spawn_supervisor(place: ServerDirectory, policy: Policy, lock: int) -> None:
    """Start the process that owns the server, apart from this terminal and with a log of its own."""
    place.protect_database()
    if place.log.exists():
        place.log.replace(place.log.with_suffix(".log.1"))
    log = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    module = "deployments.embedded_server.supervisor"
    process = subprocess.Popen(  # noqa: S603  our own module
        [sys.executable, "-P", "-m", module, str(place.path), policy.model_dump_json(), str(lock)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=place.path,
        env=kept_environment(),
        pass_fds=(lock,),
        start_new_session=True,
    )
    os.close(log)
    # It outlives this command; if it ends before, it must not stay a zombie.
    threading.Thread(target=process.wait, daemon=True).start()


def start(place: ServerDirectory | None = None, policy: Policy | None = None) -> Server:
    """Join the embedded server, or start it if there is none; returns at once, before it is ready.

    Raises:
        ServerError: The server that runs is of another version of Prefect.
        UsageError: `INTERLOCK_SERVER_IDLE_MINUTES` is no number of minutes.
    """
    return Server(place or default_place(), policy or Policy(idle_seconds=idle_seconds()))


def _check_version(record: Record) -> None:
    ours = importlib.metadata.version("prefect")
    if record.prefect != ours:
        raise ServerError(
            f"The Prefect server at {record.ui} is Prefect {record.prefect}; this is Prefect {ours}.", hint=STOP_HINT
        )


def idle_seconds() -> float:
    """After how long without use the server stops: `$INTERLOCK_SERVER_IDLE_MINUTES`, 60 by default, 0 for never.

    Raises:
        UsageError: It is no number of minutes.
    """
    text = os.environ.get(IDLE_MINUTES) or "60"
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1
    if not 0 <= minutes < float("inf"):
        raise UsageError(f'{IDLE_MINUTES} is "{text}", which is no number of minutes.', hint="0 means never.")
    return minutes * 60
