"""Commits, tags and refs as the API shows them."""

from datetime import UTC, datetime
from typing import Any

from rehearsal.github.git_store import Commit, Person, Tag
from rehearsal.github.records import Repository
from rehearsal.github.shapes import html_url, node_id, repository_url, simple_user, stamp
from rehearsal.github.state import GitHubState

UNVERIFIED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def person(author: Person) -> dict[str, str]:
    """An author, committer or tagger."""
    when = datetime.fromtimestamp(int(author.when.split()[0]), UTC)
    return {"name": author.name, "email": author.email, "date": stamp(when)}


def user_of(state: GitHubState, author: Person) -> dict[str, Any] | None:
    """The user with the name or GitHub address of a commit's author; None if there is none."""
    is_noreply = author.email.endswith("noreply.github.com")
    login = author.email.partition("@")[0].rpartition("+")[2] if is_noreply else author.name
    return simple_user(state, login) if login.lower() in state.users else None


def ref_shape(state: GitHubState, repository: Repository, ref: str, sha: str, kind: str) -> dict[str, Any]:
    """A ref with its object."""
    url = repository_url(state, repository)
    return {
        "ref": ref,
        "node_id": node_id("Ref", f"{repository.id}:{ref}"),
        "url": f"{url}/git/{ref}",
        "object": {"type": kind, "sha": sha, "url": f"{url}/git/{kind}s/{sha}"},
    }


def tag_shape(state: GitHubState, repository: Repository, tag: Tag) -> dict[str, Any]:
    """An annotated tag."""
    url = repository_url(state, repository)
    return {
        "node_id": node_id("Tag", tag.sha),
        "tag": tag.name,
        "sha": tag.sha,
        "url": f"{url}/git/tags/{tag.sha}",
        "message": tag.message.rstrip("\n"),
        "tagger": person(tag.tagger),
        "object": {"sha": tag.target, "type": tag.target_kind, "url": f"{url}/git/{tag.target_kind}s/{tag.target}"},
        "verification": UNVERIFIED,
    }


def git_commit(state: GitHubState, repository: Repository, commit: Commit) -> dict[str, Any]:
    """A commit as Git's own object."""
    url, page = repository_url(state, repository), html_url(state, repository)
    return {
        "sha": commit.sha,
        "node_id": node_id("Commit", commit.sha),
        "url": f"{url}/git/commits/{commit.sha}",
        "html_url": f"{page}/commit/{commit.sha}",
        "author": person(commit.author),
        "committer": person(commit.committer),
        "message": commit.message.rstrip("\n"),
        "tree": {"sha": commit.tree, "url": f"{url}/git/trees/{commit.tree}"},
        "parents": [
            {"sha": sha, "url": f"{url}/git/commits/{sha}", "html_url": f"{page}/commit/{sha}"}
            for sha in commit.parents
        ],
        "verification": UNVERIFIED,
    }


def commit_shape(state: GitHubState, repository: Repository, commit: Commit) -> dict[str, Any]:
    """A commit with the users who made it."""
    url, page = repository_url(state, repository), html_url(state, repository)
    return {
        "sha": commit.sha,
        "node_id": node_id("Commit", commit.sha),
        "url": f"{url}/commits/{commit.sha}",
        "html_url": f"{page}/commit/{commit.sha}",
        "comments_url": f"{url}/commits/{commit.sha}/comments",
        "commit": {
            "url": f"{url}/git/commits/{commit.sha}",
            "author": person(commit.author),
            "committer": person(commit.committer),
            "message": commit.message.rstrip("\n"),
            "comment_count": 0,
            "tree": {"sha": commit.tree, "url": f"{url}/git/trees/{commit.tree}"},
            "verification": UNVERIFIED,
        },
        "author": user_of(state, commit.author),
        "committer": user_of(state, commit.committer),
        "parents": [
            {"sha": sha, "url": f"{url}/commits/{sha}", "html_url": f"{page}/commit/{sha}"} for sha in commit.parents
        ],
    }


def simple_commit(commit: Commit) -> dict[str, Any]:
    """A commit in the body of a workflow run."""
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "message": commit.message.rstrip("\n"),
        "timestamp": person(commit.committer)["date"],
        "author": {"name": commit.author.name, "email": commit.author.email},
        "committer": {"name": commit.committer.name, "email": commit.committer.email},
    }


def short_commit(state: GitHubState, repository: Repository, sha: str) -> dict[str, str]:
    """A commit in a list of branches or tags."""
    return {"sha": sha, "url": f"{repository_url(state, repository)}/commits/{sha}"}
