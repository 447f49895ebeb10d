"""Look at the embedded server and stop it, from any command."""

import os
import signal
import time

from deployments.embedded_server.processes import Identity
from deployments.embedded_server.state import (
    Record,
    ServerDirectory,
    State,
    default_place,
    is_locked,
    read_record,
    try_lock,
)
from interlock.common.frozen_model import FrozenModel
from interlock.errors import ServerError

TICK_SECONDS = 0.1
KILLED_SECONDS = 10.0


class Status(FrozenModel):
    """How the embedded server is.

    Attributes:
        state: "stopped" if there is none.
        ui: The address to open in a browser.
        api: The address for `PREFECT_API_URL`.
        server: What its supervisor says; None while there is none.
        database_bytes: The size of its database, 0 if there is none yet.
        log: Where its log is, whether it runs or not.
    """

    state: str
    ui: str | None
    api: str | None
    server: Record | None
    database_bytes: int
    log: str


def status(place: ServerDirectory | None = None) -> Status:
    """Look at the embedded server, without starting or keeping it."""
    place = place or default_place()
    alive = is_locked(place.lock)
    record = read_record(place) if alive else None
    return Status(
        state=_state(record) if alive else "stopped",
        ui=record and record.ui,
        api=record and record.api,
        server=record,
        database_bytes=place.database_bytes(),
        log=str(place.log),
    )


def _state(record: Record | None) -> str:
    if record is None:
        return State.STARTING
    # Its supervisor was killed: the server follows, by itself or by the next start.
    return record.state if record.supervisor.is_alive() else State.STOPPING


def _is_another(record: Record, told: Identity | None) -> bool:
    return told is not None and record.supervisor != told


def stop(place: ServerDirectory | None = None, *, force: bool = False, timeout: float = 30) -> bool:
    """Stop the embedded server and wait until nothing of it is left.

    Args:
        place: Its directory, if it is not the default.
        force: Whether to stop it even while commands use it.
        timeout: How many seconds it has to say that it stops, and then to stop, before it is killed.

    Returns:
        Whether there was one.

    Raises:
        ServerError: A command uses it, or it cannot even be killed.
    """
    place = place or default_place()
    if not is_locked(place.lock):
        return False
    # While nobody can take a lease, no command joins a server that was told to stop and does not say so yet.
    lease = try_lock(place.leases)
    if lease is None and not force:
        raise ServerError("A command is using the Prefect server.", hint="Stop it all the same with: --force")
    try:
        told = _tell(place, time.monotonic() + timeout)
    finally:
        if lease is not None:
            os.close(lease)
    _see_it_end(place, told, time.monotonic() + timeout)
    return True


def _tell(place: ServerDirectory, give_up_after: float) -> Identity | None:
    """Tell the supervisor to stop, and wait until it says that it does.

    Returns:
        The supervisor that stops; None when none was to be found.
    """
    told: Identity | None = None
    while is_locked(place.lock) and time.monotonic() < give_up_after:
        record = read_record(place)
        if record and _is_another(record, told):
            break
        if record and (record.state is State.STOPPING or not record.supervisor.is_alive()):
            return record.supervisor
        if record and told is None:
            told = record.supervisor
            told.signal(signal.SIGTERM)
        time.sleep(TICK_SECONDS)
    return told


def _see_it_end(place: ServerDirectory, told: Identity | None, kill_after: float) -> None:
    while is_locked(place.lock):
        record = read_record(place)
        if record and _is_another(record, told):
            return  # it has ended, and a command that came meanwhile has a new one
        late = time.monotonic() - kill_after
        if record and (late > 0 or not record.supervisor.is_alive()):
            record.kill()
        if late > KILLED_SECONDS:
            raise ServerError(f"Something still holds {place.lock}.", hint="Find it with: fuser, or lsof")
        time.sleep(TICK_SECONDS)
