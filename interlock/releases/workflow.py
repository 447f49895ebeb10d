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
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Concatenate, NamedTuple, ParamSpec, TypeVar

from interlock.adapters.git import Checkout, find_author
from interlock.common.retry import patiently
from interlock.common.steps import RunStep, call
from interlock.errors import InterlockError, TokenError
from interlock.model.bump import PATCH
from interlock.model.bump_rule import parse_rule
from interlock.model.calver import CalVer
from interlock.model.release import Release, Step
from interlock.project.build import BuiltFile
from interlock.releases import development, dispatch, preflight, prepare, publish
from interlock.releases.checks import Check
from interlock.releases.context import ReleaseContext
from interlock.releases.plan import Plan, orders, released
from interlock.releases.preflight import Preview, Refusal
from interlock.releases.release_notes import notes_of

P = ParamSpec("P")
R = TypeVar("R")


async def release(context: ReleaseContext, run: RunStep = call) -> Release:
    """Release one package. Run it again after any crash: it finishes the same release.

    Args:
        context: The context of the release.
        run: Runs each step.

    Returns:
        The release; where nothing is new since the newest one, that one with `nothing_new`, and nothing was written.

    Raises:
        InterlockError: A step failed; `docs/releases.md` says what each step leaves.
        BusyError: Another process releases the package.
        DispatchError: The release is out, and a downstream did not follow.
    """
    step = _Steps(context, run)
    await step(Step.PREFLIGHT, preflight.preflight)
    async with context.lease():
        prepared = await _pushed(step)
        if isinstance(prepared, Release):
            return prepared
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
    """Run the steps that leave no trace, without taking the lease; an error of one is kept, and the next is run.

    Where no version can be said, the rest is looked at with the next patch.
    """
    dry = _DryRun(context, run)
    checks = await dry.checked()
    source = await dry.tried(Step.CHECKOUT, prepare.checkout)
    plan = await dry.tried(Step.BUMP, prepare.bump, source) if source else None
    files: tuple[BuiltFile, ...] = ()
    notes = ""
    if isinstance(plan, Release):
        return Preview(checks=checks, repeats=plan, refusals=tuple(dry.refusals))
    if source and plan:
        plan, files = await dry.looked(source, plan)
        notes = await dry.noted(source, plan, files)
    elif source:
        await dry.looked_anyway()
    return Preview(
        checks=checks,
        plan=plan,
        files=released(files),
        orders=orders(plan, context.family, context.connections.server.server) if plan else (),
        refusals=tuple(dry.refusals),
        notes=notes,
    )


class _DryRun:
    """Runs steps, and keeps their errors."""

    def __init__(self, context: ReleaseContext, run: RunStep) -> None:
        self._context = context
        self._run = run
        self.refusals: list[Refusal] = []

    async def tried(
        self,
        step: Step,
        function: Callable[Concatenate[ReleaseContext, P], Awaitable[R]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R | None:
        """The result of a step; None after an error, which is kept."""
        run = _Steps(self._context, self._run)
        try:
            return await patiently(lambda: run(step, function, *args, **kwargs))
        except InterlockError as error:
            # A missing token, which is a refusal already, stops several steps.
            known = isinstance(error, TokenError) and any(each.exit_code == error.exit_code for each in self.refusals)
            self.refusals += [] if known else [Refusal.of(step, error)]
            return None

    async def checked(self) -> tuple[Check, ...]:
        """The checks of everything that the release needs; what could not be opened is a refusal too."""
        connections = self._context.connections
        for needed in (connections.open_ledger, partial(find_author, self._context.family.author)):
            try:
                await needed()
            except InterlockError as error:
                self.refusals.append(Refusal.of(Step.PREFLIGHT, error))
        checks = await preflight.run_checks(self._context)
        self.refusals += map(Refusal.of_check, filter(preflight.is_in_the_way, checks))
        return checks

    async def looked(self, source: Checkout, plan: Plan) -> tuple[Plan, tuple[BuiltFile, ...]]:
        """Run the steps from guard on; the plan as far as it has come, and the files that would be published."""
        await self.tried(Step.GUARD, prepare.guard, source, plan)
        plan = await self.tried(Step.ADMISSION, prepare.admit, plan) or plan
        if (built := await self.tried(Step.BUILD, prepare.build, source, plan)) is None:
            return plan, ()
        plan, files = await self.tried(Step.CHECK, prepare.check, plan, built) or (plan, built)
        return await self.tried(Step.COMMIT_AND_TAG, prepare.commit_and_tag, source, plan, files) or plan, files

    async def noted(self, source: Checkout, plan: Plan, files: tuple[BuiltFile, ...]) -> str:
        """The notes of the GitHub Release; empty where its commit could not be made."""
        try:
            return await notes_of(self._context, source, plan, released(files)) if plan.commit else ""
        except InterlockError as error:
            self.refusals.append(Refusal.of(Step.GITHUB_RELEASE, error))
            return ""

    async def looked_anyway(self) -> None:
        """Look at the rest as for the next patch, or the calendar's last day, with the requirements as they stand."""
        rule = parse_rule(self._context.package.bump or PATCH)
        last = rule.text(rule.first(date.max)) if isinstance(rule, CalVer) else None
        changes: dict[str, object] = {"version": last, "bump": None if last else "patch", "pins": {}, "empty": True}
        request = self._context.request.model_copy(update=changes)
        instead = _DryRun(replace(self._context, request=request), self._run)
        source = await instead.tried(Step.CHECKOUT, prepare.checkout)
        plan = await instead.tried(Step.BUMP, prepare.bump, source) if source else None
        if source and isinstance(plan, Plan):
            await instead.looked(source, plan)
        self.refusals += [refusal for refusal in instead.refusals if refusal not in self.refusals]


class _Prepared(NamedTuple):
    """A release that is ready for its push."""

    source: Checkout
    plan: Plan
    files: tuple[BuiltFile, ...]


async def _pushed(step: "_Steps") -> _Prepared | Release:
    """Push commit and tag; planned again on the new head as long as other pushes come first."""
    prepared = await _prepared(step)
    while not isinstance(prepared, Release) and not await step(Step.PUSH, publish.push, prepared.source, prepared.plan):
        prepared = await _prepared(step)
    return prepared


async def _prepared(step: "_Steps") -> _Prepared | Release:
    """Run the steps whose results stay on this machine; the newest release, if nothing is new since."""
    source = await step(Step.CHECKOUT, prepare.checkout)
    plan = await step(Step.BUMP, prepare.bump, source)
    if isinstance(plan, Release):
        return plan
    await step(Step.GUARD, prepare.guard, source, plan)
    plan = await step(Step.ADMISSION, prepare.admit, plan)
    built = await step(Step.BUILD, prepare.build, source, plan)
    checked = await step(Step.CHECK, prepare.check, plan, built)
    plan = await step(Step.COMMIT_AND_TAG, prepare.commit_and_tag, source, checked.plan, checked.files)
    return _Prepared(source, plan, checked.files)


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
