"""Shows the embedded server's status and stops it, from any command."""

import os
import signal
import time

from deployments.embedded_server.processes import Identity
from deployments.embedded_server.state import (
    Record,
    ServerDirectory,
    State,
    default_directory,
    is_locked,
    read_record,
    try_lock,
)
from interlock.common.frozen_model import FrozenModel
from interlock.errors import ServerError

TICK_SECONDS = 0.1
KILLED_SECONDS = 10.0


class Status(FrozenModel):
    """The status of the embedded server.

    Attributes:
        state: "stopped" if there is none.
        ui: The address to open in a browser.
        api: The address for `PREFECT_API_URL`.
        server: The record of its supervisor; None while there is none.
        database_bytes: The size of its database, 0 if there is none yet.
        log: The path of its log, whether it runs or not.
        password_file: The file with the password that the UI and the API ask for; None while there is none.
    """

    state: str
    ui: str | None
    api: str | None
    server: Record | None
    database_bytes: int
    log: str
    password_file: str | None


def status(directory: ServerDirectory | None = None) -> Status:
    """The status of the embedded server, which this neither starts nor keeps running."""
    directory = directory or default_directory()
    alive = is_locked(directory.lock)
    record = read_record(directory) if alive else None
    return Status(
        state=_state(record) if alive else "stopped",
        ui=record and record.ui,
        api=record and record.api,
        server=record,
        database_bytes=directory.database_bytes(),
        log=str(directory.log),
        password_file=record and record.password_file,
    )


def _state(record: Record | None) -> str:
    if record is None:
        return State.STARTING
    # A server whose supervisor was killed ends too, by itself or at the next start.
    return record.state if record.supervisor.is_alive() else State.STOPPING


def stop(directory: ServerDirectory | None = None, *, force: bool = False, timeout: float = 30) -> bool:
    """Stop the embedded server and wait until nothing of it is left.

    Args:
        directory: Its directory, if it is not the default.
        force: Whether to stop it even while commands use it.
        timeout: Seconds to record that it stops, and again to stop, before it is killed.

    Returns:
        Whether there was one.

    Raises:
        ServerError: A command uses it, or it can't be killed.
    """
    directory = directory or default_directory()
    if not is_locked(directory.lock):
        return False
    # While this holds the leases, no command can join the server before it has recorded that it stops.
    lease = try_lock(directory.leases)
    if lease is None and not force:
        raise ServerError("A command is using the Prefect server.", hint="Stop it all the same with: --force")
    try:
        signalled = _request_stop(directory, time.monotonic() + timeout)
    finally:
        if lease is not None:
            os.close(lease)
    _wait_for_end(directory, signalled, time.monotonic() + timeout)
    return True


def _request_stop(directory: ServerDirectory, give_up_after: float) -> Identity | None:
    """Signal the supervisor, and wait until it has recorded that it stops.

    Returns:
        The supervisor that stops; None if none was found.
    """
    signalled: Identity | None = None
    while is_locked(directory.lock) and time.monotonic() < give_up_after:
        record = read_record(directory)
        if record and signalled not in {None, record.supervisor}:
            break
        if record and (record.state is State.STOPPING or not record.supervisor.is_alive()):
            return record.supervisor
        if record and signalled is None:
            signalled = record.supervisor
            signalled.signal(signal.SIGTERM)
        time.sleep(TICK_SECONDS)
    return signalled


def _wait_for_end(directory: ServerDirectory, signalled: Identity | None, kill_after: float) -> None:
    while is_locked(directory.lock):
        record = read_record(directory)
        if record and signalled not in {None, record.supervisor}:
            return  # it has ended, and another command has started a new one
        late = time.monotonic() - kill_after
        if record and (late > 0 or not record.supervisor.is_alive()):
            record.kill()
        if late > KILLED_SECONDS:
            raise ServerError(f"Something still holds {directory.lock}.", hint="Find it with: fuser, or lsof")
        time.sleep(TICK_SECONDS)
