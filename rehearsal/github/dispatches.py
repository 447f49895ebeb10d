"""Dispatches to a repository: `repository_dispatch` and `workflow_dispatch`."""

import json
from typing import Any

from pydantic import Field

from rehearsal.github.access import needs
from rehearsal.github.protection import HEADS
from rehearsal.github.refusals import not_found, unprocessable
from rehearsal.github.runs import Cause, WorkflowFile, dispatched, known, start, workflow_files
from rehearsal.github.shapes import html_url, repository_url
from rehearsal.github.web import Answer, Call, Routes, StrictBody, nothing

routes = Routes()
LARGEST = 65_535


class Dispatch(StrictBody):
    """The body of a `repository_dispatch`."""

    event_type: str = Field(min_length=1, max_length=100)
    client_payload: dict[str, Any] = Field(default={}, max_length=10)


class WorkflowDispatch(StrictBody):
    """The body of a `workflow_dispatch`."""

    ref: str
    inputs: dict[str, Any] = Field(default={}, max_length=25)
    return_run_details: bool = False


@routes.post("/repos/{owner}/{repo}/dispatches", needs("contents", "write"))
def dispatch(call: Call) -> Answer:
    """Start a run of every workflow that listens; it is not an error if none does."""
    asked = call.body(Dispatch, "RepositoryDispatch")
    if len(json.dumps(asked.client_payload).encode()) > LARGEST:
        raise unprocessable("Invalid request.\n\nclient_payload is too large.")
    call.note(f"dispatch {asked.event_type} {call.repo.full_name}")
    facts = {"event_type": asked.event_type, "client_payload": asked.client_payload}
    call.state.happened("repository_dispatch", call.repo, login=call.caller.login, **facts)
    dispatched(call.state, call.repo, asked.event_type, asked.client_payload, call.caller.login)
    return nothing()


@routes.post("/repos/{owner}/{repo}/actions/workflows/{workflow}/dispatches", needs("actions", "write"))
def dispatch_workflow(call: Call) -> Answer:
    """Start one workflow, by its id or the name of its file, at a branch or tag."""
    path = file_of(call, call.arguments["workflow"]).path
    asked = call.body(WorkflowDispatch, "WorkflowDispatch")
    name = asked.ref.removeprefix(HEADS).removeprefix("refs/tags/")
    sha = call.git.resolve(asked.ref)
    if sha is None:
        raise unprocessable(f"No ref found for: {asked.ref}")
    file = next((found for found in workflow_files(call.state, call.repo, sha) if found.path == path), None)
    if file is None or "workflow_dispatch" not in file.workflow.events:
        raise unprocessable("Workflow does not have 'workflow_dispatch' trigger")
    payload = {"inputs": asked.inputs, "ref": asked.ref, "workflow": path}
    cause = Cause("workflow_dispatch", file.name, payload, {"inputs": asked.inputs}, call.caller.login, sha, name)
    run = start(call.state, call.repo, file, cause)
    call.note(f"dispatch workflow {path} {call.repo.full_name}")
    call.state.happened("workflow_dispatch", call.repo, login=call.caller.login, **payload)
    if not asked.return_run_details:
        return nothing()
    run_url = f"{repository_url(call.state, call.repo)}/actions/runs/{run.id}"
    page = f"{html_url(call.state, call.repo)}/actions/runs/{run.id}"
    return Answer({"workflow_run_id": run.id, "run_url": run_url, "html_url": page})


def file_of(call: Call, wanted: str) -> WorkflowFile:
    """A workflow of the default branch, by its id or the name of its file.

    Raises:
        Refusal: 404.
    """
    for file in workflow_files(call.state, call.repo):
        if wanted in {str(known(call.state, call.repo, file.path).id), file.path.rpartition("/")[2]}:
            return file
    raise not_found()
