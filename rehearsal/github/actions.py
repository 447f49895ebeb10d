"""Workflows and their runs, as the API shows them."""

import io
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from rehearsal.github.access import needs
from rehearsal.github.dispatches import file_of
from rehearsal.github.git_shapes import simple_commit
from rehearsal.github.records import Repository
from rehearsal.github.refusals import Refusal, not_found, unprocessable
from rehearsal.github.runs import (
    Run,
    WorkflowFile,
    known,
    policy_of,
    progress,
    runs,
    settle,
    workflow_files,
)
from rehearsal.github.shapes import (
    html_url,
    minimal_repository,
    node_id,
    repository_url,
    simple_user,
    stamp,
)
from rehearsal.github.state import GitHubState
from rehearsal.github.web import Answer, Call, Routes

routes = Routes()
READ, WRITE = needs("actions"), needs("actions", "write")


@routes.get("/repos/{owner}/{repo}/actions/workflows", READ)
def workflows(call: Call) -> Answer:
    """The workflows of the default branch."""
    files = workflow_files(call.state, call.repo)
    return call.page(files, lambda file: show_workflow(call.state, call.repo, file), under="workflows")


@routes.get("/repos/{owner}/{repo}/actions/workflows/{workflow}", READ)
def workflow(call: Call) -> Answer:
    """One of them, by id or file name."""
    return Answer(show_workflow(call.state, call.repo, file_of(call, call.arguments["workflow"])))


def show_workflow(state: GitHubState, repository: Repository, file: WorkflowFile) -> dict[str, Any]:
    """A workflow's body."""
    found, page = known(state, repository, file.path), html_url(state, repository)
    name = file.path.rpartition("/")[2]
    return {
        "id": found.id,
        "node_id": node_id("Workflow", found.id),
        "name": file.name,
        "path": file.path,
        "state": "active",
        "created_at": stamp(found.created_at),
        "updated_at": stamp(found.created_at),
        "url": f"{repository_url(state, repository)}/actions/workflows/{found.id}",
        "html_url": f"{page}/blob/{repository.default_branch}/{file.path}",
        "badge_url": f"{page}/actions/workflows/{name}/badge.svg",
    }


@routes.get("/repos/{owner}/{repo}/actions/workflows/{workflow}/runs", READ)
def runs_of_workflow(call: Call) -> Answer:
    """The runs of one workflow."""
    number = known(call.state, call.repo, file_of(call, call.arguments["workflow"]).path).id
    return _listed(call, [run for run in _mine(call) if run.workflow == number])


@routes.get("/repos/{owner}/{repo}/actions/runs", READ)
def all_runs(call: Call) -> Answer:
    """The runs of a repository, newest first."""
    return _listed(call, _mine(call))


def _mine(call: Call) -> list[Run]:
    return [run for run in runs(call.state).values() if run.repository == call.repo.key]


def _listed(call: Call, found: list[Run]) -> Answer:
    kept = [run for run in found if _is_wanted(run, call.query, call.state.now())]
    kept.sort(key=lambda run: (run.created_at, run.id), reverse=True)
    return call.page(kept, lambda run: show_run(call.state, call.repo, run), under="workflow_runs")


def _found(call: Call) -> Run:
    run = runs(call.state).get(str(call.arguments["run_id"]))
    if run is None or run.repository != call.repo.key:
        raise not_found()
    return run


@routes.get("/repos/{owner}/{repo}/actions/runs/{run_id:int}", READ)
def run(call: Call) -> Answer:
    """One run."""
    return Answer(show_run(call.state, call.repo, _found(call)))


def show_run(state: GitHubState, repository: Repository, run: Run) -> dict[str, Any]:
    """A run's body, with its current status."""
    url, page = repository_url(state, repository), html_url(state, repository)
    here, now = f"{url}/actions/runs/{run.id}", progress(run, state.now())
    whole = minimal_repository(state, repository)
    links = {"jobs": "jobs", "logs": "logs", "artifacts": "artifacts", "cancel": "cancel", "rerun": "rerun"}
    return {
        "id": run.id,
        "name": run.name,
        "node_id": node_id("WorkflowRun", run.id),
        "head_branch": run.branch,
        "head_sha": run.sha,
        "path": run.path,
        "display_title": run.title,
        "run_number": run.number,
        "run_attempt": run.attempt,
        "event": run.event,
        "status": now.status,
        "conclusion": now.conclusion,
        "workflow_id": run.workflow,
        "check_suite_id": run.id,
        "check_suite_node_id": node_id("CheckSuite", run.id),
        "url": here,
        "html_url": f"{page}/actions/runs/{run.id}",
        "pull_requests": [],
        "created_at": stamp(run.created_at),
        "updated_at": stamp(now.since),
        "run_started_at": stamp(run.began),
        "actor": simple_user(state, run.login),
        "triggering_actor": simple_user(state, run.login),
        **{f"{name}_url": f"{here}/{part}" for name, part in links.items()},
        "check_suite_url": f"{url}/check-suites/{run.id}",
        "workflow_url": f"{url}/actions/workflows/{run.workflow}",
        "previous_attempt_url": f"{here}/attempts/{run.attempt - 1}" if run.attempt > 1 else None,
        "head_commit": simple_commit(state.git(repository).commit(run.sha)),
        "repository": whole,
        "head_repository": whole,
    }


