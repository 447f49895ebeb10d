"""The steps of a release, in order. The flow, dry runs, cascades and tests all run these.

**What it promises.** Everything that can fail without a trace comes first. The push of commit and tag is the point of
no return: the tag names the files and the dispatches of the release, so any later run can finish it. Before that, a
push by somebody else makes the steps start again on the new head.

**What can interrupt it.** A run may be killed at any time: each step looks at the world before it acts, so running all
of them again does what is missing, and nothing twice.

**Why two runs are safe.** The lease keeps runs on all machines apart, and each step checks it before it starts: a run
that has lost it, as when its machine slept, ends without disturbing the next one. A run that loses it within a step is
harmless too: a push expects the refs that were seen, the index takes each file name once, and a dispatch is in the
ledger before it is sent.
"""

from collections.abc import Awaitable, Callable
from typing import Concatenate, NamedTuple, ParamSpec, TypeVar

from interlock.adapters.git import Checkout
from interlock.common.steps import RunStep, call
from interlock.model.release import Release, Step
from interlock.project.build import BuiltFile
from interlock.releases import development, dispatch, preflight, prepare, publish
from interlock.releases.checks import all_good
from interlock.releases.context import ReleaseContext
from interlock.releases.plan import Plan, orders, released
from interlock.releases.preflight import Preview

P = ParamSpec("P")
R = TypeVar("R")


async def release(context: ReleaseContext, run: RunStep = call) -> Release:
    """Release one package. Run it again after any crash: it finishes the same release.

    Args:
        context: The context of the release.
        run: Runs each step.

    Raises:
        InterlockError: A step failed; `docs/releases.md` says what each step leaves.
        BusyError: Another process releases the package.
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
        if context.package.next is not None:
            plan = await step(Step.DEVELOPMENT, development.begin, plan)
        done = await step(Step.SUMMARY, publish.summarize, plan, page, receipts)
    await dispatch.raise_for_dispatches(context, receipts)
    return done


async def preview(context: ReleaseContext, run: RunStep = call) -> Preview:
    """Run the steps that leave no trace, without taking the lease.

    Raises:
        InterlockError: The error that would end the release.
    """
    checks = await preflight.run_checks(context)
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
    """A release that is ready for its push."""

    source: Checkout
    plan: Plan
    files: tuple[BuiltFile, ...]


async def _prepared(step: "_Steps") -> _Prepared:
    """Run the steps whose results stay on this machine."""
    source = await step(Step.CHECKOUT, prepare.checkout)
    plan = await step(Step.BUMP, prepare.bump, source)
    await step(Step.GUARD, prepare.guard, source, plan)
    plan = await step(Step.ADMISSION, prepare.admit, plan)
    files = await step(Step.BUILD, prepare.build, source, plan)
    await step(Step.CHECK, prepare.check, plan, files)
    plan = await step(Step.COMMIT_AND_TAG, prepare.commit_and_tag, source, plan, files)
    return _Prepared(source, plan, files)


class _Steps:
    """Runs the steps of one release; times each and notifies the watcher."""

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
