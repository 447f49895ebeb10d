"""The API's root, the rate limit, users, and the repositories of a user."""

from typing import Any

from rehearsal.github import access
from rehearsal.github.access import ANYONE, SIGNED_IN, needs
from rehearsal.github.limits import Limits
from rehearsal.github.records import Repository, User
from rehearsal.github.refusals import Refusal, not_found
from rehearsal.github.shapes import full_repository, minimal_repository, simple_user, stamp
from rehearsal.github.state import GitHubState
from rehearsal.github.web import Answer, Call, Routes

routes = Routes()

ROOT = {
    "current_user_url": "/user",
    "current_user_authorizations_html_url": "/settings/connections/applications{/client_id}",
    "authorizations_url": "/authorizations",
    "code_search_url": "/search/code?q={query}{&page,per_page,sort,order}",
    "commit_search_url": "/search/commits?q={query}{&page,per_page,sort,order}",
    "emails_url": "/user/emails",
    "emojis_url": "/emojis",
    "events_url": "/events",
    "feeds_url": "/feeds",
    "followers_url": "/user/followers",
    "following_url": "/user/following{/target}",
    "gists_url": "/gists{/gist_id}",
    "issue_search_url": "/search/issues?q={query}{&page,per_page,sort,order}",
    "issues_url": "/issues",
    "keys_url": "/user/keys",
    "label_search_url": "/search/labels?q={query}&repository_id={repository_id}{&page,per_page}",
    "notifications_url": "/notifications",
    "organization_url": "/orgs/{org}",
    "organization_repositories_url": "/orgs/{org}/repos{?type,page,per_page,sort}",
    "organization_teams_url": "/orgs/{org}/teams",
    "public_gists_url": "/gists/public",
    "rate_limit_url": "/rate_limit",
    "repository_url": "/repos/{owner}/{repo}",
    "repository_search_url": "/search/repositories?q={query}{&page,per_page,sort,order}",
    "current_user_repositories_url": "/user/repos{?type,page,per_page,sort}",
    "starred_url": "/user/starred{/owner}{/repo}",
    "starred_gists_url": "/gists/starred",
    "user_url": "/users/{user}",
    "user_organizations_url": "/user/orgs",
    "user_repositories_url": "/users/{user}/repos{?type,page,per_page,sort}",
    "user_search_url": "/search/users?q={query}{&page,per_page,sort,order}",
}


@routes.get("/", ANYONE)
def root(call: Call) -> Answer:
    """The addresses of the API."""
    return Answer({name: call.state.addresses.api + path for name, path in ROOT.items()})


@routes.get("/rate_limit", ANYONE)
def rate_limit(call: Call) -> Answer:
    """The rate limit; version 2026-03-10 has no `rate`."""
    core = Limits(call.state).shown(call.token)
    body: dict[str, Any] = {"resources": {"core": core, "search": core, "graphql": core}}
    if call.headers.get("x-github-api-version", "") < "2026-03-10":
        body["rate"] = core
    return Answer(body)


@routes.get("/user", SIGNED_IN)
def current_user(call: Call) -> Answer:
    """The token's user; an installation has none."""
    if call.caller.login.lower() not in call.state.users or call.caller.kind == "installation":
        raise Refusal(403, "Resource not accessible by integration")
    return Answer(_full_user(call.state, call.caller.login))


@routes.get("/users/{login}", ANYONE)
def user(call: Call) -> Answer:
    """A user."""
    if call.arguments["login"].lower() not in call.state.users:
        raise not_found()
    return Answer(_full_user(call.state, call.arguments["login"]))


def _full_user(state: GitHubState, login: str) -> dict[str, Any]:
    known: User = state.users[login.lower()]
    unsaid = ("name", "company", "blog", "location", "email", "hireable", "bio")
    counts = ("public_repos", "public_gists", "followers", "following")
    return {
        **simple_user(state, login),
        **dict.fromkeys(unsaid),
        **dict.fromkeys(counts, 0),
        "created_at": stamp(known.created_at),
        "updated_at": stamp(known.created_at),
    }


@routes.get("/orgs/{login}/repos", ANYONE)
@routes.get("/users/{login}/repos", ANYONE)
def repositories_of(call: Call) -> Answer:
    """The repositories of a user that the caller sees."""
    owner = call.arguments["login"].lower()
    if owner not in call.state.users:
        raise not_found()
    return _listed(call, [known for known in call.state.repositories.values() if known.owner.lower() == owner])


@routes.get("/user/repos", SIGNED_IN)
def my_repositories(call: Call) -> Answer:
    """The repositories that the caller has a role in."""
    state, login = call.state, call.caller.login.lower()
    mine = [
        known
        for known in state.repositories.values()
        if known.owner.lower() == login or login in map(str.lower, known.access)
    ]
    return _listed(call, mine)


def _listed(call: Call, repositories: list[Repository]) -> Answer:
    seen = [known for known in repositories if access.sees(call.state, call.token, known)]
    login = call.token.login if call.token else None
    return call.page(
        sorted(seen, key=lambda known: known.name), lambda known: minimal_repository(call.state, known, login)
    )


@routes.get("/repos/{owner}/{repo}/collaborators/{login}/permission", needs("metadata", role="write", signed_in=True))
def permission(call: Call) -> Answer:
    """A user's role in a repository."""
    login = call.arguments["login"]
    if login.lower() not in call.state.users:
        raise not_found()
    role = call.state.role(login, call.repo) or "none"
    user = {**simple_user(call.state, login), "role_name": role}
    return Answer({"permission": role, "role_name": role, "user": user})


@routes.get("/repos/{owner}/{repo}", needs("metadata"))
def repository(call: Call) -> Answer:
    """A repository."""
    return Answer(full_repository(call.state, call.repo, call.token.login if call.token else None))
