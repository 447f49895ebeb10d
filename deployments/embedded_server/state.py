"""What the commands and the supervisor tell each other: the record, the lock and the leases of the embedded server.

`server.lock` is held by the supervisor and inherited by the server that it starts. While any of them lives, the kernel
keeps it locked: so two servers never share a database, and a record without the lock is known to be stale, whether the
machine was rebooted or everything was killed.
"""

import fcntl
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import ConfigDict, NonNegativeFloat, NonNegativeInt, ValidationError

from deployments.embedded_server.processes import Identity
from interlock.common.frozen_model import FrozenModel
from interlock.common.paths import home

HOST = "127.0.0.1"


class State(StrEnum):
    """How far the server is."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    FAILED = "failed"


class Policy(FrozenModel):
    """How the supervisor runs the server.

    Attributes:
        port: The port to take; another one when it is taken.
        idle_seconds: After how long without use the server stops; 0 is never.
        program: A module (or the path of a script) and its arguments; `{port}` stands for the port.
        start_seconds: How long a start may take.
        grace_seconds: How long a stop may take before the server is killed.
        tick_seconds: How often the supervisor looks whether the server is in use.
        restarts: How many crashes in a row are answered by a new start.
    """

    port: int = 4270
    idle_seconds: NonNegativeFloat = 3600
    program: tuple[str, ...] = ("prefect", "server", "start", "--host", HOST, "--port", "{port}")
    start_seconds: float = 180
    grace_seconds: float = 8
    tick_seconds: float = 5
    restarts: NonNegativeInt = 5


class Record(FrozenModel):
    """What the supervisor says about the server; only true while the lock is held.

    Attributes:
        state: How far the server is.
        supervisor: The process that keeps the server.
        server: The Prefect server, the leader of its process group.
        port: Where it listens, on the loopback address.
        home: Its directory, which is also its `PREFECT_HOME`.
        prefect: The version of Prefect that it is.
        since: When it got into this state, in seconds since the epoch.
        idle_seconds: After how long without use it stops; 0 is never.
        reason: Why it failed.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")  # a later Interlock may say more

    state: State
    supervisor: Identity
    server: Identity | None
    port: int
    home: Path
    prefect: str
    since: float
    idle_seconds: float
    reason: str = ""

    @property
    def ui(self) -> str:
        """The address to open in a browser."""
        return f"http://{HOST}:{self.port}"

    @property
    def api(self) -> str:
        """The address for `PREFECT_API_URL`."""
        return f"{self.ui}/api"

    def kill(self) -> None:
        """Kill what a supervisor that is dead, or does not listen, left."""
        self.supervisor.signal(signal.SIGKILL)
        if self.server:
            self.server.kill_group()


@dataclass(frozen=True)
class ServerDirectory:
    """The directory of one embedded server."""

    path: Path

    @property
    def record(self) -> Path:
        """What the supervisor says."""
        return self.path / "server.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor and by the server."""
        return self.path / "server.lock"

    @property
    def leases(self) -> Path:
        """Held, shared, by every command that uses the server."""
        return self.path / "leases"

    @property
    def log(self) -> Path:
        """What the server and its supervisor print."""
        return self.path / "server.log"

    @property
    def database(self) -> Path:
        """Prefect's SQLite database."""
        return self.path / "prefect.db"

    def prepare(self) -> None:
        """Make the directory, for nobody but its owner: blocks hold secrets, and so does the database."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.chmod(0o700)

    def protect_database(self) -> None:
        """Close a database that was made with another umask; call it only while no server runs."""
        for file in self.path.glob("prefect.db*"):
            file.chmod(0o600)

    def database_bytes(self) -> int:
        """The size of the database with its journal."""
        size = 0
        for file in self.path.glob("prefect.db*"):
            with suppress(FileNotFoundError):  # the journal comes and goes
                size += file.stat().st_size
        return size

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of the log, indented."""
        return tail(self.log, lines)


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, indented."""
    try:
        text = log.read_text(errors="replace")
    except FileNotFoundError:
        return ""
    return "".join(f"\n  {line}" for line in text.strip().splitlines()[-lines:])


def default_place() -> ServerDirectory:
    """The directory of this user's embedded server."""
    return ServerDirectory(home() / "prefect")


def read_record(place: ServerDirectory) -> Record | None:
    """The record, or None if there is none, or one that another version of Interlock wrote."""
    try:
        return Record.model_validate_json(place.record.read_text())
    except (FileNotFoundError, ValidationError):
        return None


def write_record(place: ServerDirectory, record: Record) -> None:
    """Replace the record; a reader sees the old one or the new one."""
    draft = place.record.with_suffix(".new")
    draft.write_text(record.model_dump_json())
    draft.chmod(0o600)
    draft.replace(place.record)


def try_lock(path: Path) -> int | None:
    """Lock a file for oneself alone: a descriptor that holds the lock, or None if anybody else holds one."""
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_locked(path: Path) -> bool:
    """Whether anybody holds a lock on the file."""
    if not path.exists():
        return False
    descriptor = try_lock(path)
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is None


def take_lease(place: ServerDirectory) -> int:
    """Say that the server is in use, for as long as the descriptor is open: the kernel closes it for the dead."""
    descriptor = _open(place.leases)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def end_lease(descriptor: int) -> None:
    """Say that the server was in use until now."""
    os.utime(descriptor)
    os.close(descriptor)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
