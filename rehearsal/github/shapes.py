"""Users and repositories as the API shows them, with every field that GitHub's description requires."""

import base64
from datetime import UTC, datetime
from typing import Any

from rehearsal.github.records import Repository, User
from rehearsal.github.state import GitHubState


def stamp(moment: datetime) -> str:
    """A time in GitHub's form: in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def node_id(kind: str, number: int | str) -> str:
    """The id in GraphQL."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def simple_user(state: GitHubState, login: str) -> dict[str, Any]:
    """A user, as other bodies contain it; an unknown login is shown as a ghost of that name."""
    user = state.users.get(login.lower()) or User(id=0, login=login, created_at=state.now())
    url = f"{state.addresses.api}/users/{user.login}"
    lists = ("followers", "subscriptions", "organizations", "repos", "received_events")
    return {
        "login": user.login,
        "id": user.id,
        "node_id": node_id("User", user.id),
        "avatar_url": f"{state.addresses.server}/{user.login}.png",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{state.addresses.server}/{user.login}",
        **{f"{name}_url": f"{url}/{name}" for name in lists},
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "events_url": f"{url}/events{{/privacy}}",
        "type": user.kind,
        "site_admin": False,
    }


# The templates of the addresses of a repository's parts.
PARTS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
# Fields that have the same value in every rehearsal.
NONE_OF = ("forks", "forks_count", "open_issues", "open_issues_count", "stargazers_count", "watchers", "watchers_count")
SWITCHES = {
    "fork": False,
    "disabled": False,
    "is_template": False,
    "has_issues": True,
    "has_projects": False,
    "has_wiki": False,
    "has_pages": False,
    "has_discussions": False,
    "has_downloads": False,
    "delete_branch_on_merge": False,
}


def repository_url(state: GitHubState, repository: Repository) -> str:
    """Its address in the API."""
    return f"{state.addresses.api}/repos/{repository.full_name}"


def html_url(state: GitHubState, repository: Repository) -> str:
    """Its page."""
    return f"{state.addresses.server}/{repository.full_name}"


def minimal_repository(state: GitHubState, repository: Repository, login: str | None = None) -> dict[str, Any]:
    """A repository in a list or in another body, with the rights of a user."""
    url, page = repository_url(state, repository), html_url(state, repository)
    return {
        "id": repository.id,
        "node_id": node_id("Repository", repository.id),
        "name": repository.name,
        "full_name": repository.full_name,
        "owner": simple_user(state, repository.owner),
        "private": repository.private,
        "visibility": "private" if repository.private else "public",
        "html_url": page,
        "description": repository.description,
        "url": url,
        **{name: url + part for name, part in PARTS.items()},
        "clone_url": f"{page}.git",
        "git_url": f"git:{page.partition(':')[2]}.git",
        "ssh_url": f"git@{page.partition('//')[2].replace('/', ':', 1)}.git",
        "svn_url": page,
        "default_branch": repository.default_branch,
        "archived": repository.archived,
        "topics": repository.topics,
        **dict.fromkeys(NONE_OF, 0),
        **dict.fromkeys(("homepage", "language", "mirror_url", "license")),
        **SWITCHES,
        "size": 1,
        "created_at": stamp(repository.created_at),
        "updated_at": stamp(repository.updated_at),
        "pushed_at": stamp(repository.pushed_at),
        **({"permissions": _rights(state, repository, login)} if login else {}),
    }


def full_repository(state: GitHubState, repository: Repository, login: str | None = None) -> dict[str, Any]:
    """A single repository."""
    return {
        **minimal_repository(state, repository, login),
        "allow_auto_merge": repository.allow_auto_merge,
        **dict.fromkeys(("allow_squash_merge", "allow_merge_commit", "allow_rebase_merge"), True),
        "network_count": 0,
        "subscribers_count": 0,
    }


def _rights(state: GitHubState, repository: Repository, login: str) -> dict[str, bool]:
    admin, write = (state.has_role(login, repository, role) for role in ("admin", "write"))
    return {"admin": admin, "maintain": admin, "push": write, "triage": write, "pull": True}
