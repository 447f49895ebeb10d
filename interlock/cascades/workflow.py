"""The steps of a cascade, in order. The flow, dry runs and tests all run these.

Nothing is written before the lease is taken. Then the cascade is in the ledger, and the `scheduler` starts the steps of
each package (`package_steps`). A run after any crash joins the unfinished cascade.
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
    """Release a package with the cascade's connections, each step as a plain call."""
    async with open_release(request, context.connections) as opened:
        return await release(opened)


async def cascade(
    context: CascadeContext, run: RunStep = call, release_package: ReleasePackage = release_plainly
) -> Cascade:
    """Release a package and everything that its release makes necessary, as far as possible now.

    Args:
        context: The context of the cascade.
        run: Runs each step.
        release_package: Releases one package.

    Returns:
        The cascade; one that was done before with `repeated`, and nothing was done.

    Raises:
        InterlockError: The cascade can't start; a package's error is in the cascade.
        BusyError: Another process runs the cascade.
    """
    planned = await plan(context, run)
    if planned.is_done:
        return await run("report", _report, context, planned.model_copy(update={"repeated": True}))
    async with context.lease(planned):
        cascade_run = await begin(context, planned)
        done = await walk(cascade_run, PackageSteps(cascade_run, run, release_package).follow)
    await run("report", _report, context, done)
    return done


async def plan(context: CascadeContext, run: RunStep = call) -> Cascade:
    """Run only the steps that write nothing: which packages follow and why, and whether the root may be released.

    Raises:
        InterlockError: The error that would keep the cascade from starting.
    """
    planned = await run("plan", planner.plan, context)
    await run("admit", planner.admit, context, planned)
    return planned


async def _report(context: CascadeContext, done: Cascade) -> Cascade:
    context.log(logging.INFO, f"{done.id}: {done.outcome}")
    return done
