"""What a cascade is: its steps, in order. Flow, dry run and tests run these.

Until its lease is taken nothing is written anywhere. Then it is in the ledger, and each package goes its own way
(`following`) when the scheduler (`walk`) begins it. Run again after any crash, it joins the cascade that was begun.
"""

import logging

from interlock.cascades import planner
from interlock.cascades.context import CascadeContext
from interlock.cascades.package_steps import PackageSteps, ReleasePackage
from interlock.cascades.scheduler import begin, walk
from interlock.common.steps import RunStep, call
from interlock.model.cascade import Cascade
from interlock.model.release import Release
from interlock.releases.context import open_release
from interlock.releases.plan import ReleaseRequest
from interlock.releases.workflow import release


async def release_plainly(context: CascadeContext, request: ReleaseRequest) -> Release:
    """Release a package with the cascade's own connections, each step by a plain call."""
    async with open_release(request, context.connections) as opened:
        return await release(opened)


async def cascade(
    context: CascadeContext, run: RunStep = call, release_package: ReleasePackage = release_plainly
) -> Cascade:
    """Release a package and everything that its release makes necessary, as far as it can go now.

    Args:
        context: What it works with.
        run: Runs each step.
        release_package: Releases one package.

    Raises:
        InterlockError: It can't begin; what a package fails with is in the cascade.
        BusyError: Another process walks it now.
    """
    planned = await plan(context, run)
    async with context.lease(planned):
        cascade_run = await begin(context, planned)
        done = await walk(cascade_run, PackageSteps(cascade_run, run, release_package).follow)
    await run("report", _report, context, done)
    return done


async def plan(context: CascadeContext, run: RunStep = call) -> Cascade:
    """Only the steps that write nothing: which packages follow and why, and whether the root may be released.

    Raises:
        InterlockError: What the cascade would end with before it begins.
    """
    planned = await run("plan", planner.plan, context)
    await run("admit", planner.admit, context, planned)
    return planned


async def _report(context: CascadeContext, done: Cascade) -> Cascade:
    context.log(logging.INFO, f"{done.id}: {done.outcome}")
    return done
