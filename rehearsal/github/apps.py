"""GitHub Apps: they authenticate with a signed token, and get a token for an hour wherever they are installed."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import jwt
from pydantic import Field

from rehearsal.github.access import APP, Rule
from rehearsal.github.records import STRENGTH, Level, Record, Repository, Token, TokenKind
from rehearsal.github.refusals import Refusal, not_found, unprocessable
from rehearsal.github.shapes import minimal_repository, node_id, simple_user, stamp
from rehearsal.github.state import GitHubState, hash_of
from rehearsal.github.web import Answer, Body, Call, Routes, created, nothing

routes = Routes()
LONGEST = timedelta(minutes=10)
# The difference between clocks that GitHub tolerates.
SKEW = timedelta(seconds=60)
LIFETIME = timedelta(hours=1)
UNREADABLE = "A JSON web token could not be decoded"
INSTALLATION = Rule(scopes=(), signed_in=True, kinds=frozenset({TokenKind.INSTALLATION}))


class App(Record):
    """An App.

    Attributes:
        public_key: The public key of its signatures, as PEM.
        permissions: The most that its installations may do.
        events: The events that its webhook receives.
    """

    id: int
    slug: str
    name: str
    owner: str
    public_key: str
    permissions: dict[str, Level] = Field(default_factory=dict)
    events: list[str] = Field(default_factory=list)
    created_at: datetime

    @property
    def client_id(self) -> str:
        """The identifier in newer tokens."""
        return f"Iv23li{self.id:014d}"

    @property
    def bot(self) -> str:
        """The login under which its installations act."""
        return f"{self.slug}[bot]"


class Installation(Record):
    """An App on an account.

    Attributes:
        repositories: Full names in lower case; None for all repositories of the account.
    """

    id: int
    app: int
    account: str
    permissions: dict[str, Level]
    repositories: list[str] | None = None
    suspended_at: datetime | None = None
    created_at: datetime


class Narrowing(Body):
    """The scope of a new token, which may be less than the installation's."""

    permissions: dict[str, Literal["read", "write"]] | None = None
    repositories: list[str] | None = None
    repository_ids: list[int] | None = None


def apps_of(state: GitHubState) -> dict[str, App]:
    """All Apps, by id."""
    return state.table("apps", App)


def installations_of(state: GitHubState) -> dict[str, Installation]:
    """All installations, by id."""
    return state.table("installations", Installation)


def installation_for(state: GitHubState, app: int, repository: Repository) -> Installation | None:
    """The installation by which an App has a repository."""
    for installation in installations_of(state).values():
        if installation.app == app and repository.key in _covered(state, installation):
            return installation
    return None


def attach(state: GitHubState) -> None:
    """Accept the signed tokens of Apps."""

    def known(text: str) -> Token | None:
        return _signed_by(state, text) if text.count(".") == 2 and text.startswith("ey") else None

    state.authenticators.append(known)


def _signed_by(state: GitHubState, text: str) -> Token:
    app = _issuer(state, text)
    # The state has its own clock, so times are checked here and not by the library.
    options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False, "verify_iss": False}
    try:
        claims = jwt.decode(text, app.public_key, algorithms=["RS256"], options=options)  # type: ignore[arg-type]
    except jwt.InvalidTokenError:
        raise Refusal(401, UNREADABLE) from None
    _check_times(state.now(), claims)
    kind = TokenKind.APP
    return Token(sha256=hash_of(text), name=f"{kind} of {app.slug}", kind=kind, login=app.bot, app=app.id)


def _issuer(state: GitHubState, text: str) -> App:
    try:
        issuer = jwt.decode(text, options={"verify_signature": False}).get("iss")
    except jwt.InvalidTokenError:
        raise Refusal(401, UNREADABLE) from None
    if issuer is None:
        raise Refusal(401, "Missing 'issuer' claim ('iss') in assertion")
    for app in apps_of(state).values():
        if str(issuer) in {str(app.id), app.client_id}:
            return app
    raise Refusal(404, "Integration not found")


def _check_times(now: datetime, claims: Mapping[str, Any]) -> None:
    issued, expires = (_moment(claims.get(name)) for name in ("iat", "exp"))
    if expires is None or expires <= now - SKEW:
        raise Refusal(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the "
            "assertion expires",
        )
    if expires > now + LONGEST + SKEW or (issued and expires - issued > LONGEST + SKEW):
        raise Refusal(401, "'Expiration time' claim ('exp') is too far in the future")
    if issued is None or issued > now + SKEW:
        raise Refusal(
            401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
        )


def _moment(claim: object) -> datetime | None:
    return datetime.fromtimestamp(claim, UTC) if isinstance(claim, int | float) else None


@routes.get("/app", APP)
def show(call: Call) -> Answer:
    """The App itself."""
    app = _caller(call)
    count = sum(installation.app == app.id for installation in installations_of(call.state).values())
    return Answer({**app_json(call.state, app), "installations_count": count})


@routes.get("/app/installations", APP)
def listed(call: Call) -> Answer:
    """The App's installations."""
    app = _caller(call)
    mine = [known for known in installations_of(call.state).values() if known.app == app.id]
    return call.page(mine, lambda known: installation_json(call.state, app, known))


@routes.get("/app/installations/{id:int}", APP)
def show_installation(call: Call) -> Answer:
    """One installation."""
    return Answer(installation_json(call.state, _caller(call), _installation(call)))


@routes.get("/repos/{owner}/{repo_name}/installation", APP)
def of_repository(call: Call) -> Answer:
    """The installation for a repository; 404 if the App is not installed there."""
    app = _caller(call)
    repository = call.state.repositories.get(f"{call.arguments['owner']}/{call.arguments['repo_name']}".lower())
    installation = repository and installation_for(call.state, app.id, repository)
    if not installation:
        raise not_found()
    return Answer(installation_json(call.state, app, installation))


