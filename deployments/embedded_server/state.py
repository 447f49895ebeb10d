"""The state that commands and the supervisor of the embedded server share: the record, the lock and the leases.

`server.lock` is held by the supervisor and inherited by the server that it starts. While either of them lives, the
kernel keeps it locked: so two servers never share a database, and a record without the lock is stale, whether the
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
    """The state of the server."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    FAILED = "failed"


class Policy(FrozenModel):
    """How the supervisor runs the server.

    Attributes:
        port: The port to listen on; another one if it is taken.
        idle_seconds: The time without use after which the server stops; 0 is never.
        program: A module (or the path of a script) and its arguments; `{port}` stands for the port.
        start_seconds: How long a start may take.
        grace_seconds: How long a stop may take before the server is killed.
        tick_seconds: How often the supervisor checks whether the server is in use.
        restarts: After how many crashes in a row the server is still restarted.
    """

    port: int = 4270
    idle_seconds: NonNegativeFloat = 3600
    program: tuple[str, ...] = ("deployments.embedded_server.serve", "{port}")
    start_seconds: float = 180
    grace_seconds: float = 8
    tick_seconds: float = 5
    restarts: NonNegativeInt = 5


class Record(FrozenModel):
    """The supervisor's record of the server; valid only while the lock is held.

    Attributes:
        supervisor: The process that keeps the server running.
        server: The Prefect server, the leader of its process group.
        port: Its port on the loopback address.
        home: Its directory, which is also its `PREFECT_HOME`.
        prefect: Its version of Prefect.
        since: When it got into this state, in seconds since the epoch.
        idle_seconds: The time without use after which it stops; 0 is never.
        has_password: Whether its API asks for one; an earlier Interlock started a server without.
        reason: Why it failed.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")  # a later Interlock may write more

    state: State
    supervisor: Identity
    server: Identity | None
    port: int
    home: Path
    prefect: str
    since: float
    idle_seconds: float
    has_password: bool = False
    reason: str = ""

    @property
    def ui(self) -> str:
        """The address to open in a browser."""
        return f"http://{HOST}:{self.port}"

    @property
    def api(self) -> str:
        """The address for `PREFECT_API_URL`."""
        return f"{self.ui}/api"

    @property
    def password_file(self) -> str | None:
        """The file with its password; None if it has none."""
        return str(ServerDirectory(self.home).password) if self.has_password else None

    def kill(self) -> None:
        """Kill the supervisor, if it still lives, and its server."""
        self.supervisor.signal(signal.SIGKILL)
        if self.server:
            self.server.kill_group()


@dataclass(frozen=True)
class ServerDirectory:
    """The directory of one embedded server."""

    path: Path

    @property
    def record(self) -> Path:
        """The supervisor's record."""
        return self.path / "server.json"

    @property
    def password(self) -> Path:
        """The password of its API."""
        return self.path / "api-password"

    @property
    def lock(self) -> Path:
        """The lock that the supervisor and the server hold."""
        return self.path / "server.lock"

    @property
    def leases(self) -> Path:
        """The file that every command that uses the server holds a shared lock on."""
        return self.path / "leases"

    @property
    def log(self) -> Path:
        """The output of the server and its supervisor."""
        return self.path / "server.log"

    @property
    def database(self) -> Path:
        """Prefect's SQLite database."""
        return self.path / "prefect.db"

    def prepare(self) -> None:
        """Make the directory, for its owner alone: blocks hold secrets, and so does the database."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.chmod(0o700)

    def protect_database(self) -> None:
        """Restrict a database that was made with another umask to its owner; call it only while no server runs."""
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


def default_directory() -> ServerDirectory:
    """The directory of this user's embedded server."""
    return ServerDirectory(home() / "prefect")


def read_record(directory: ServerDirectory) -> Record | None:
    """The record; None if there is none, or if another version of Interlock wrote it."""
    try:
        return Record.model_validate_json(directory.record.read_text())
    except (FileNotFoundError, ValidationError):
        return None


def write_record(directory: ServerDirectory, record: Record) -> None:
    """Replace the record; a reader sees the old one or the new one."""
    draft = directory.record.with_suffix(".new")
    draft.write_text(record.model_dump_json())
    draft.chmod(0o600)
    draft.replace(directory.record)


def try_lock(path: Path) -> int | None:
    """Lock a file exclusively: a descriptor that holds the lock, or None if another process holds one."""
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_locked(path: Path) -> bool:
    """Whether any process holds a lock on the file."""
    if not path.exists():
        return False
    descriptor = try_lock(path)
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is None


def take_lease(directory: ServerDirectory) -> int:
    """Mark the server as in use until the descriptor is closed; the kernel does so when the process ends."""
    descriptor = _open(directory.leases)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def end_lease(descriptor: int) -> None:
    """Record that the server was in use until now."""
    os.utime(descriptor)
    os.close(descriptor)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
