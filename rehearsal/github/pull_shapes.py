"""Pull requests as the API shows them."""

from typing import Any

from rehearsal.github import diffs, issues, merging, pull_store
from rehearsal.github.pull_store import Pull
from rehearsal.github.records import Repository
from rehearsal.github.shapes import (
    html_url,
    minimal_repository,
    node_id,
    repository_url,
    simple_user,
    stamp,
)
from rehearsal.github.state import GitHubState

NOBODY: dict[str, Any] = {
    "assignee": None,
    "assignees": [],
    "requested_reviewers": [],
    "requested_teams": [],
    "milestone": None,
    "locked": False,
    "active_lock_reason": None,
}


def simple_pull_json(state: GitHubState, repository: Repository, pull: Pull) -> dict[str, Any]:
    """A pull request in a list."""
    links = _links(state, repository, pull)
    return {
        **links,
        "_links": _under_links(links),
        "id": pull.id,
        "node_id": node_id("PullRequest", pull.id),
        "number": pull.number,
        "state": pull.state,
        "draft": pull.draft,
        "title": pull.title,
        "body": pull.body,
        "user": simple_user(state, pull.login),
        "labels": [issues.label_json(state, repository, name) for name in pull.labels],
        **NOBODY,
        "head": _end(state, repository, pull.head, pull.head_sha),
        "base": _end(state, repository, pull.base, _base_sha(state, repository, pull)),
        "author_association": issues.association(state, repository, pull.login),
        "auto_merge": _auto_merge(state, pull),
        "merge_commit_sha": pull.merge_commit_sha,
        **_moments(pull),
    }


def pull_json(state: GitHubState, repository: Repository, pull: Pull) -> dict[str, Any]:
    """A single pull request; this counts as a look at whether it can be merged."""
    found = pull_store.look(state, repository, pull)
    git = state.git(repository)
    files = diffs.files_since_parting(git, pull.base_sha, pull.head_sha)
    return {
        **simple_pull_json(state, repository, pull),
        "mergeable": None if found == "unknown" else found != "dirty",
        "mergeable_state": found,
        "rebaseable": None if found == "unknown" else found != "dirty",
        "merged": pull.merged_at is not None,
        "merged_by": simple_user(state, pull.merged_by) if pull.merged_by else None,
        "maintainer_can_modify": False,
        "comments": len(issues.comments_of(state, repository, pull.number)),
        "review_comments": 0,
        "commits": len(merging.commits_between(git, pull.base_sha, pull.head_sha)),
        "additions": sum(file.added for file in files),
        "deletions": sum(file.deleted for file in files),
        "changed_files": len(files),
    }


def _links(state: GitHubState, repository: Repository, pull: Pull) -> dict[str, str]:
    api, page = repository_url(state, repository), f"{html_url(state, repository)}/pull/{pull.number}"
    url, issue = f"{api}/pulls/{pull.number}", f"{api}/issues/{pull.number}"
    return {
        "url": url,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue,
        "comments_url": f"{issue}/comments",
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{api}/pulls/comments{{/number}}",
        "statuses_url": f"{api}/statuses/{pull.head_sha}",
    }


def _under_links(links: dict[str, str]) -> dict[str, dict[str, str]]:
    names = ("html", "issue", "comments", "commits", "review_comments", "review_comment", "statuses")
    return {"self": {"href": links["url"]}, **{name: {"href": links[f"{name}_url"]} for name in names}}


def _end(state: GitHubState, repository: Repository, branch: str, sha: str) -> dict[str, Any]:
    return {
        "label": f"{repository.owner}:{branch}",
        "ref": branch,
        "sha": sha,
        "user": simple_user(state, repository.owner),
        "repo": minimal_repository(state, repository),
    }


def _base_sha(state: GitHubState, repository: Repository, pull: Pull) -> str:
    live = state.git(repository).ref(f"refs/heads/{pull.base}") if pull.state == "open" else None
    return live or pull.base_sha


def _auto_merge(state: GitHubState, pull: Pull) -> dict[str, Any] | None:
    wanted = pull.auto_merge
    if wanted is None:
        return None
    return {
        "enabled_by": simple_user(state, wanted.login),
        "merge_method": wanted.method,
        "commit_title": wanted.title or "",
        "commit_message": wanted.message or "",
    }


def _moments(pull: Pull) -> dict[str, str | None]:
    names = ("created_at", "updated_at", "closed_at", "merged_at")
    moments = {name: getattr(pull, name) for name in names}
    return {name: stamp(moment) if moment else None for name, moment in moments.items()}
