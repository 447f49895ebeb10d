"""Commit statuses: each, and their combination."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from rehearsal.github.access import needs
from rehearsal.github.records import Record, Repository
from rehearsal.github.refusals import Refusal, not_found, unprocessable
from rehearsal.github.shapes import minimal_repository, node_id, repository_url, simple_user, stamp
from rehearsal.github.state import GitHubState
from rehearsal.github.web import Answer, Body, Call, Routes, created

routes = Routes()
READ = needs("statuses", scopes=("repo:status",))
MOST = 1000


class Status(Record):
    """The status of a commit in one context; the newest of a context counts."""

    id: int
    repository: str
    sha: str
    context: str
    state: Literal["error", "failure", "pending", "success"]
    description: str | None
    target_url: str | None
    creator: str
    created_at: datetime


class NewStatus(Body):
    """A new status."""

    state: Literal["error", "failure", "pending", "success"]
    context: str = "default"
    description: str | None = Field(default=None, max_length=140)
    target_url: str | None = None


def statuses_of(state: GitHubState, repository: Repository, sha: str) -> list[Status]:
    """All statuses of a commit, newest first."""
    known = state.table("statuses", Status).values()
    said = [status for status in known if (status.repository, status.sha) == (repository.key, sha)]
    return sorted(said, key=lambda status: -status.id)


def newest(statuses: Sequence[Status]) -> list[Status]:
    """The newest status of each context."""
    return list({status.context: status for status in reversed(statuses)}.values())


def together(statuses: Sequence[Status]) -> str:
    """The combined state: `failure` if one failed, `pending` if one is pending or there are none."""
    states = {status.state for status in statuses}
    if states & {"error", "failure"}:
        return "failure"
    return "success" if states == {"success"} else "pending"


@routes.post("/repos/{owner}/{repo}/statuses/{sha}", needs("statuses", "write", scopes=("repo:status",)))
def create(call: Call) -> Answer:
    """Add a status to a commit."""
    sha, new = call.arguments["sha"], call.body(NewStatus, "Status")
    if call.git.kind_of(sha) != "commit" or len(sha) != 40:
        raise unprocessable(f"No commit found for SHA: {sha}")
    before = statuses_of(call.state, call.repo, sha)
    if sum(status.context == new.context for status in before) >= MOST:
        raise unprocessable("Validation Failed: This SHA and context has reached the maximum number of statuses.")
    if new.target_url and not new.target_url.startswith(("http://", "https://")):
        raise Refusal(422, "Validation Failed", errors=[_no_url()])
    made = _remember(call, sha, new)
    call.note(f"status {made.context}: {made.state} {sha[:10]}")
    call.state.happened("status", call.repo, id=made.id, login=made.creator)
    return created(status_json(call.state, call.repo, made))


def _no_url() -> dict[str, str]:
    message = "target_url must use http(s) scheme"
    return {"resource": "Status", "field": "target_url", "code": "custom", "message": message}


def _remember(call: Call, sha: str, new: NewStatus) -> Status:
    status = Status(
        id=call.state.next_id(),
        repository=call.repo.key,
        sha=sha,
        creator=call.caller.login,
        created_at=call.state.now(),
        **new.model_dump(),
    )
    call.state.table("statuses", Status)[str(status.id)] = status
    return status


@routes.get("/repos/{owner}/{repo}/commits/{ref:path}/statuses", READ)
def listed(call: Call) -> Answer:
    """All statuses of a commit."""
    said = statuses_of(call.state, call.repo, commit_of(call))
    return call.page(said, lambda status: status_json(call.state, call.repo, status))


@routes.get("/repos/{owner}/{repo}/commits/{ref:path}/status", READ)
def combined(call: Call) -> Answer:
    """The newest status of each context, and their combined state."""
    sha = commit_of(call)
    said = newest(statuses_of(call.state, call.repo, sha))
    url = f"{repository_url(call.state, call.repo)}/commits/{sha}"
    shown = call.page(said, lambda status: _simple(call.state, call.repo, status))
    body = {
        "state": together(said),
        "statuses": shown.body,
        "sha": sha,
        "total_count": len(said),
        "repository": minimal_repository(call.state, call.repo),
        "commit_url": url,
        "url": f"{url}/status",
    }
    return Answer(body, headers=shown.headers)


def commit_of(call: Call) -> str:
    """The commit of the path's `ref`.

    Raises:
        Refusal: There is none.
    """
    ref = call.arguments["ref"]
    sha = call.git.resolve(ref)
    if sha is None:
        raise unprocessable(f"No commit found for SHA: {ref}") if len(ref) == 40 else not_found()
    return sha


def _simple(state: GitHubState, repository: Repository, status: Status) -> dict[str, Any]:
    time = stamp(status.created_at)
    return {
        "url": f"{repository_url(state, repository)}/statuses/{status.sha}",
        "avatar_url": simple_user(state, status.creator)["avatar_url"],
        "id": status.id,
        "node_id": node_id("StatusContext", status.id),
        "state": status.state,
        "description": status.description,
        "target_url": status.target_url,
        "context": status.context,
        "created_at": time,
        "updated_at": time,
    }


def status_json(state: GitHubState, repository: Repository, status: Status) -> dict[str, Any]:
    """A status as the API shows it."""
    return {**_simple(state, repository, status), "creator": simple_user(state, status.creator)}
