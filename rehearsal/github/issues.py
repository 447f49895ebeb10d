"""The part of GitHub's issues that pull requests use: comments and labels."""

import re
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from rehearsal.github import pull_store
from rehearsal.github.access import needs
from rehearsal.github.pull_store import Pull
from rehearsal.github.records import Record, Repository
from rehearsal.github.refusals import Refusal, not_found
from rehearsal.github.shapes import html_url, node_id, repository_url, simple_user, stamp
from rehearsal.github.state import GitHubState
from rehearsal.github.web import Answer, Body, Call, Routes, created, nothing

routes = Routes()
READ = needs("issues", instead=({"pull_requests": "read"},))
COMMENT = needs("issues", "write", instead=({"pull_requests": "write"},), role="read")
LABEL = needs("issues", "write", instead=({"pull_requests": "write"},))
OTHERS = needs("issues", "write", instead=({"pull_requests": "write"},), role="write")
LONGEST = 65_536


class Comment(Record):
    """A comment on an issue or pull request."""

    id: int
    repository: str
    number: int
    login: str
    body: str
    created_at: datetime
    updated_at: datetime


class Label(Record):
    """A label of a repository."""

    id: int
    name: str
    color: str = "ededed"
    description: str | None = None


class NewComment(Body):
    """The text of a comment."""

    body: str = Field(min_length=1, max_length=LONGEST)


class IssueChanges(Body):
    """The changes of an issue that is a pull request."""

    title: str | None = None
    body: str | None = None
    state: Literal["open", "closed"] | None = None
    labels: list[str] | None = None


def next_number(state: GitHubState, repository: Repository) -> int:
    """The number of the next issue or pull request."""
    return max((pull.number for pull in pull_store.pulls_of(state, repository)), default=0) + 1


def association(state: GitHubState, repository: Repository, login: str) -> str:
    """A user's association with a repository."""
    if login.lower() == repository.owner.lower():
        return "OWNER"
    return "COLLABORATOR" if state.has_role(login, repository, "write") else "NONE"


def must_be_allowed(call: Call, login: str) -> None:
    """Refuse to change another user's comment without the right to write.

    Raises:
        Refusal: 403.
    """
    if call.caller.login != login and not call.may(OTHERS):
        raise Refusal(403, "Must have admin rights to Repository.")


def comments_of(state: GitHubState, repository: Repository, number: int) -> list[Comment]:
    """The comments on an issue, oldest first."""
    known = state.table("comments", Comment).values()
    return [comment for comment in known if (comment.repository, comment.number) == (repository.key, number)]


def _pull(call: Call) -> Pull:
    pull = pull_store.find_pull(call.state, call.repo, call.arguments["number"])
    if pull is None:
        raise not_found()
    return pull


@routes.get("/repos/{owner}/{repo}/issues/{number:int}", READ)
def show(call: Call) -> Answer:
    """The issue that a pull request is."""
    return Answer(issue_json(call.state, call.repo, _pull(call)))


@routes.patch("/repos/{owner}/{repo}/issues/{number:int}", COMMENT)
def update(call: Call) -> Answer:
    """Change the issue that a pull request is."""
    pull, changes = _pull(call), call.body(IssueChanges, "Issue")
    must_be_allowed(call, pull.login)
    pull.title = changes.title or pull.title
    if "body" in changes.model_fields_set:
        pull.body = changes.body
    if changes.labels is not None:
        pull.labels = [_label(call.state, call.repo, name).name for name in changes.labels]
    if changes.state and changes.state != pull.state:
        change = pull_store.close if changes.state == "closed" else pull_store.reopen
        change(call.state, call.repo, pull, call.caller.login)
    call.note(f"update issue {pull.number}: {pull.state}")
    return Answer(issue_json(call.state, call.repo, pull))


# --- labels ----------------------------------------------------------------------------------------------------------


@routes.get("/repos/{owner}/{repo}/issues/{number:int}/labels", READ)
def labels(call: Call) -> Answer:
    """Its labels."""
    return call.page(_pull(call).labels, lambda name: label_json(call.state, call.repo, name))


@routes.post("/repos/{owner}/{repo}/issues/{number:int}/labels", LABEL)
def add_labels(call: Call) -> Answer:
    """Add labels to it; unknown ones are made."""
    pull, sent = _pull(call), call.json()
    wanted = sent.get("labels", []) if isinstance(sent, dict) else sent
    names = [name.get("name", "") if isinstance(name, dict) else str(name) for name in wanted]
    if not all(names):
        raise Refusal(
            422, "Validation Failed", errors=[{"resource": "Label", "field": "name", "code": "missing_field"}]
        )
    put = [_label(call.state, call.repo, name).name for name in names]
    pull.labels = list(dict.fromkeys([*pull.labels, *put]))
    call.note(f"labels of {pull.number}: {', '.join(pull.labels)}")
    return Answer([label_json(call.state, call.repo, name) for name in pull.labels])


@routes.delete("/repos/{owner}/{repo}/issues/{number:int}/labels/{name}", LABEL)
def remove_label(call: Call) -> Answer:
    """Remove a label."""
    pull, name = _pull(call), call.arguments["name"].lower()
    kept = [label for label in pull.labels if label.lower() != name]
    if kept == pull.labels:
        raise Refusal(404, "Label does not exist")
    pull.labels = kept
    call.note(f"labels of {pull.number}: {', '.join(kept)}")
    return Answer([label_json(call.state, call.repo, label) for label in kept])


