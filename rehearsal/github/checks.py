"""Check runs: detailed results for a commit, which only Apps can publish."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from rehearsal.github.access import needs
from rehearsal.github.apps import app_json, apps_of
from rehearsal.github.records import Record, Repository
from rehearsal.github.refusals import invalid, not_found, unprocessable
from rehearsal.github.shapes import html_url, node_id, repository_url, stamp
from rehearsal.github.state import GitHubState
from rehearsal.github.statuses import commit_of
from rehearsal.github.web import Answer, Body, Call, Routes, created

routes = Routes()
READ = needs("checks")
WRITE = needs("checks", "write", apps_only=True)
LONGEST = 65_535
Conclusion = Literal["success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"]
PASSED = frozenset({"success", "neutral", "skipped"})


class Annotation(Body):
    """A remark on lines of a file."""

    path: str
    start_line: int
    end_line: int
    start_column: int | None = None
    end_column: int | None = None
    annotation_level: Literal["notice", "warning", "failure"]
    message: str
    title: str | None = None
    raw_details: str | None = None


class Output(Body):
    """The output of a check; annotations are added to existing ones."""

    title: str
    summary: str = Field(max_length=LONGEST)
    text: str | None = Field(default=None, max_length=LONGEST)
    annotations: list[Annotation] = Field(default=[], max_length=50)


class Changes(Body):
    """The changes of a check run."""

    name: str | None = None
    details_url: str | None = None
    external_id: str | None = None
    status: Literal["queued", "in_progress", "completed"] | None = None
    conclusion: Conclusion | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    output: Output | None = None


class NewCheckRun(Changes):
    """A new check run."""

    name: str
    head_sha: str


class CheckRun(Record):
    """A check run."""

    id: int
    repository: str
    app: int
    head_sha: str
    name: str
    status: str = "queued"
    conclusion: str | None = None
    details_url: str | None = None
    external_id: str | None = None
    started_at: datetime
    completed_at: datetime | None = None
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[dict[str, Any]] = Field(default_factory=list)


def check_runs_of(state: GitHubState, repository: Repository, sha: str) -> list[CheckRun]:
    """The check runs of a commit, newest first."""
    known = state.table("check_runs", CheckRun).values()
    found = [run for run in known if (run.repository, run.head_sha) == (repository.key, sha)]
    return sorted(found, key=lambda run: -run.id)


def newest(runs: Sequence[CheckRun]) -> list[CheckRun]:
    """The newest of each App and name."""
    return list({(run.app, run.name): run for run in reversed(runs)}.values())


@routes.post("/repos/{owner}/{repo}/check-runs", WRITE)
def create(call: Call) -> Answer:
    """Start a check run, or record one that has ended."""
    new = call.body(NewCheckRun, "CheckRun")
    if call.git.kind_of(new.head_sha) != "commit":
        raise unprocessable(f"No commit found for SHA: {new.head_sha}")
    run = CheckRun(
        id=call.state.next_id(),
        repository=call.repo.key,
        app=call.caller.app or 0,
        head_sha=new.head_sha,
        name=new.name,
        started_at=new.started_at or call.state.now(),
    )
    _change(call, run, new)
    call.state.table("check_runs", CheckRun)[str(run.id)] = run
    return created(_done(call, run, "created"))


@routes.patch("/repos/{owner}/{repo}/check-runs/{id:int}", WRITE)
def update(call: Call) -> Answer:
    """Change a check run; only the App that made it may."""
    run = _find(call)
    if run.app != call.caller.app:
        raise invalid("CheckRun", "app_id", "invalid", message="Invalid app_id: this check run is another App's")
    _change(call, run, call.body(Changes, "CheckRun"))
    return Answer(_done(call, run, "completed" if run.status == "completed" else "in_progress"))


def _done(call: Call, run: CheckRun, action: str) -> dict[str, Any]:
    call.note(f"check run {run.name}: {run.conclusion or run.status} {run.head_sha[:10]}")
    call.state.happened("check_run", call.repo, id=run.id, action=action, login=call.caller.login)
    if action == "created" and run.status == "completed":
        call.state.happened("check_run", call.repo, id=run.id, action="completed", login=call.caller.login)
    return check_run_json(call.state, call.repo, run)


def _change(call: Call, run: CheckRun, changes: Changes) -> None:
    if changes.status == "completed" and not (changes.conclusion or run.conclusion):
        raise unprocessable("Invalid request. If status is completed, conclusion is required.")
    fields = ("name", "details_url", "external_id", "status", "conclusion", "started_at", "completed_at")
    for field in fields:
        given = getattr(changes, field)
        if given is not None:
            setattr(run, field, given)
    # As on GitHub, a conclusion completes the check run.
    if run.conclusion:
        run.status = "completed"
        run.completed_at = run.completed_at or call.state.now()
    if changes.output:
        _say(run, changes.output)


def _say(run: CheckRun, output: Output) -> None:
    run.title, run.summary = output.title, output.summary
    run.text = output.text if output.text is not None else run.text
    run.annotations = [*run.annotations, *(annotation.model_dump() for annotation in output.annotations)]


@routes.get("/repos/{owner}/{repo}/check-runs/{id:int}", READ)
def show(call: Call) -> Answer:
    """A check run."""
    return Answer(check_run_json(call.state, call.repo, _find(call)))


@routes.get("/repos/{owner}/{repo}/check-runs/{id:int}/annotations", READ)
def annotations(call: Call) -> Answer:
    """Its annotations."""
    run = _find(call)
    page = f"{html_url(call.state, call.repo)}/blob/{run.head_sha}"
    return call.page(run.annotations, lambda annotation: {**annotation, "blob_href": f"{page}/{annotation['path']}"})


@routes.get("/repos/{owner}/{repo}/commits/{ref:path}/check-runs", READ)
def listed(call: Call) -> Answer:
    """The check runs of a commit: the newest of each name, or all."""
    runs = check_runs_of(call.state, call.repo, commit_of(call))
    if call.query.get("filter", "latest") == "latest":
        runs = newest(runs)
    for field in ("name", "status"):
        if name := call.query.get({"name": "check_name"}.get(field, field)):
            runs = [run for run in runs if getattr(run, field) == name]
    return call.page(runs, lambda run: check_run_json(call.state, call.repo, run), under="check_runs")


def _find(call: Call) -> CheckRun:
    run = call.state.table("check_runs", CheckRun).get(str(call.arguments["id"]))
    if run is None or run.repository != call.repo.key:
        raise not_found()
    return run


def check_run_json(state: GitHubState, repository: Repository, run: CheckRun) -> dict[str, Any]:
    """A check run as the API shows it."""
    url = f"{repository_url(state, repository)}/check-runs/{run.id}"
    page = f"{html_url(state, repository)}/runs/{run.id}"
    app = apps_of(state).get(str(run.app))
    output = {
        "title": run.title,
        "summary": run.summary,
        "text": run.text,
        "annotations_count": len(run.annotations),
        "annotations_url": f"{url}/annotations",
    }
    return {
        "id": run.id,
        "node_id": node_id("CheckRun", run.id),
        "head_sha": run.head_sha,
        "name": run.name,
        "url": url,
        "html_url": page,
        "details_url": run.details_url or page,
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": stamp(run.started_at),
        "completed_at": stamp(run.completed_at) if run.completed_at else None,
        "external_id": run.external_id or "",
        "check_suite": {"id": run.app},
        "output": output,
        "app": app and app_json(state, app),
        "pull_requests": [],
    }
