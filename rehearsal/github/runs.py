"""Workflow runs: which workflows an event starts, and the progress of each run by the clock."""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import yaml
from pydantic import Field

from interlock.adapters.github.workflows import Workflow, read
from rehearsal.github.git_store import GitStore
from rehearsal.github.records import Policy, Record, Repository
from rehearsal.github.state import GitHubState

FOLDER = ".github/workflows"
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
LONGEST_TITLE = 300


class KnownWorkflow(Record):
    """A workflow file that GitHub has seen on the default branch."""

    id: int
    repository: str
    path: str
    created_at: datetime


class Run(Record):
    """A run of a workflow.

    Attributes:
        began: When its current attempt was requested.
        policy: How it proceeds, unless it is `settled`.
        settled: The status and conclusion that `settle` has set.
        facts: The facts of the event: `event_type` and `client_payload`, or `inputs`.
    """

    id: int
    repository: str
    workflow: int
    path: str
    name: str
    number: int
    attempt: int = 1
    event: str
    title: str
    branch: str
    sha: str
    login: str
    created_at: datetime
    began: datetime
    policy: Policy
    settled: tuple[str, str | None] | None = None
    settled_at: datetime | None = None
    facts: dict[str, Any] = Field(default_factory=dict)


class Progress(NamedTuple):
    """The progress of a run: `queued`, `in_progress` or `completed`, and since when."""

    status: str
    conclusion: str | None
    since: datetime


class WorkflowFile(NamedTuple):
    """A workflow file at a commit."""

    path: str
    name: str
    workflow: Workflow


def runs(state: GitHubState) -> dict[str, Run]:
    """All runs, by id."""
    return state.table("runs", Run)


def progress(run: Run, now: datetime) -> Progress:
    """The progress of a run, by the clock alone."""
    if run.settled and run.settled_at:
        return Progress(*run.settled, run.settled_at)
    if run.policy.starts_after is None:
        return Progress("queued", None, run.began)
    started = run.began + timedelta(seconds=run.policy.starts_after)
    completed = started + timedelta(seconds=run.policy.takes)
    if now >= completed:
        return Progress("completed", run.policy.conclusion, completed)
    return Progress("in_progress", None, started) if now >= started else Progress("queued", None, run.began)


def settle(state: GitHubState, run: Run, status: str, conclusion: str | None = None) -> None:
    """Set the progress of a run, whatever its policy says."""
    run.settled, run.settled_at = (status, conclusion), state.now()


def workflow_files(state: GitHubState, repository: Repository, commit: str | None = None) -> list[WorkflowFile]:
    """The workflow files of a commit, or of the default branch."""
    git = state.git(repository)
    sha = commit or git.ref(f"refs/heads/{repository.default_branch}")
    found = [entry for entry in git.entries(sha, FOLDER) if entry.kind == "blob"] if sha else []
    return [_file(git, entry.path, entry.sha) for entry in found if entry.path.endswith((".yml", ".yaml"))]


def _file(git: GitStore, path: str, blob: str) -> WorkflowFile:
    if (path, blob) not in _read:
        _read[path, blob] = _parsed(path, git.read(blob))
    return _read[path, blob]


# Parsed files by blob, whose content never changes.
_read: dict[tuple[str, str], WorkflowFile] = {}


def _parsed(path: str, content: bytes) -> WorkflowFile:
    try:
        top = yaml.safe_load(content)
    except yaml.YAMLError:
        top = None
    name = top.get("name") if isinstance(top, dict) else None
    return WorkflowFile(path, str(name or path), read(path, content))


def known(state: GitHubState, repository: Repository, path: str) -> KnownWorkflow:
    """A workflow of the default branch, with its id."""
    table = state.table("workflows", KnownWorkflow)
    key = f"{repository.key}:{path}"
    if key not in table:
        number, now = state.next_id(), state.now()
        table[key] = KnownWorkflow(id=number, repository=repository.key, path=path, created_at=now)
    return table[key]