@routes.get("/repos/{owner}/{repo}/actions/runs/{run_id:int}/jobs", READ)
def jobs(call: Call) -> Answer:
    """The only job of a run, with the run's status."""
    return call.page([_found(call)], lambda run: _job(call, run), under="jobs")


def _job(call: Call, run: Run) -> dict[str, Any]:
    url, now = repository_url(call.state, call.repo), progress(run, call.state.now())
    number = run.id * 10 + run.attempt
    return {
        "id": number,
        "run_id": run.id,
        "run_url": f"{url}/actions/runs/{run.id}",
        "run_attempt": run.attempt,
        "node_id": node_id("CheckRun", number),
        "head_sha": run.sha,
        "head_branch": run.branch,
        "url": f"{url}/actions/jobs/{number}",
        "html_url": f"{html_url(call.state, call.repo)}/actions/runs/{run.id}/job/{number}",
        "check_run_url": f"{url}/check-runs/{number}",
        "status": now.status,
        "conclusion": now.conclusion,
        "created_at": stamp(run.began),
        "started_at": stamp(run.began),
        "completed_at": stamp(now.since) if now.status == "completed" else None,
        "name": run.name,
        "workflow_name": run.name,
        "labels": ["ubuntu-latest"],
        "steps": [],
        **dict.fromkeys(("runner_id", "runner_name", "runner_group_id", "runner_group_name")),
    }


@routes.get("/repos/{owner}/{repo}/actions/runs/{run_id:int}/logs", READ)
def logs(call: Call) -> Answer:
    """A redirect to the logs, once there are any."""
    run = _found(call)
    if progress(run, call.state.now()).status != "completed":
        raise not_found()
    where = f"{repository_url(call.state, call.repo)}/actions/runs/{run.id}/logs/archive"
    return Answer(None, 302, {"Location": where})


@routes.get("/repos/{owner}/{repo}/actions/runs/{run_id:int}/logs/archive", READ)
def log_archive(call: Call) -> Answer:
    """The logs: one line, since nothing ran."""
    run, packed = _found(call), io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("0_rehearsal.txt", f"{run.title}: {progress(run, call.state.now()).conclusion}\n")
    return Answer(packed.getvalue(), media="application/zip")


@routes.post("/repos/{owner}/{repo}/actions/runs/{run_id:int}/rerun", WRITE)
def rerun(call: Call) -> Answer:
    """Run a completed run again, with the current policy."""
    run = _found(call)
    if progress(run, call.state.now()).status != "completed":
        raise Refusal(403, "This workflow run is already running")
    run.attempt, run.began, run.settled, run.settled_at = run.attempt + 1, call.state.now(), None, None
    run.policy = policy_of(call.repo, run.path)
    call.note(f"rerun {run.title}")
    call.state.happened("run", call.repo, id=run.id, path=run.path, event=run.event, title=run.title, **run.facts)
    return Answer({}, 201)


@routes.post("/repos/{owner}/{repo}/actions/runs/{run_id:int}/cancel", WRITE)
def cancel(call: Call) -> Answer:
    """End a run that is not completed."""
    run = _found(call)
    if progress(run, call.state.now()).status == "completed":
        raise Refusal(409, "Cannot cancel a workflow run that is completed.")
    settle(call.state, run, "completed", "cancelled")
    call.note(f"cancel {run.title}")
    return Answer({}, 202)


def _is_wanted(run: Run, query: Mapping[str, str], moment: datetime) -> bool:
    """Whether a run matches a query.

    Raises:
        Refusal: A time can't be parsed.
    """
    now = progress(run, moment)
    values: dict[str, set[str | None]] = {
        "event": {run.event},
        "branch": {run.branch},
        "actor": {run.login},
        "head_sha": {run.sha},
        "status": {now.status, now.conclusion},
    }
    same = all(query[name] in values[name] for name in values if query.get(name))
    return same and _in_time(query.get("created", ""), run.created_at)


def _in_time(text: str, moment: datetime) -> bool:
    """Whether a time is in a range of GitHub's search: `>=X`, `>X`, `<=X`, `<X`, `A..B`, or a day; to the second."""
    at = moment.replace(microsecond=0)
    if not text:
        return True
    if ".." in text:
        start, end = text.split("..", 1)
        return (start == "*" or _moment(start) <= at) and (end == "*" or at <= _end(end))
    for sign, compare in COMPARISONS.items():
        if text.startswith(sign):
            return compare(at, text.removeprefix(sign))
    return _moment(text) <= at <= _end(text)


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise unprocessable("Invalid created parameter") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _end(text: str) -> datetime:
    """The end of a range; for a day without a time, the end of the day."""
    return _moment(text) + (timedelta(days=1, seconds=-1) if "T" not in text else timedelta())


COMPARISONS: dict[str, Callable[[datetime, str], bool]] = {
    ">=": lambda at, text: at >= _moment(text),
    "<=": lambda at, text: at <= _end(text),
    ">": lambda at, text: at > _end(text),
    "<": lambda at, text: at < _moment(text),
}
