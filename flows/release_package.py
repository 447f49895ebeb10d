"""The flow `release-package`: release one package; run it again after any crash, and it finishes the same release."""

import contextlib
from collections.abc import AsyncIterator
from contextvars import ContextVar
from pathlib import Path

from prefect import flow
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import State as RunState
from prefect.runtime import flow_run
from prefect.states import Completed

from blocks.find import find_access
from flows import dry_run
from flows.retrying_task import as_tasks, log
from interlock.adapters.connections import open_connections
from interlock.model import family_file
from interlock.model.family import Family
from interlock.model.release import Release, Step
from interlock.releases import workflow
from interlock.releases.context import ReleaseContext, open_release
from interlock.releases.plan import ReleaseRequest
from interlock.releases.preflight import Preview
from interlock.reports import preview_markdown, release_markdown

NOTHING_NEW = "Nothing new"
# A subflow's parameters are visible data; the family that a cascade has read goes beside them.
known_family: ContextVar[Family | None] = ContextVar("known_family", default=None)


async def _show(release: Release) -> None:
    await acreate_markdown_artifact(key=f"release-{release.package}", markdown=release_markdown(release))


run = as_tasks({Step.SUMMARY: _show})


def _flow_run_name() -> str:
    request = ReleaseRequest.model_validate(flow_run.parameters["request"])
    return f"release {request.title}{' (dry run)' if request.dry_run else ''}"


@flow(name="release-package", flow_run_name=_flow_run_name, persist_result=False)
async def release_package(request: ReleaseRequest) -> Release | RunState[Release] | RunState[None]:
    """Release one package. Run it again after any crash: it finishes the same release.

    Its steps are tasks: preflight, checkout, bump, guard, admission, build, check, commit-and-tag, push, publish,
    confirm, github-release, dispatch, receipts, development, summary. `interlock.releases.workflow` has their order. A
    branch with nothing new since its newest release ends it after bump, as `Nothing new`.
    """
    if request.dry_run:
        return await dry_run.outcome(lambda: preview_release(request))
    done = await perform_release(request)
    if done.nothing_new:
        return Completed(name=NOTHING_NEW, message=done.nothing_new_in_words, data=done)
    return done


async def perform_release(request: ReleaseRequest) -> Release:
    """Release a package in the present flow run."""
    async with _opened(request) as context:
        return await workflow.release(context, run)


async def preview_release(request: ReleaseRequest) -> str:
    """What a release would do, in a line."""
    async with _opened(request) as context:
        return (await run("preview", _preview, context)).says()


async def _preview(context: ReleaseContext) -> Preview:
    found = await workflow.preview(context)
    await acreate_markdown_artifact(key=f"preview-{context.name}", markdown=preview_markdown(found))
    return found


@contextlib.asynccontextmanager
async def _opened(request: ReleaseRequest) -> AsyncIterator[ReleaseContext]:
    family = known_family.get() or family_file.load(Path(request.family) if request.family else None)
    this_run = str(flow_run.id) if flow_run.id else None
    async with (
        open_connections(family, await find_access(family)) as connections,
        open_release(request, connections, run=this_run, log=log) as context,
    ):
        yield context