def _label(state: GitHubState, repository: Repository, name: str) -> Label:
    known = state.table("labels", Label)
    key = f"{repository.key}:{name.lower()}"
    if key not in known:
        known[key] = Label(id=state.next_id(), name=name)
    return known[key]


def label_json(state: GitHubState, repository: Repository, name: str) -> dict[str, Any]:
    """A label as the API shows it."""
    label = _label(state, repository, name)
    return {
        "id": label.id,
        "node_id": node_id("Label", label.id),
        "url": f"{repository_url(state, repository)}/labels/{re.sub(r'[^A-Za-z0-9._~-]', '-', label.name)}",
        "name": label.name,
        "color": label.color,
        "default": False,
        "description": label.description or "",
    }


# --- comments --------------------------------------------------------------------------------------------------------


@routes.get("/repos/{owner}/{repo}/issues/{number:int}/comments", READ)
def comments(call: Call) -> Answer:
    """Its comments, oldest first."""
    said = comments_of(call.state, call.repo, _pull(call).number)
    return call.page(said, lambda comment: comment_json(call.state, call.repo, comment))


@routes.post("/repos/{owner}/{repo}/issues/{number:int}/comments", COMMENT)
def create_comment(call: Call) -> Answer:
    """Add a comment."""
    pull, new = _pull(call), call.body(NewComment, "IssueComment")
    comment = add_comment(call.state, call.repo, pull.number, call.caller.login, new.body)
    call.note(f"comment {comment.id} on {pull.number}")
    shown = comment_json(call.state, call.repo, comment)
    return created(shown, shown["url"])


def add_comment(state: GitHubState, repository: Repository, number: int, login: str, body: str) -> Comment:
    """Record a comment."""
    now = state.now()
    comment = Comment(
        id=state.next_id(),
        repository=repository.key,
        number=number,
        login=login,
        body=body,
        created_at=now,
        updated_at=now,
    )
    state.table("comments", Comment)[str(comment.id)] = comment
    return comment


@routes.get("/repos/{owner}/{repo}/issues/comments/{id:int}", READ)
def show_comment(call: Call) -> Answer:
    """One comment."""
    return Answer(comment_json(call.state, call.repo, _comment(call)))


@routes.patch("/repos/{owner}/{repo}/issues/comments/{id:int}", COMMENT)
def update_comment(call: Call) -> Answer:
    """Change a comment."""
    comment, new = _comment(call), call.body(NewComment, "IssueComment")
    must_be_allowed(call, comment.login)
    comment.body, comment.updated_at = new.body, call.state.now()
    call.note(f"comment {comment.id} on {comment.number} changed")
    return Answer(comment_json(call.state, call.repo, comment))


@routes.delete("/repos/{owner}/{repo}/issues/comments/{id:int}", COMMENT)
def delete_comment(call: Call) -> Answer:
    """Delete a comment."""
    comment = _comment(call)
    must_be_allowed(call, comment.login)
    del call.state.table("comments", Comment)[str(comment.id)]
    call.note(f"comment {comment.id} on {comment.number} deleted")
    return nothing()


def _comment(call: Call) -> Comment:
    comment = call.state.table("comments", Comment).get(str(call.arguments["id"]))
    if comment is None or comment.repository != call.repo.key:
        raise not_found()
    return comment


def comment_json(state: GitHubState, repository: Repository, comment: Comment) -> dict[str, Any]:
    """A comment as the API shows it."""
    api = repository_url(state, repository)
    return {
        "id": comment.id,
        "node_id": node_id("IssueComment", comment.id),
        "url": f"{api}/issues/comments/{comment.id}",
        "html_url": f"{html_url(state, repository)}/pull/{comment.number}#issuecomment-{comment.id}",
        "issue_url": f"{api}/issues/{comment.number}",
        "user": simple_user(state, comment.login),
        "author_association": association(state, repository, comment.login),
        "body": comment.body,
        "created_at": stamp(comment.created_at),
        "updated_at": stamp(comment.updated_at),
    }


def issue_json(state: GitHubState, repository: Repository, pull: Pull) -> dict[str, Any]:
    """A pull request as an issue."""
    api, page = repository_url(state, repository), html_url(state, repository)
    url, pull_page = f"{api}/issues/{pull.number}", f"{page}/pull/{pull.number}"
    return {
        "id": pull.id,
        "node_id": node_id("PullRequest", pull.id),
        "number": pull.number,
        "title": pull.title,
        "body": pull.body,
        "state": pull.state,
        "state_reason": None,
        "user": simple_user(state, pull.login),
        "labels": [label_json(state, repository, name) for name in pull.labels],
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "locked": False,
        "comments": len(comments_of(state, repository, pull.number)),
        "author_association": association(state, repository, pull.login),
        "url": url,
        "repository_url": api,
        "html_url": pull_page,
        **{f"{part}_url": f"{url}/{part}" for part in ("comments", "events", "timeline")},
        "labels_url": f"{url}/labels{{/name}}",
        "pull_request": {
            "url": f"{api}/pulls/{pull.number}",
            "html_url": pull_page,
            "diff_url": f"{pull_page}.diff",
            "patch_url": f"{pull_page}.patch",
            "merged_at": stamp(pull.merged_at) if pull.merged_at else None,
        },
        "created_at": stamp(pull.created_at),
        "updated_at": stamp(pull.updated_at),
        "closed_at": stamp(pull.closed_at) if pull.closed_at else None,
    }