def dispatched(
    state: GitHubState, repository: Repository, event_type: str, payload: Mapping[str, Any], login: str
) -> list[Run]:
    """Start a run of every workflow on the default branch that listens to this type of `repository_dispatch`."""
    event = {"action": event_type, "client_payload": dict(payload), "branch": repository.default_branch}
    facts = {"event_type": event_type, "client_payload": dict(payload)}
    sha = state.git(repository).ref(f"refs/heads/{repository.default_branch}")
    return [
        start(state, repository, file, Cause("repository_dispatch", event_type, event, facts, login, sha or ""))
        for file in workflow_files(state, repository)
        if file.workflow.listens_to(event_type)
    ]


class Cause(NamedTuple):
    """The trigger of a run.

    Attributes:
        title: The run's name if the workflow has none.
        payload: The event, as the workflow sees it.
    """

    event: str
    title: str
    payload: dict[str, Any]
    facts: dict[str, Any]
    login: str
    sha: str
    branch: str | None = None


def start(state: GitHubState, repository: Repository, file: WorkflowFile, cause: Cause) -> Run:
    """Start a run, and notify the listeners to `run`."""
    workflow = known(state, repository, file.path)
    number = 1 + sum(run.workflow == workflow.id for run in runs(state).values())
    now = state.now()
    run = Run(
        id=state.next_id(),
        repository=repository.key,
        workflow=workflow.id,
        path=file.path,
        name=file.name,
        number=number,
        event=cause.event,
        title=_title(repository, file, cause, number),
        branch=cause.branch or repository.default_branch,
        sha=cause.sha,
        login=cause.login,
        created_at=now,
        began=now,
        policy=policy_of(repository, file.path),
        facts=cause.facts,
    )
    runs(state)[str(run.id)] = run
    state.happened("run", repository, id=run.id, path=run.path, event=run.event, title=run.title, **cause.facts)
    return run


def policy_of(repository: Repository, path: str) -> Policy:
    """The policy of a workflow's runs."""
    name = path.rpartition("/")[2]
    return (repository.policies.get(name) or repository.policies.get("*") or Policy()).model_copy()


def _title(repository: Repository, file: WorkflowFile, cause: Cause, number: int) -> str:
    github = {
        "event": {**cause.payload, "sender": {"login": cause.login}},
        "event_name": cause.event,
        "actor": cause.login,
        "repository": repository.full_name,
        "ref_name": cause.branch or repository.default_branch,
        "run_number": number,
        "sha": cause.sha,
        "workflow": file.name,
    }
    context = {"github": github, "inputs": cause.facts.get("inputs", {})}
    return filled(file.workflow.run_name or "", context) or cause.title


def filled(template: str, context: Mapping[str, Any]) -> str:
    """A `run-name` with each `${{ … }}` evaluated: paths, literals, `||`, `toJSON(…)`; unknown ones are empty."""
    text = EXPRESSION.sub(lambda found: _text(_value(found[1], context)), template)
    return " ".join(text.split())[:LONGEST_TITLE]


def _value(expression: str, context: Mapping[str, Any]) -> Any:  # noqa: ANN401  JSON
    found: Any = None
    for operand in expression.split("||"):
        found = _operand(operand.strip(), context)
        if found not in (None, "", False, 0):
            break
    return found


def _operand(text: str, context: Mapping[str, Any]) -> Any:  # noqa: ANN401  JSON
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    function = re.fullmatch(r"toJSON\((.*)\)", text, re.IGNORECASE)
    if function:
        return json.dumps(_operand(function[1].strip(), context), indent=2)
    found: Any = context
    for name in re.sub(r"\[\s*'([^']*)'\s*\]", r".\1", text).split("."):
        found = _member(found, name)
    return found


def _member(value: object, name: str) -> object:
    """A member by its name; case does not matter to GitHub."""
    if not isinstance(value, Mapping):
        return None
    return next((found for key, found in value.items() if str(key).lower() == name.lower()), None)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return "Object" if isinstance(value, dict) else "Array"
    return str(value)
