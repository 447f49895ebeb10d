"""The flow `cascade-release`: a release and every release that it makes necessary; a second run resumes it."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from prefect import flow
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import State as RunState
from prefect.runtime import flow_run
from prefect.states import Completed

from blocks.find import find_access
from flows import dry_run
from flows.notifications import notify
from flows.release_package import NOTHING_NEW, known_family, release_package
from flows.retrying_task import as_tasks, log
from interlock.adapters.connections import open_connections
from interlock.cascades import workflow
from interlock.cascades.context import CascadeContext, open_cascade
from interlock.cascades.dry_run import CascadePreview, preview
from interlock.cascades.request import CascadeRequest
from interlock.cascades.scheduler import watcher
from interlock.model import family_file
from interlock.model.cascade import Cascade, State
from interlock.model.release import Release
from interlock.releases.plan import ReleaseRequest
from interlock.reports import cascade_markdown, plan_counts, plan_markdown, preview_of_cascade_markdown
from interlock.reports.notifications import stuck


async def _show_plan(cascade: Cascade) -> None:
    await acreate_markdown_artifact(key=f"cascade-plan-{cascade.root}", markdown=plan_markdown(cascade.plan))


async def _show(cascade: Cascade) -> None:
    await acreate_markdown_artifact(key=f"cascade-{cascade.root}", markdown=cascade_markdown(cascade))


run = as_tasks({"plan": _show_plan, "report": _show})


async def release(context: CascadeContext, request: ReleaseRequest) -> Release:
    """Release a package by its own flow, as a subflow of the cascade's run."""
    token = known_family.set(context.family)
    try:
        released = await release_package(request)
    finally:
        known_family.reset(token)
    assert isinstance(released, Release)
    return released


def _flow_run_name() -> str:
    request = CascadeRequest.model_validate(flow_run.parameters["request"])
    return f"cascade {request.title}{' (dry run)' if request.dry_run else ''}"


@flow(name="cascade-release", flow_run_name=_flow_run_name, persist_result=False)
async def cascade_release(request: CascadeRequest) -> Cascade | RunState[Cascade] | RunState[None]:
    """Release a package and everything that its release makes necessary. Run it again after any crash: it resumes.

    Its steps are tasks: plan, admit; then for each package prove, propose, command, where needed, and the flow
    `release-package`; at last report. `interlock.cascades.workflow` has their order. One that was done before ends as
    `Nothing new`.
    """
    if request.dry_run:
        return await dry_run.outcome(lambda: preview_cascade(request))
    done = await perform_cascade(request)
    if done.repeated:
        return Completed(name=NOTHING_NEW, message=f"{done.id} was done before, and nothing is new since", data=done)
    return done


async def perform_cascade(request: CascadeRequest) -> Cascade:
    """Run a cascade in the present flow run."""
    async with _opened(request) as context:
        with _watched():
            return await workflow.cascade(context, run, release)


async def preview_cascade(request: CascadeRequest) -> str:
    """What a cascade would do, in a line."""
    async with _opened(request) as context:
        found = await run("preview", _preview, context)
    return f"{found.root} {found.root_version} with what follows: {plan_counts(found)}{found.says()}"


async def _preview(context: CascadeContext) -> CascadePreview:
    found = await preview(context)
    await acreate_markdown_artifact(key=f"cascade-plan-{found.root}", markdown=preview_of_cascade_markdown(found))
    return found


@contextlib.asynccontextmanager
async def _opened(request: CascadeRequest) -> AsyncIterator[CascadeContext]:
    family = family_file.load(Path(request.family) if request.family else None)
    this_run = {"request_id": str(flow_run.id)} if flow_run.id and request.request_id is None else {}
    async with open_connections(family, await find_access(family)) as connections:
        yield await open_cascade(request.model_copy(update=this_run), connections, log)


class _Shown:
    """Shows a cascade in the UI when a package changes its state, and to the watcher in this process."""

    def __init__(self) -> None:
        self._watch = watcher.get()
        self._states: dict[str, State] = {}

    async def __call__(self, cascade: Cascade) -> None:
        await self._watch(cascade)
        states = {name: progress.state for name, progress in cascade.progress.items()}
        if states != self._states:
            self._states = states
            await _show(cascade)
            await notify(stuck(cascade))


@contextlib.contextmanager
def _watched() -> Iterator[None]:
    token = watcher.set(_Shown())
    try:
        yield
    finally:
        watcher.reset(token)
