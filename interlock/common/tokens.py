"""Tokens in the environment: the name under which one is found, and the names that hold another one."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from pydantic import SecretStr

from interlock.common.frozen_model import FrozenModel
from interlock.errors import TokenError

DISPATCH = "REPO_DISPATCH_TOKEN"
READ = "INTERLOCK_READ_TOKEN"
TELL = "INTERLOCK_TELL_TOKEN"
INDEX = "TWINE_PASSWORD"
INDEX_ALIASES = ("PYPI_API_TOKEN", "UV_PUBLISH_TOKEN")
# https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
KINDS = {
    "ghp_": "classic personal access token",
    "github_pat_": "fine-grained personal access token",
    "ghs_": "app installation token",
    "gho_": "OAuth token",
    "ghu_": "app user token",
    "ghr_": "refresh token",
    "pypi-": "package index token",
}


class Role(StrEnum):
    """What a token for GitHub is used for. The token of releases serves each role that has none of its own."""

    READ = "read"  # repositories, their commits and pull requests
    TELL = "tell"  # statuses, check runs and comments
    RELEASE = "release"  # pushes, GitHub Releases, dispatches

    @property
    def variable(self) -> str:
        """The variable that holds its token."""
        return {Role.READ: READ, Role.TELL: TELL}.get(self, DISPATCH)


class FoundToken(FrozenModel):
    """A token, and where it was found.

    Attributes:
        token: Without whitespace around it.
        name: Its variable.
        disagreeing: Other names that hold another value, in the order of search.
        stripped: Whether there was whitespace around it.
    """

    token: SecretStr
    name: str
    disagreeing: tuple[str, ...] = ()
    stripped: bool = False

    @property
    def kind(self) -> str:
        """Its kind by its prefix, for messages."""
        return kind(self.token)


def kind(token: SecretStr) -> str:
    """The kind of a token by its prefix; `token` when the prefix is not known."""
    text = token.get_secret_value()
    return next((words for prefix, words in KINDS.items() if text.startswith(prefix)), "token")


def find(name: str, aliases: Iterable[str], environ: Mapping[str, str]) -> FoundToken | None:
    """The token of this name, or else of the first alias that has one; None when there is none.

    An empty variable, or one of whitespace alone, counts as absent; equal values do not disagree.

    Raises:
        TokenError: The value cannot be a token. The message does not show it.
    """
    values = {each: environ[each] for each in (name, *aliases) if environ.get(each, "").strip()}
    if not values:
        return None
    first = next(iter(values))
    token = _clean(first, values[first])
    return FoundToken(
        token=SecretStr(token),
        name=first,
        disagreeing=tuple(other for other, value in values.items() if value.strip() != token),
        stripped=values[first] != token,
    )


def _clean(name: str, value: str) -> str:
    token = value.strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise TokenError(
            f"{name} holds no token: there is whitespace or a character in it that no token has",
            hint="copy the token again, alone and whole",
        )
    return token
