"""The flow `release-on-event`: releases a package for a push or a merged pull request, as the family file says."""

from pathlib import Path

from prefect import flow
from prefect.client.schemas.objects import State as RunState
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from blocks.find import find_access
from flows import dry_run
from flows.cascade_release import perform_cascade, preview_cascade
from flows.release_package import perform_release, preview_release
from flows.retrying_task import as_tasks, log
from interlock.adapters.connections import open_connections
from interlock.cascades import on_event_workflow
from interlock.cascades.on_event import EventRequest
from interlock.cascades.on_event_workflow import Ended, EventHost
from interlock.cascades.request import CascadeRequest
from interlock.model import family_file
from interlock.model.cascade import Cascade
from interlock.model.release import Release
from interlock.releases.plan import ReleaseRequest


def _flow_run_name() -> str:
    request = EventRequest.model_validate(flow_run.parameters["request"])
    return f"release on event {request.title}{' (dry run)' if request.dry_run else ''}"


@flow(name="release-on-event", flow_run_name=_flow_run_name, persist_result=False)
async def release_on_event(request: EventRequest) -> RunState[None]:
    """Release a package, or also what follows, for a commit that its branch got. Run it again: it is the same release.

    Its steps are tasks: decide; then those of a release or a cascade, unless nothing is to be released; at last tell.
    While another run releases the package, this one waits.
    """
    if request.dry_run:
        return await dry_run.outcome(lambda: _said(request))
    ended = await _ended(request)
    return Completed(message=ended.said) if ended.is_good else Failed(message=ended.said)


async def _said(request: EventRequest) -> str:
    return (await _ended(request)).said


async def _ended(request: EventRequest) -> Ended:
    family = family_file.load(Path(request.family) if request.family else None)
    host = EventHost(release=_release, cascade=_cascade, run=as_tasks(), url=flow_run.ui_url, log=log)
    async with open_connections(family, await find_access(family)) as connections:
        return await on_event_workflow.release_on_event(request, connections, host)


async def _release(request: ReleaseRequest) -> Release | str:
    return await (preview_release if request.dry_run else perform_release)(request)


async def _cascade(request: CascadeRequest) -> Cascade | str:
    return await (preview_cascade if request.dry_run else perform_cascade)(request)
