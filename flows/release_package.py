"""The flow `release-package`: release one package; run it again after any crash, and it finishes the same release."""

import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from prefect import flow, get_run_logger
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import State as RunState
from prefect.runtime import flow_run
from prefect.tasks import Task

from blocks.find import load_github_credentials, load_upload
from flows import dry_run
from flows.patient import patient_task
from interlock.admission import gate
from interlock.building import BuiltFile
from interlock.checks import Check
from interlock.dispatches import DispatchRecord
from interlock.git import Checkout
from interlock.github import GitHubRelease
from interlock.lifecycle import Release, Step
from interlock.releases import lease, outward, preflight, prepare, summary, telling
from interlock.releases.desk import Desk, open_desk
from interlock.releases.plan import Plan, ReleaseRequest
from interlock.releases.preview import Preview, preview
from interlock.reports import preview_markdown, release_markdown

P = ParamSpec("P")
R = TypeVar("R")
Work = Callable[Concatenate[Desk, P], Coroutine[Any, Any, R]]


def step(name: Step) -> Callable[[Work[P, R]], Task[Concatenate[Desk, P], Coroutine[Any, Any, R]]]:
    """A task that is a step of a release: timed, told to who watches, and tried again when that may help."""

    def made(work: Work[P, R]) -> Task[Concatenate[Desk, P], Coroutine[Any, Any, R]]:
        @wraps(work)
        async def timed(desk: Desk, /, *args: P.args, **kwargs: P.kwargs) -> R:
            async with desk.journal.step(name):
                return await work(desk, *args, **kwargs)

        return patient_task(name)(timed)

    return made


@step(Step.PREFLIGHT)
async def look_ahead(desk: Desk) -> tuple[Check, ...]:
    """Check everything that can be checked: tokens, listeners, branch rules, index."""
    checks = await preflight.preflight(desk)
    for check in checks:
        get_run_logger().info("%s: %s: %s, %s", check.state, check.subject, check.name, check.cause)
    return checks


@step(Step.CHECKOUT)
async def checkout(desk: Desk) -> Checkout:
    """Clone the branch with its tags."""
    return await prepare.checkout(desk)


@step(Step.BUMP)
async def bump(desk: Desk, source: Checkout) -> Plan:
    """Find what is to be finished, or the next version, and write it into the clone."""
    plan = await prepare.bump(desk, source)
    get_run_logger().info("%s %s %s", "goes on with" if plan.resumed else "makes", plan.package, plan.version)
    return plan


@step(Step.GUARD)
async def guard(desk: Desk, source: Checkout, plan: Plan) -> None:
    """Refuse a version or a tag that is taken."""
    await prepare.guard(desk, source, plan)


@step(Step.ADMISSION)
async def admit(desk: Desk, plan: Plan) -> Plan:
    """Refuse what is known to break a downstream."""
    plan = await gate.admit(desk, plan)
    for remark in plan.remarks:
        get_run_logger().warning("%s %s: %s", plan.package, plan.version, remark)
    return plan


@step(Step.BUILD)
async def build(desk: Desk, source: Checkout, plan: Plan) -> tuple[BuiltFile, ...]:
    """Build sdist and wheel, the same ones whenever it is done."""
    return await prepare.build(desk, source, plan)


@step(Step.CHECK)
async def check(_desk: Desk, plan: Plan, files: tuple[BuiltFile, ...]) -> None:
    """Check the files as the index would."""
    await prepare.check(plan, files)


@step(Step.COMMIT_AND_TAG)
async def commit_and_tag(desk: Desk, source: Checkout, plan: Plan, files: tuple[BuiltFile, ...]) -> Plan:
    """Commit and tag in the clone."""
    return await prepare.commit_and_tag(desk, source, plan, files)


@step(Step.PUSH)
async def push(desk: Desk, source: Checkout, plan: Plan) -> bool:
    """Push commit and tag together; false when somebody else was faster."""
    return await outward.push(desk, source, plan)


