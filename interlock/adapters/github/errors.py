"""GitHub's refusals as errors, each with the request, GitHub's words, and a hint."""

import time
from collections.abc import Mapping

from gidgethub import HTTPException, RedirectionException

from interlock.common.frozen_model import FrozenModel
from interlock.errors import ConflictError, GitHubError, InterlockError, TokenError

MINUTE = 60.0  # GitHub's advice where a secondary limit does not say for how long


class UnreachableError(GitHubError):
    """There was no answer, half of one, or a server error; whether a write happened is not known."""

    transient = True


class RateLimitError(GitHubError):
    """GitHub's rate limit refused it before anything was done.

    Args:
        message: What was refused.
        seconds: After how long GitHub accepts it again.
        hint: What to do about it.
    """

    transient = True

    def __init__(self, message: str, *, seconds: float, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.seconds = seconds


class AlreadyExistsError(ConflictError):
    """The thing that was to be made is there already."""


class NotThereError(GitHubError):
    """GitHub has no such thing, or does not show it to this token."""


class UnprocessableError(GitHubError):
    """GitHub understood it, and it is impossible."""


_KINDS: Mapping[int, tuple[type[NotThereError | AlreadyExistsError | UnprocessableError], str]] = {
    404: (NotThereError, "it does not exist, or the token of {token} cannot see it"),
    409: (AlreadyExistsError, "look at what is there before making it again"),
    422: (UnprocessableError, "what was sent is not possible as GitHub's words say"),
}


class ApiRequest(FrozenModel):
    """A request, for messages.

    Attributes:
        what: As `read the releases`.
        subject: The repository, or `GitHub`.
        token: The name of the token.
    """

    what: str
    subject: str
    token: str


def explain(error: HTTPException, request: ApiRequest) -> InterlockError:
    """The error for an answer that refuses."""
    status = int(error.status_code)
    said = f"{status} {_words(error)}".rstrip()
    message = f"{request.subject}: GitHub did not {request.what}: {said}"
    wait = limit(error)
    if wait is not None:
        return RateLimitError(message, seconds=wait, hint=f"GitHub takes it again in {wait:.0f} s")
    if status >= 500:
        return UnreachableError(message, hint="see githubstatus.com, and run it again")
    if isinstance(error, RedirectionException):
        return GitHubError(f"{message}: it has moved", hint="write its new place into the family file")
    if status in {401, 403}:
        return _refused(error, message, request)
    if status in {404, 422}:
        kind, hint = _KINDS[404 if status == 404 else 409 if _exists(error) else 422]
        return kind(message, hint=hint.format(token=request.token))
    return GitHubError(message)


def limit(error: HTTPException) -> float | None:
    """After how many seconds GitHub accepts the request again; None when it was not refused by a rate limit.

    Facts: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    status, headers, words = int(error.status_code), error.headers, str(error).lower()
    if status not in {403, 429}:
        return None
    if "retry-after" in headers:
        return _number(headers["retry-after"], MINUTE)
    if headers.get("x-ratelimit-remaining") == "0":
        return max(0.0, _number(headers.get("x-ratelimit-reset"), time.time() + MINUTE) - time.time()) + 1
    if status == 429 or "secondary rate limit" in words or "abuse detection" in words:
        return MINUTE
    return None


def _number(text: str | None, otherwise: float) -> float:
    try:
        return float(text or "")
    except ValueError:
        return otherwise


def _words(error: HTTPException) -> str:
    """GitHub's own message, on one line."""
    return " ".join(str(error).split())[:300]


def _exists(error: HTTPException) -> bool:
    errors = getattr(error, "errors", None) or []
    codes = {one.get("code") for one in errors if isinstance(one, Mapping)}
    return "already_exists" in codes or "already exists" in str(error).lower()


def _refused(error: HTTPException, message: str, request: ApiRequest) -> InterlockError:
    if int(error.status_code) == 401:
        return TokenError(
            message, hint=f"the token of {request.token} is no valid one (any more): make a new one and put it there"
        )
    if "archived" in str(error):
        return GitHubError(message, hint="unarchive the repository, or take it out of the family file")
    return TokenError(message, hint=_missing(error.headers, request.token))


def _missing(headers: Mapping[str, str], token: str) -> str:
    """What the token lacks; in GitHub's header a comma means and, a semicolon or."""
    if "x-github-sso" in headers:
        return f"authorize the token of {token} for the organisation's single sign-on"
    if permissions := headers.get("x-accepted-github-permissions", "").strip():
        words = permissions.replace("=", ": ").replace(";", " or").replace(",", " and ")
        return f"the token of {token} needs the permission {' '.join(words.split())} for this repository"
    wanted = _scopes(headers.get("x-accepted-oauth-scopes"))
    if wanted and "x-oauth-scopes" in headers:
        has = ", ".join(_scopes(headers["x-oauth-scopes"])) or "none"
        return f"the token of {token} needs the scope {' or '.join(wanted)}, and has {has}"
    return f"the token of {token} may not do this: see its permissions and its owner's role in the repository"


def _scopes(text: str | None) -> list[str]:
    return [scope.strip() for scope in (text or "").split(",") if scope.strip()]
