"""Everything that the rehearsal's GitHub knows, in memory and in one file that is always whole."""

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
    """What a token has used of its hour, and when the next one begins."""

    used: int
    reset: datetime


class Addresses(FrozenModel):
    """Where the three servers are, without a slash at the end; bodies are full of them."""

    api: str = "https://api.github.com"
    uploads: str = "https://uploads.github.com"
    server: str = "https://github.com"


class Event(FrozenModel):
    """Something that happened, for whoever listens: `push`, `run`, `release` and the like.

    Attributes:
        repository: As `owner/name`.
        facts: What there is to know, by name; depends on the kind.
    """

    kind: str
    repository: str
    facts: Mapping[str, Any] = {}


Listener = Callable[[Event], None]
Clock = Callable[[], datetime]


class GitHubState:
    """What GitHub knows. Everything here is done under `lock`; `saved()` ends a change.

    Args:
        directory: Where repositories, assets and the file are; what is there already is gone on with.
        keeps: Whether the state is written to its file; repositories are files in any case.
        clock: What time it is, with a zone.

    Attributes:
        addresses: Where the three servers are.
        limit: Requests an hour and token.
        slow_down: After how many seconds writes may be tried again, while there are too many (a secondary limit).
        expiry_zone: How the expiry header says its time: `UTC`, or an offset as `+0900`.
        passing: The names of the checks that passed on a commit.
        broken_uploads: How many of the next uploads are answered with 502, and leave an asset in state `starter`.
        usage: How much of its limit each token has used.
        authenticators: Who may know a token that is not in the table of tokens, as an App's signed one.
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
        self._kept = self._read()
        self._unread: dict[str, dict[str, Any]] = json.loads(self._kept)["tables"]
        self._last_id: int = json.loads(self._kept)["last_id"]

    def now(self) -> datetime:
        """What time it is."""
        return self._clock()

    def table(self, name: str, kind: type[R]) -> dict[str, R]:
        """The records of a name, by their keys; all of them are of one kind, and are kept."""
        if name not in self._tables:
            kept = self._unread.pop(name, {})
            self._tables[name] = {key: kind.model_validate(record) for key, record in kept.items()}
        return self._tables[name]  # type: ignore[return-value]  # the name says which kind

    def next_id(self) -> int:
        """A number that nothing else has."""
        self._last_id += 1
        return self._last_id

    def saved(self) -> None:
        """Write what is known to the file, if it is not there already."""
        tables = {
            name: {key: record.model_dump(mode="json") for key, record in records.items()}
            for name, records in self._tables.items()
        }
        text = json.dumps({"last_id": self._last_id, "tables": {**self._unread, **tables}})
        if self._keeps and text != self._kept:
            write_whole(self.directory / FILE, text.encode())
            self._kept = text

    def _read(self) -> str:
        file = self.directory / FILE
        return file.read_text("utf-8") if self._keeps and file.exists() else '{"last_id": 1000, "tables": {}}'

    # --- what happened -------------------------------------------------------------------------------------------

    def listen(self, kind: str, listener: Listener) -> None:
        """Call this after every event of that kind: when it is saved and before it is answered, without the lock."""
        self._listeners.append((kind, listener))

    def happened(self, kind: str, repository: Repository, **facts: object) -> None:
        """Tell the listeners, once the change is saved."""
        self._events.append(Event(kind=kind, repository=repository.full_name, facts=facts))

    def take_events(self) -> list[Event]:
        """What nobody was told of yet."""
        events, self._events = self._events, []
        return events

    def tell(self, events: Iterable[Event]) -> None:
        """Call who listens to these."""
        for event in events:
            for kind, listener in self._listeners:
                if kind == event.kind:
                    listener(event)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Do something outside of a request: with the lock, then saved, then told."""
        with self.lock:
            yield
            self.saved()
            events = self.take_events()
        self.tell(events)

    # --- users, tokens, repositories -----------------------------------------------------------------------------

    @property
    def users(self) -> dict[str, User]:
        """By login in lower case."""
        return self.table("users", User)

    @property
    def tokens(self) -> dict[str, Token]:
        """By the hash of their text."""
        return self.table("tokens", Token)

    @property
    def repositories(self) -> dict[str, Repository]:
        """By full name in lower case."""
        return self.table("repositories", Repository)

    def git(self, repository: Repository) -> GitStore:
        """Its bare repository."""
        path = self.directory / "repositories" / repository.owner / f"{repository.name}.git"
        return GitStore(path, self.now)

    def role(self, login: str, repository: Repository) -> Role | None:
        """What a user may do in a repository; anybody may read a public one."""
        if login.lower() == repository.owner.lower():
            return "admin"
        given = {name.lower(): role for name, role in repository.access.items()}.get(login.lower())
        return given or (None if repository.private else "read")

    def has_role(self, login: str, repository: Repository, role: Role) -> bool:
        """Whether a user may do at least this."""
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
        """Give a user a token; only its hash is kept. Without repositories it is for all of that user's."""
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
        """Add a repository with its owner, who is a new user unless known; a bare one is made if none is there."""
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
    """What is kept of a token."""
    return hashlib.sha256(text.encode()).hexdigest()