@step(Step.PUBLISH)
async def publish(desk: Desk, plan: Plan, files: tuple[BuiltFile, ...]) -> None:
    """Upload what the index does not serve yet."""
    for name in await outward.publish(desk, plan, files):
        get_run_logger().info("uploaded %s", name)


@step(Step.CONFIRM)
async def confirm(desk: Desk, plan: Plan, files: tuple[BuiltFile, ...]) -> None:
    """Wait until the index serves the files with the right hashes."""
    get_run_logger().info("waiting for %s to serve %s %s", desk.index.index.name, plan.package, plan.version)
    await outward.confirm(desk, plan, files)


@step(Step.GITHUB_RELEASE)
async def create_github_release(
    desk: Desk, source: Checkout, plan: Plan, files: tuple[BuiltFile, ...]
) -> GitHubRelease:
    """Make the GitHub Release with notes and files."""
    return await outward.create_github_release(desk, source, plan, files)


@step(Step.DISPATCH)
async def dispatch(desk: Desk, plan: Plan) -> tuple[DispatchRecord, ...]:
    """Tell the downstreams, each once."""
    return await telling.dispatch(desk, plan)


@step(Step.RECEIPTS)
async def confirm_receipts(desk: Desk, sent: tuple[DispatchRecord, ...]) -> tuple[DispatchRecord, ...]:
    """Find the runs that took the dispatches, and follow them to their end."""
    return await telling.receipts(desk, sent)


@step(Step.SUMMARY)
async def summarize(desk: Desk, plan: Plan, page: GitHubRelease, receipts: tuple[DispatchRecord, ...]) -> Release:
    """Record what was done, and show it."""
    release = await summary.summarize(desk, plan, page.html_url, receipts)
    await acreate_markdown_artifact(key=f"release-{plan.package}", markdown=release_markdown(release))
    return release


@contextlib.asynccontextmanager
async def _desk(request: ReleaseRequest) -> AsyncIterator[Desk]:
    credentials = await load_github_credentials(request.family)
    run = str(flow_run.id) if flow_run.id else None
    async with open_desk(request, credentials, await load_upload(request.family), run=run) as desk:
        yield desk


@patient_task("preview")
async def look_only(desk: Desk) -> Preview:
    """Go through all steps that leave no trace, and show what would be done."""
    found = await preview(desk, gate.admit)
    await acreate_markdown_artifact(key=f"preview-{desk.request.package}", markdown=preview_markdown(found))
    return found


async def _dry_run(request: ReleaseRequest) -> str:
    async with _desk(request) as desk:
        return (await look_only(desk)).says()


def _flow_run_name() -> str:
    request = ReleaseRequest.model_validate(flow_run.parameters["request"])
    return f"release {request.title}{' (dry run)' if request.dry_run else ''}"


@flow(name="release-package", flow_run_name=_flow_run_name, persist_result=False)
async def release_package(request: ReleaseRequest) -> Release | RunState[None]:
    """Release one package. Run it again after any crash: it finishes the same release."""
    if request.dry_run:
        return await dry_run.told(lambda: _dry_run(request))
    async with _desk(request) as desk:
        await look_ahead(desk)
        async with lease.one_at_a_time(desk):
            pushed = False
            while not pushed:
                source = await checkout(desk)
                plan = await bump(desk, source)
                await guard(desk, source, plan)
                plan = await admit(desk, plan)
                files = await build(desk, source, plan)
                await check(desk, plan, files)
                plan = await commit_and_tag(desk, source, plan, files)
                pushed = await push(desk, source, plan)
            await publish(desk, plan, files)
            await confirm(desk, plan, files)
            page = await create_github_release(desk, source, plan, files)
            sent = await dispatch(desk, plan)
            receipts = await confirm_receipts(desk, sent)
            release = await summarize(desk, plan, page, receipts)
        await telling.refuse_unheard(desk, receipts)
        return release
