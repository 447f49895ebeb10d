"""The directory of a world: its files, its lock, and its secrets."""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError, field_serializer

from interlock.common.atomic_files import write_whole
from interlock.common.frozen_model import FrozenModel
from interlock.errors import RehearsalError
from rehearsal.template import FAMILY_FILE

# The servers with ports of their own.
SERVERS = ("api", "git", "index")
BUSY_HINT = "wait for it or end it (interlock rehearse stop), or take another directory with --directory"


class Tokens(FrozenModel):
    """The secrets of a world; they are worthless outside of it.

    Attributes:
        github: The maintainer's token at GitHub.
        index: The token for uploads to the index.
        control: The token for the control endpoints.
    """

    github: SecretStr = Field(default_factory=lambda: SecretStr(f"github_pat_{secrets.token_hex(30)}"))
    index: SecretStr = Field(default_factory=lambda: SecretStr(f"pypi-{secrets.token_urlsafe(48)}"))
    control: SecretStr = Field(default_factory=lambda: SecretStr(secrets.token_urlsafe(32)))

    @field_serializer("github", "index", "control", when_used="json")
    def _reveal(self, secret: SecretStr) -> str:
        return secret.get_secret_value()


class Facts(FrozenModel):
    """The facts about a world, in `world.json`.

    Attributes:
        family: The family's name.
        owner: The owner of its repositories.
        sources: The repositories that were mirrored; empty for the small family.
        behind: The user's own index, as named in a family file, for projects that the rehearsal's index lacks.
        ports: The last port of each server; used again if it is free.
    """

    family: str
    owner: str
    sources: tuple[str, ...] = ()
    behind: str | None = None
    ports: Mapping[str, int] = {}


class Server(FrozenModel):
    """The process that serves a world now, or did so last.

    Attributes:
        since: When it started, in seconds since the epoch.
        stays: Whether it outlives the command that started it.
    """

    pid: int
    since: float
    stays: bool = False

    def __str__(self) -> str:
        return f"process {self.pid}, since {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(self.since))}"


class RehearsalDirectory:
    """The directory of a world."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.log = self.path / "log.jsonl"
        self.ledger = self.path / "ledger.db"
        self.family_file = self.path / FAMILY_FILE
        self.gitconfig = self.path / "gitconfig"
        self.index = self.path / "index"
        self.repositories = self.path / "repositories"
        self._world = self.path / "world.json"
        self._tokens = self.path / "tokens.json"
        self._server = self.path / "server.json"
        self._lock = self.path / "lock"
        self.server_log = self.path / "server.log"
        # These files belong to the process that has the world, and stay when the world is removed.
        self.standing = frozenset({self._lock.name, self._server.name, self.server_log.name})

    def facts(self) -> Facts | None:
        """The facts about the world; None if it was not made, or not completely.

        Raises:
            RehearsalError: Another version of Interlock made it.
        """
        if not self._world.exists():
            return None
        try:
            return Facts.model_validate_json(self._world.read_bytes())
        except ValidationError:
            raise RehearsalError(f"{self._world} can't be read", hint="replace it with --new") from None

    def keep_facts(self, facts: Facts) -> None:
        """Write the facts about the world; this comes last when it is made."""
        write_whole(self._world, facts.model_dump_json(indent=2).encode())

    def forget_facts(self) -> None:
        """Remove the facts about the world, which then counts as not made."""
        self._world.unlink(missing_ok=True)

    def tokens(self) -> Tokens:
        """The world's secrets, drawn at the first call."""
        if not self._tokens.exists():
            self.path.mkdir(parents=True, exist_ok=True)
            unfinished = self._tokens.with_suffix(".new")
            with open(unfinished, "w", encoding="utf-8", opener=_private) as file:
                file.write(Tokens().model_dump_json())
            unfinished.replace(self._tokens)
        return Tokens.model_validate_json(self._tokens.read_bytes())

    def lock(self) -> int:
        """Lock the world for this process; a child that inherits the descriptor shares the lock.

        Raises:
            RehearsalError: Another process has it; the message says which.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            user = self.last_server() or "another command"
            raise RehearsalError(f"the rehearsal in {self.path} is in use: {user}", hint=BUSY_HINT) from None
        self.keep_server(Server(pid=os.getpid(), since=time.time()))
        return descriptor

    def server(self) -> Server | None:
        """The process that serves the world now."""
        if not self._lock.exists():
            return None
        with self._lock.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return self.last_server()
        return None

    def last_server(self) -> Server | None:
        """The process that served it last."""
        with suppress(OSError, ValidationError, json.JSONDecodeError):
            return Server.model_validate_json(self._server.read_bytes())
        return None

    def keep_server(self, server: Server) -> None:
        """Record which process serves the world; only for the holder of the lock."""
        write_whole(self._server, server.model_dump_json().encode())


class Lease:
    """The lock of a world, held by this process.

    Attributes:
        descriptor: The descriptor of the lock, for a child to inherit.
    """

    def __init__(self, directory: RehearsalDirectory) -> None:
        self.descriptor = directory.lock()

    def release(self) -> None:
        """Release the lock; a child that inherited it still holds it."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
