"""Checks of the GitHub token: where it was found, what it may do, and for how long."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from interlock.adapters.github import AppInstallation, StaticToken
from interlock.common import tokens
from interlock.common.clock import now
from interlock.common.tokens import Role
from interlock.errors import InterlockError
from interlock.releases.checks.models import Check, failed, from_error, no_answer, ok, warning

if TYPE_CHECKING:
    from interlock.adapters.code_host import Inspection
    from interlock.adapters.connections import Connections
    from interlock.adapters.github import Credentials, TokenFacts

SUBJECT = "token"
EARLY = timedelta(days=10)
ROTATE = "rotate it: docs/tokens.md"


def check_presence(connections: "Connections") -> tuple[Check, ...]:
    """Check that there is a token, and that its other names hold the same one."""
    credentials = connections.access.credentials
    if credentials is None:
        return (_missing(connections.access.token_error),)
    name = credentials.name
    alias = f", an older name of {tokens.DISPATCH}" if name in connections.family.token_aliases else ""
    return (ok(SUBJECT, "present", f"found as {name}{alias}"), *_disagreements(connections))


def is_app(credentials: "Credentials | None") -> bool:
    """Whether the credentials are an App's installation, which has permissions and no user's role."""
    return isinstance(credentials, AppInstallation) or (isinstance(credentials, StaticToken) and credentials.is_app)


def _missing(error: InterlockError | None) -> Check:
    if error is not None:
        return from_error(SUBJECT, "present", error)
    hint = f"set {tokens.DISPATCH}: docs/tokens.md says how to make one"
    return failed(SUBJECT, "present", f"there is no {tokens.DISPATCH}", hint)


def _disagreements(connections: "Connections") -> Iterator[Check]:
    """Only variables can disagree: a block or a file is read only when no variable is set."""
    found = tokens.find(tokens.DISPATCH, connections.family.token_aliases, connections.environ)
    if found and found.disagreeing:
        others = ", ".join(found.disagreeing)
        cause = f"{others} holds another token than {found.name}, which is used"
        yield warning(SUBJECT, "one token", cause, f"remove {others}, or give it the same value")
    if found and found.stripped:
        yield warning(SUBJECT, "clean", f"{found.name} has whitespace around it", "set it again without")


async def check_use(github: "Inspection", at: datetime) -> tuple[Check, ...]:
    """Check that GitHub accepts the token, its scopes, and when it expires.

    Raises:
        TokenError: GitHub refuses the token.
        GitHubError: GitHub does not answer.
    """
    facts = await github.token_facts()
    owner = f" of {facts.login}" if facts.login else ""
    accepted = ok(SUBJECT, "accepted by GitHub", f"{facts.kind} token{owner}")
    return (accepted, *_scopes(facts), check_expiry(facts, at))


def _scopes(facts: "TokenFacts") -> Iterator[Check]:
    """Check the scopes of a classic token; other kinds have permissions for each repository."""
    if facts.scopes is None or facts.kind != "classic":
        return
    if "repo" not in facts.scopes:
        held = ", ".join(sorted(facts.scopes)) or "none"
        public = "public_repo" in facts.scopes
        make, reach = (warning, "public repositories alone") if public else (failed, "no repository")
        yield make(SUBJECT, "scopes", f"with its scopes ({held}) it reaches {reach}", f"give it repo; {ROTATE}")
    elif "workflow" not in facts.scopes:
        cause = "it lacks the scope workflow: a release of a commit that changes workflow files would be refused"
        yield warning(SUBJECT, "scopes", cause, "give it the scope workflow")
    else:
        yield ok(SUBJECT, "scopes", "repo, workflow")


def check_expiry(facts: "TokenFacts", at: datetime) -> Check:
    """Check how long the token still works; a warning from ten days before its end."""
    name = "expiry"
    if facts.expires_at is None:
        lasting = "it is renewed every hour" if facts.kind == "app" else "it does not expire, as far as GitHub says"
        return ok(SUBJECT, name, lasting)
    left = facts.expires_at - at
    day = f"{facts.expires_at:%Y-%m-%d}"
    if left <= timedelta(0):
        return failed(SUBJECT, name, f"it expired on {day}", ROTATE)
    if facts.kind == "app":
        return ok(SUBJECT, name, "it is renewed every hour")
    if left <= EARLY:
        return warning(SUBJECT, name, f"it expires in {_days(left)} ({day})", ROTATE)
    return ok(SUBJECT, name, f"it works for another {_days(left)} (until {day})")


def _days(left: timedelta) -> str:
    if left < timedelta(days=1):
        return "less than a day"
    return f"{left.days} day{'' if left.days == 1 else 's'}"


async def check_token(connections: "Connections") -> tuple[Check, ...]:
    """Check the token, without looking at a repository."""
    present = check_presence(connections)
    if not connections.has_credentials:
        return present
    try:
        return (*present, *(await check_use(connections.github, now())))
    except InterlockError as error:
        # A release needs GitHub, so no answer is a failure too.
        return (*present, no_answer(SUBJECT, "accepted by GitHub", error))


async def check_roles(connections: "Connections") -> tuple[Check, ...]:
    """Check the tokens that reading and telling have of their own; the token of releases serves a role without one."""
    found: list[Check] = []
    for role in (Role.READ, Role.TELL):
        subject, credentials = f"token to {role}", connections.access.distinct.get(role)
        if credentials is not None:
            found += await _check_own(subject, credentials, connections)
        elif connections.has_credentials:
            found.append(ok(subject, "present", f"there is no {role.variable}: the token of releases serves this too"))
    return tuple(found)


async def _check_own(subject: str, credentials: "Credentials", connections: "Connections") -> tuple[Check, ...]:
    present = ok(subject, "present", f"found as {credentials.name}")
    try:
        facts = await connections.github_of(credentials).token_facts()
    except InterlockError as error:
        return (present, no_answer(subject, "accepted by GitHub", error))
    owner = f" of {facts.login}" if facts.login else ""
    accepted = ok(subject, "accepted by GitHub", f"{facts.kind} token{owner}")
    return (present, accepted, check_expiry(facts, now()).model_copy(update={"subject": subject}))