@routes.post("/app/installations/{id:int}/access_tokens", APP)
def make_token(call: Call) -> Answer:
    """Make a token for an installation, for an hour."""
    installation, wanted = _installation(call), call.body(Narrowing, "InstallationToken")
    if installation.suspended_at is not None:
        raise Refusal(403, "This installation has been suspended")
    app = _caller(call)
    permissions = _narrowed(installation, wanted)
    repositories = _chosen(call.state, installation, wanted)
    expires_at = call.state.now() + LIFETIME
    text = new_token(call.state, app, permissions, repositories, expires_at)
    call.note(f"installation token of {app.slug} for {installation.account}")
    body: dict[str, Any] = {
        "token": text,
        "expires_at": stamp(expires_at),
        "permissions": permissions,
        "repository_selection": "all" if installation.repositories is None and not _is_narrow(wanted) else "selected",
    }
    if _is_narrow(wanted):
        body["repositories"] = [minimal_repository(call.state, known) for known in repositories.values()]
    return created(body)


def new_token(
    state: GitHubState,
    app: App,
    permissions: Mapping[str, Level],
    repositories: Mapping[str, Repository],
    expires_at: datetime,
) -> str:
    """A new token of an installation; its length varies, since GitHub promises none."""
    text = f"ghs_{secrets.token_urlsafe(27 + secrets.randbelow(300)).replace('-', '0').replace('_', '1')}"
    state.add_token(
        text,
        app.bot,
        kind=TokenKind.INSTALLATION,
        name=f"installation of {app.slug}",
        permissions=permissions,
        repositories=repositories,
        expires_at=expires_at,
        app=app.id,
    )
    return text


def _is_narrow(wanted: Narrowing) -> bool:
    return wanted.repositories is not None or wanted.repository_ids is not None


def _narrowed(installation: Installation, wanted: Narrowing) -> dict[str, Level]:
    if wanted.permissions is None:
        return {**installation.permissions, "metadata": "read"}
    for name, level in wanted.permissions.items():
        if STRENGTH[installation.permissions.get(name)] < STRENGTH[level] and name != "metadata":
            raise unprocessable("The permissions requested are not granted to this installation.")
    return {**wanted.permissions, "metadata": "read"}


def _chosen(state: GitHubState, installation: Installation, wanted: Narrowing) -> dict[str, Repository]:
    covered = _covered(state, installation)
    if not _is_narrow(wanted):
        return covered
    names = {f"{installation.account}/{name}".lower() for name in wanted.repositories or ()}
    chosen = {key: known for key, known in covered.items() if key in names or known.id in (wanted.repository_ids or ())}
    if len(chosen) < len(names) + len(wanted.repository_ids or ()):
        raise unprocessable(
            "There is at least one repository that does not exist or is not accessible to the parent installation."
        )
    return chosen


def _covered(state: GitHubState, installation: Installation) -> dict[str, Repository]:
    """The repositories that an installation has, by key."""
    owned = {
        key: known for key, known in state.repositories.items() if known.owner.lower() == installation.account.lower()
    }
    selected = installation.repositories
    return owned if selected is None else {key: known for key, known in owned.items() if key in selected}


@routes.get("/installation/repositories", INSTALLATION)
def repositories(call: Call) -> Answer:
    """The repositories that an installation's token can reach."""
    reached = [call.state.repositories[name] for name in sorted(call.caller.repositories or ())]
    return call.page(reached, lambda known: minimal_repository(call.state, known, known.owner), under="repositories")


@routes.delete("/installation/token", INSTALLATION)
def revoke(call: Call) -> Answer:
    """Revoke an installation's token."""
    del call.state.tokens[call.caller.sha256]
    call.note("installation token revoked")
    return nothing()


def _caller(call: Call) -> App:
    return apps_of(call.state)[str(call.caller.app)]


def _installation(call: Call) -> Installation:
    found = installations_of(call.state).get(str(call.arguments["id"]))
    if found is None or found.app != call.caller.app:
        raise not_found()
    return found


def app_json(state: GitHubState, app: App) -> dict[str, Any]:
    """An App as the API shows it."""
    page = f"{state.addresses.server}/apps/{app.slug}"
    return {
        "id": app.id,
        "slug": app.slug,
        "client_id": app.client_id,
        "node_id": node_id("App", app.id),
        "owner": simple_user(state, app.owner),
        "name": app.name,
        "description": "",
        "external_url": page,
        "html_url": page,
        "created_at": stamp(app.created_at),
        "updated_at": stamp(app.created_at),
        "permissions": {**app.permissions, "metadata": "read"},
        "events": app.events,
    }


def installation_json(state: GitHubState, app: App, installation: Installation) -> dict[str, Any]:
    """An installation as the API shows it."""
    account = simple_user(state, installation.account)
    return {
        "id": installation.id,
        "app_id": app.id,
        "app_slug": app.slug,
        "client_id": app.client_id,
        "account": account,
        "target_id": account["id"],
        "target_type": account["type"],
        "repository_selection": "all" if installation.repositories is None else "selected",
        "access_tokens_url": f"{state.addresses.api}/app/installations/{installation.id}/access_tokens",
        "repositories_url": f"{state.addresses.api}/installation/repositories",
        "html_url": f"{state.addresses.server}/settings/installations/{installation.id}",
        "permissions": {**installation.permissions, "metadata": "read"},
        "events": app.events,
        "single_file_name": None,
        "created_at": stamp(installation.created_at),
        "updated_at": stamp(installation.created_at),
        "suspended_by": simple_user(state, installation.account) if installation.suspended_at else None,
        "suspended_at": stamp(installation.suspended_at) if installation.suspended_at else None,
    }
