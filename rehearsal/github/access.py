"""Authorization: what the kind of a token, its permissions and the repository's visibility allow, and nothing else."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

from interlock.common.frozen_model import FrozenModel
from rehearsal.github.records import STRENGTH, Level, Repository, Role, Token, TokenKind
from rehearsal.github.refusals import Refusal, bad_credentials, not_found
from rehearsal.github.state import GitHubState

LACKING = {
    TokenKind.FINE_GRAINED: "Resource not accessible by personal access token",
    TokenKind.INSTALLATION: "Resource not accessible by integration",
}
NO_ADMIN = "Must have admin rights to Repository."
# Permissions that everybody has for reading a public repository.
OPEN = frozenset({"contents", "metadata", "statuses", "checks", "actions", "issues", "pull_requests", "deployments"})


class Rule(FrozenModel):
    """What a request needs.

    Attributes:
        any_of: Alternatives, each a set of permissions that are all needed; empty if no permission is needed.
        scopes: Scopes of which a classic token needs one; `repo` includes `public_repo` and `repo:status`.
        role: The role that the user needs in the repository.
        signed_in: Whether callers without a token are always refused.
        kinds: The kinds of token that may do it.
    """

    any_of: tuple[dict[str, Level], ...] = ()
    scopes: tuple[str, ...] = ("repo",)
    role: Role = "read"
    signed_in: bool = False
    kinds: frozenset[TokenKind] = frozenset({TokenKind.CLASSIC, TokenKind.FINE_GRAINED, TokenKind.INSTALLATION})

    @property
    def is_open(self) -> bool:
        """Whether everybody may do it with a public repository."""
        reads = all(level == "read" and name in OPEN for needed in self.any_of for name, level in needed.items())
        return reads and self.role == "read" and not self.signed_in

    @property
    def accepted(self) -> str:
        """The value of `X-Accepted-GitHub-Permissions`: a comma is and, a semicolon is or."""
        return "; ".join(",".join(f"{name}={level}" for name, level in needed.items()) for needed in self.any_of)


def needs(  # noqa: PLR0913  a rule in one line where the route is
    permission: str,
    level: Level = "read",
    *,
    also: Mapping[str, Level] | None = None,
    instead: tuple[Mapping[str, Level], ...] = (),
    scopes: tuple[str, ...] = ("repo",),
    role: Role | None = None,
    signed_in: bool = False,
    apps_only: bool = False,
) -> Rule:
    """The usual rule: a permission, and the role in the repository that goes with it (see `Rule`)."""
    first: dict[str, Level] = {permission: level, **(also or {})}
    return Rule(
        any_of=(first, *map(dict, instead)),
        scopes=scopes,
        role=role or level,
        signed_in=signed_in or level == "write",
        **({"kinds": frozenset({TokenKind.INSTALLATION})} if apps_only else {}),
    )


ANYONE = Rule(scopes=(), kinds=frozenset(TokenKind))
SIGNED_IN = Rule(scopes=(), signed_in=True)
APP = Rule(scopes=(), signed_in=True, kinds=frozenset({TokenKind.APP}))


def authenticate(state: GitHubState, header: str | None) -> Token | None:
    """The token of an `Authorization` header; None if there is none.

    Raises:
        Refusal: It is unknown, or has expired.
    """
    if not header:
        return None
    token = state.token(token_text(header))
    if token is None or (token.expires_at is not None and token.expires_at <= state.now()):
        raise bad_credentials()
    return token


def token_text(header: str) -> str:
    """The text of the token in an `Authorization` header: `Bearer x`, `token x`, or Basic; empty if there is none."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "basic":
        return _of_basic(rest)
    return rest.strip() if scheme.lower() in {"bearer", "token"} else ""


def _of_basic(encoded: str) -> str:
    """The token of Basic authorization: the password, or the user if the password is missing or conventional."""
    try:
        user, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return password if password not in {"", "x-oauth-basic"} else user


def sees(state: GitHubState, token: Token | None, repository: Repository) -> bool:
    """Whether the repository exists for the caller."""
    if not repository.private:
        return True
    if token is None or token.kind is TokenKind.APP:
        return False
    if token.kind is TokenKind.CLASSIC:
        return "repo" in token.scopes and state.role(token.login, repository) is not None
    return is_selected(token, repository) and _role(state, token, repository) is not None


def is_selected(token: Token, repository: Repository) -> bool:
    """Whether the repository is among those that the token was made for."""
    if token.repositories is not None:
        return repository.key in token.repositories
    return token.login.lower() == repository.owner.lower()


