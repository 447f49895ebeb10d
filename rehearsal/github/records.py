"""The records of the rehearsal's GitHub: users, tokens and repositories. Commits and refs are in Git."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Level = Literal["read", "write"]
Role = Literal["read", "write", "admin"]
STRENGTH: dict[str | None, int] = {None: 0, "read": 1, "write": 2, "admin": 3}


class Record(BaseModel):
    """A record; unlike a value it may change, under the state's lock."""

    model_config = ConfigDict(extra="forbid")


class TokenKind(StrEnum):
    """The kinds of GitHub's tokens."""

    CLASSIC = "classic"
    FINE_GRAINED = "fine-grained"
    INSTALLATION = "installation"
    APP = "app-jwt"


class User(Record):
    """A person, an organization or an App's bot."""

    id: int
    login: str
    kind: Literal["User", "Organization", "Bot"] = "User"
    created_at: datetime


class Token(Record):
    """A token, without its text.

    Attributes:
        sha256: The hash of its text.
        name: Its name in the request log.
        scopes: The scopes of a classic token.
        permissions: The permissions of any other token.
        repositories: Its repositories by full name in lower case; None for all of its owner's.
        app: The id of the App that it belongs to.
    """

    sha256: str
    name: str
    kind: TokenKind
    login: str
    scopes: frozenset[str] = frozenset()
    permissions: dict[str, Level] = {}
    repositories: frozenset[str] | None = None
    expires_at: datetime | None = None
    app: int | None = None


class Protection(Record):
    """The protection of a branch, as on its settings page.

    Attributes:
        checks: The names of the checks that must pass.
        pull_request: Whether changes need a pull request.
        approvals: How many approvals a pull request needs.
        admins: Whether admins are bound too.
    """

    checks: tuple[str, ...] = ()
    strict: bool = False
    pull_request: bool = False
    approvals: int = 0
    signatures: bool = False
    linear: bool = False
    admins: bool = True
    force_pushes: bool = False
    deletions: bool = False


class Ruleset(Record):
    """A ruleset of a repository.

    Attributes:
        include: Patterns of ref names (`refs/tags/v*`), `~DEFAULT_BRANCH` or `~ALL`.
        rules: As the API shows them: `{"type": "creation"}`, with `parameters` where there are some.
        bypass: Logins that it does not bind.
    """

    id: int
    name: str
    target: Literal["branch", "tag"] = "branch"
    include: tuple[str, ...] = ("~ALL",)
    rules: tuple[dict[str, Any], ...] = ()
    bypass: tuple[str, ...] = ()


class Policy(Record):
    """How a workflow's runs proceed.

    Attributes:
        starts_after: Seconds from the dispatch until the run is in progress; None for never.
        takes: Seconds that it is in progress.
    """

    conclusion: str = "success"
    starts_after: float | None = 0.0
    takes: float = 0.0


class Repository(Record):
    """A repository, without its refs and commits.

    Attributes:
        access: The roles of users other than the owner, by login.
        protections: The protections by branch.
        policies: The policies of runs by the workflow file's name; `*` for all others.
        secrets: The names of the secrets of Actions.
    """

    id: int
    owner: str
    name: str
    private: bool = False
    default_branch: str = "main"
    description: str | None = None
    archived: bool = False
    allow_auto_merge: bool = False
    access: dict[str, Role] = {}
    protections: dict[str, Protection] = {}
    rulesets: list[Ruleset] = []
    policies: dict[str, Policy] = {}
    secrets: list[str] = []
    created_at: datetime
    updated_at: datetime
    pushed_at: datetime
    topics: list[str] = Field(default_factory=list)

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"

    @property
    def key(self) -> str:
        """Its full name in lower case, for lookups: case does not matter in GitHub's names."""
        return self.full_name.lower()
