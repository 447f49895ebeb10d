"""What a release is: its steps, in order. The flow, dry runs, cascades and tests run these.

Everything that can fail without a trace comes first. The push of commit and tag is the point of no return: the tag
names the files and the dispatches of the release, so that any later run can finish it from there. Until then, a push
by somebody else lets the steps begin again on the new head. A run may be killed at any moment: each step looks at the
world before it acts, so that running all of them again does what is missing, and nothing twice.

The lease keeps two runs apart, on whatever machines. Each step makes sure of it before it begins: a run that has lost
the lease, as through a long sleep of its machine, ends without touching what the next one does. A run that loses it
within a step is harmless too: a push expects the refs that were seen, the index takes each file name once, and a
dispatch is in the ledger before it is sent.
"""

from collections.abc import Awaitable, Callable
from typing import Concatenate, NamedTuple, ParamSpec, TypeVar

from interlock.adapters.git import Checkout
from interlock.common.steps import RunStep, call
from interlock.model.release import Release, Step
from interlock.project.build import BuiltFile
from interlock.releases import dispatch, preflight, prepare, publish
from interlock.releases.checks import all_good
from interlock.releases.context import ReleaseContext
from interlock.releases.plan import Plan, orders, released
from interlock.releases.preflight import Preview

P = ParamSpec("P")
R = TypeVar("R")


async def release(context: ReleaseContext, run: RunStep = call) -> Release:
    """Release one package. Run it again after any crash: it finishes the same release.

    Args:
        context: What it works with.
        run: Runs each step.

    Raises:
        InterlockError: A step can't be done; `docs/releases.md` says what is there by then.
        BusyError: Another process releases the package now.
        DispatchError: The release is out, and a downstream did not follow.
    """
    step = _Steps(context, run)
    await step(Step.PREFLIGHT, preflight.preflight)
    async with context.lease():
        prepared = await _prepared(step)
        while not await step(Step.PUSH, publish.push, prepared.source, prepared.plan):
            prepared = await _prepared(step)
        source, plan, files = prepared
        await step(Step.PUBLISH, publish.publish, plan, files)
        await step(Step.CONFIRM, publish.confirm, plan, files)
        page = await step(Step.GITHUB_RELEASE, publish.create_github_release, source, plan, files)
        sent = await step(Step.DISPATCH, dispatch.dispatch, plan)
        receipts = await step(Step.RECEIPTS, dispatch.receipts, sent)
        done = await step(Step.SUMMARY, publish.summarize, plan, page, receipts)
    await dispatch.refuse_unheard(context, receipts)
    return done


async def preview(context: ReleaseContext, run: RunStep = call) -> Preview:
    """Go through the same steps up to the last that leaves no trace; nor does anybody see a lease.

    Raises:
        InterlockError: What the release would end with.
    """
    checks = await preflight.look_around(context)
    if not all_good(checks):
        return Preview(checks=checks)
    _, plan, files = await _prepared(_Steps(context, run))
    return Preview(
        checks=checks,
        plan=plan,
        files=released(files),
        orders=orders(plan, context.family, context.connections.server.server),
    )


class _Prepared(NamedTuple):
    """A release that is ready to be pushed."""

    source: Checkout
    plan: Plan
    files: tuple[BuiltFile, ...]


async def _prepared(step: "_Steps") -> _Prepared:
    """The steps that only this machine sees."""
    source = await step(Step.CHECKOUT, prepare.checkout)
    plan = await step(Step.BUMP, prepare.bump, source)
    await step(Step.GUARD, prepare.guard, source, plan)
    plan = await step(Step.ADMISSION, prepare.admit, plan)
    files = await step(Step.BUILD, prepare.build, source, plan)
    await step(Step.CHECK, prepare.check, plan, files)
    plan = await step(Step.COMMIT_AND_TAG, prepare.commit_and_tag, source, plan, files)
    return _Prepared(source, plan, files)


class _Steps:
    """Runs the steps of one release, each of them timed and shown to the watcher."""

    def __init__(self, context: ReleaseContext, run: RunStep) -> None:
        self._context = context
        self._run = run

    async def __call__(
        self,
        step: Step,
        function: Callable[Concatenate[ReleaseContext, P], Awaitable[R]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        async def timed() -> R:
            async with self._context.timer.step(step):
                return await function(self._context, *args, **kwargs)

        return await self._run(step, timed)