def check_signed_in(rule: Rule, token: Token | None) -> None:
    """Refuse a caller without a token, or with another kind of token, where one is needed.

    Raises:
        Refusal: 401 or 403.
    """
    if token is None:
        if rule.signed_in:
            raise Refusal(401, "Requires authentication")
    elif token.kind not in rule.kinds:
        raise _wrong_kind(rule, token)


def _wrong_kind(rule: Rule, token: Token) -> Refusal:
    if rule.kinds == {TokenKind.APP}:
        return Refusal(401, "A JSON web token could not be decoded")
    if rule.kinds == {TokenKind.INSTALLATION} and token.kind is not TokenKind.APP:
        return Refusal(403, "You must authenticate via a GitHub App.")
    return Refusal(403, LACKING.get(token.kind, "Resource not accessible by integration"))


def check(state: GitHubState, rule: Rule, token: Token | None, repository: Repository | None) -> Repository:
    """The repository, if the rule allows the request.

    Raises:
        Refusal: 404 when it does not exist for them, else 401 or 403.
    """
    if repository is None or not sees(state, token, repository):
        raise not_found()
    if rule.is_open and not repository.private:
        return repository
    check_signed_in(rule, token)
    if token is None:
        raise Refusal(401, "Requires authentication")
    if not _allows(rule, token, repository):
        raise Refusal(403, LACKING.get(token.kind, NO_ADMIN))
    if STRENGTH[_role(state, token, repository)] < STRENGTH[rule.role]:
        raise Refusal(403, LACKING.get(token.kind, NO_ADMIN))
    if repository.archived and rule.role != "read" and any("write" in needed.values() for needed in rule.any_of):
        raise Refusal(403, "Repository was archived so is read-only.")
    return repository


def _role(state: GitHubState, token: Token, repository: Repository) -> Role | None:
    """Whether the token's user has the role; an installation is bound by its permissions alone."""
    return "admin" if token.kind is TokenKind.INSTALLATION else state.role(token.login, repository)


def _allows(rule: Rule, token: Token, repository: Repository) -> bool:
    if token.kind is TokenKind.CLASSIC:
        return not rule.scopes or has_scope(token, rule.scopes)
    return is_selected(token, repository) and any(grants(token, needed) for needed in rule.any_of or ({},))


def has_scope(token: Token, scopes: tuple[str, ...]) -> bool:
    """Whether a classic token has one of the scopes; for a public repository, `public_repo` is as good as `repo`."""
    enough = {*scopes, "repo"} if any(scope.startswith("repo") for scope in scopes) else set(scopes)
    if "repo" in scopes:
        enough.add("public_repo")
    return bool(enough & token.scopes)


def grants(token: Token, needed: Mapping[str, Level]) -> bool:
    """Whether a token that is not a classic one has all of these permissions; every token may read metadata."""
    has: dict[str, Level] = {"metadata": "read", **token.permissions}
    return all(STRENGTH[has.get(name)] >= STRENGTH[level] for name, level in needed.items())


def may(  # for handlers that show more to callers with more rights
    state: GitHubState, rule: Rule, token: Token | None, repository: Repository
) -> bool:
    """Whether the caller may do it."""
    try:
        check(state, rule, token, repository)
    except Refusal:
        return False
    return True


def may_change_workflows(token: Token) -> bool:
    """Whether a token may change files in .github/workflows."""
    if token.kind is TokenKind.CLASSIC:
        return "workflow" in token.scopes
    return grants(token, {"workflows": "write"})


def headers(state: GitHubState, token: Token | None, rule: Rule | None) -> dict[str, str]:
    """The headers of an answer about the token and the permissions that were needed."""
    if token is None:
        return {}
    said: dict[str, str] = {}
    if token.kind is TokenKind.CLASSIC:
        said["X-OAuth-Scopes"] = ", ".join(sorted(token.scopes))
        said["X-Accepted-OAuth-Scopes"] = ", ".join(rule.scopes) if rule else ""
    elif rule and rule.any_of:
        said["X-Accepted-GitHub-Permissions"] = rule.accepted
    if token.expires_at is not None and token.kind is not TokenKind.APP:
        said["github-authentication-token-expiration"] = expiry(token.expires_at, state.expiry_zone)
    return said


def expiry(moment: datetime, zone: str) -> str:
    """A time in the form of GitHub's expiry header: `2027-03-31 00:00:00 UTC`, or with an offset such as `+0900`."""
    if zone == "UTC":
        return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    offset = timedelta(hours=int(zone[:3]), minutes=int(zone[0] + zone[3:]))
    return moment.astimezone(timezone(offset)).strftime("%Y-%m-%d %H:%M:%S %z")
