"""The state of the rehearsal's GitHub, in memory and in one file that is replaced atomically."""

import hashlib
import json
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from interlock.common.atomic_files import write_whole
from interlock.common.frozen_model import FrozenModel
from rehearsal.github.git_store import GitStore
from rehearsal.github.records import (
    STRENGTH,
    Record,
    Repository,
    Role,
    Token,
    TokenKind,
    User,
)

R = TypeVar("R", bound=Record)
FILE = "github.json"


@dataclass
class Usage:
    """The requests of a token in its current hour, and when the next hour starts."""

    used: int
    reset: datetime


class Addresses(FrozenModel):
    """The addresses of the API, the uploads and Git's server, without a slash at the end."""

    api: str = "https://api.github.com"
    uploads: str = "https://uploads.github.com"
    server: str = "https://github.com"


class Event(FrozenModel):
    """An event for listeners: `push`, `run`, `release` and the like.

    Attributes:
        repository: `owner/name`.
        facts: The facts by name, which depend on the kind.
    """

    kind: str
    repository: str
    facts: Mapping[str, Any] = {}


Listener = Callable[[Event], None]
Clock = Callable[[], datetime]


class GitHubState:
    """GitHub's state. Everything here is done under `lock`; `saved()` ends a change.

    Args:
        directory: The directory of the repositories, the assets and the file; existing ones are used.
        keeps: Whether the state is written to its file; repositories are files in any case.
        clock: The current time, with a zone.

    Attributes:
        addresses: The addresses of the three servers.
        limit: Requests per hour and token.
        slow_down: While there are too many writes (a secondary limit): the seconds until writes may be tried again.
        expiry_zone: The zone of the expiry header: `UTC`, or an offset as `+0900`.
        passing: The names of the checks that passed on a commit.
        broken_uploads: How many of the next uploads are answered with 502, and leave an asset in state `starter`.
        usage: The usage of each token.
        authenticators: Functions that find tokens outside of the table, such as an App's signed one.
    """

    def __init__(self, directory: Path, *, keeps: bool = True, clock: Clock | None = None) -> None:
        self.directory = directory
        self.lock = threading.RLock()
        self.addresses = Addresses()
        self.limit = 5000
        self.slow_down: int | None = None
        self.expiry_zone = "UTC"
        self.authenticators: list[Callable[[str], Token | None]] = []
        self.passing: Callable[[Repository, str], Collection[str]] = lambda _repository, _sha: ()
        self.broken_uploads = 0
        self.usage: dict[str, Usage] = {}
        self._clock = clock or (lambda: datetime.now(UTC))
        self._keeps = keeps
        self._listeners: list[tuple[str, Listener]] = []
        self._events: list[Event] = []
        self._tables: dict[str, dict[str, Record]] = {}
        self._written = self._read()
        self._unread: dict[str, dict[str, Any]] = json.loads(self._written)["tables"]
        self._last_id: int = json.loads(self._written)["last_id"]

    def now(self) -> datetime:
        """The current time."""
        return self._clock()

    def table(self, name: str, kind: type[R]) -> dict[str, R]:
        """The records of a table by their keys; all of them have this class, and are saved."""
        if name not in self._tables:
            stored = self._unread.pop(name, {})
            self._tables[name] = {key: kind.model_validate(record) for key, record in stored.items()}
        return self._tables[name]  # type: ignore[return-value]  # the name says which kind

    def next_id(self) -> int:
        """A unique number."""
        self._last_id += 1
        return self._last_id

    def saved(self) -> None:
        """Write the state to the file, if it has changed."""
        tables = {
            name: {key: record.model_dump(mode="json") for key, record in records.items()}
            for name, records in self._tables.items()
        }
        text = json.dumps({"last_id": self._last_id, "tables": {**self._unread, **tables}})
        if self._keeps and text != self._written:
            write_whole(self.directory / FILE, text.encode())
            self._written = text

    def _read(self) -> str:
        file = self.directory / FILE
        return file.read_text("utf-8") if self._keeps and file.exists() else '{"last_id": 1000, "tables": {}}'

    # --- events --------------------------------------------------------------------------------------------------

    def listen(self, kind: str, listener: Listener) -> None:
        """Call a listener after every event of a kind: after it is saved, before it is answered, without the lock."""
        self._listeners.append((kind, listener))

    def happened(self, kind: str, repository: Repository, **facts: object) -> None:
        """Notify the listeners once the change is saved."""
        self._events.append(Event(kind=kind, repository=repository.full_name, facts=facts))

    def take_events(self) -> list[Event]:
        """The events that listeners have not been notified of; they are removed here."""
        events, self._events = self._events, []
        return events

    def notify(self, events: Iterable[Event]) -> None:
        """Call the listeners of these events."""
        for event in events:
            for kind, listener in self._listeners:
                if kind == event.kind:
                    listener(event)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change the state outside of a request: under the lock; then save it, and notify the listeners."""
        with self.lock:
            yield
            self.saved()
            events = self.take_events()
        self.notify(events)

    # --- users, tokens, repositories -----------------------------------------------------------------------------

    @property
    def users(self) -> dict[str, User]:
        """The users by login in lower case."""
        return self.table("users", User)

    @property
    def tokens(self) -> dict[str, Token]:
        """The tokens by the hash of their text."""
        return self.table("tokens", Token)

    @property
    def repositories(self) -> dict[str, Repository]:
        """The repositories by full name in lower case."""
        return self.table("repositories", Repository)

    def git(self, repository: Repository) -> GitStore:
        """The bare Git repository of a repository."""
        path = self.directory / "repositories" / repository.owner / f"{repository.name}.git"
        return GitStore(path, self.now)

    def role(self, login: str, repository: Repository) -> Role | None:
        """The role of a user in a repository; everybody may read a public one."""
        if login.lower() == repository.owner.lower():
            return "admin"
        given = {name.lower(): role for name, role in repository.access.items()}.get(login.lower())
        return given or (None if repository.private else "read")

    def has_role(self, login: str, repository: Repository, role: Role) -> bool:
        """Whether a user has at least this role."""
        return STRENGTH[self.role(login, repository)] >= STRENGTH[role]

    def add_user(self, login: str, **facts: Any) -> User:  # noqa: ANN401  the fields of `User`
        """Add a user, or an organization with `kind="Organization"`."""
        user = User(id=self.next_id(), login=login, created_at=self.now(), **facts)
        self.users[login.lower()] = user
        return user

    def add_token(
        self,
        text: str,
        login: str,
        *,
        kind: TokenKind | str = TokenKind.CLASSIC,
        repositories: Iterable[str] | None = None,
        **facts: Any,  # noqa: ANN401  the other fields of `Token`
    ) -> Token:
        """Give a user a token; only its hash is stored. By default it is for all of the user's repositories."""
        selected = None if repositories is None else frozenset(full.lower() for full in repositories)
        known = {"name": f"{TokenKind(kind)} of {login}", **facts}
        token = Token(sha256=hash_of(text), kind=TokenKind(kind), login=login, repositories=selected, **known)
        self.tokens[token.sha256] = token
        return token

    def token(self, text: str) -> Token | None:
        """The token with this text."""
        found = self.tokens.get(hash_of(text))
        others = (known(text) for known in self.authenticators)
        return found or next((token for token in others if token), None)

    def add_repository(self, full_name: str, **facts: Any) -> Repository:  # noqa: ANN401  the fields of `Repository`
        """Add a repository, and its owner if unknown; its bare Git repository is made unless it exists."""
        owner, _, name = full_name.partition("/")
        if owner.lower() not in self.users:
            self.add_user(owner)
        now = self.now()
        made = Repository(
            id=self.next_id(), owner=owner, name=name, created_at=now, updated_at=now, pushed_at=now, **facts
        )
        self.repositories[made.key] = made
        self.git(made).create(made.default_branch)
        return made

    def repository(self, full_name: str) -> Repository:
        """The repository of this name.

        Raises:
            KeyError: There is none.
        """
        return self.repositories[full_name.lower()]


def hash_of(text: str) -> str:
    """The hash of a token's text."""
    return hashlib.sha256(text.encode()).hexdigest()
