"""Whether something of a tagged release is still to be done: as the ledger remembers it, or as the world shows it."""

from datetime import UTC, datetime, timedelta

from interlock import publishing
from interlock.releases import telling
from interlock.releases.desk import Desk
from interlock.releases.plan import Plan

# GitHub forgets runs after 90 days; what began this long ago, and no ledger remembers, is over.
FORGOTTEN = timedelta(days=30)


async def is_outstanding(desk: Desk, plan: Plan) -> bool:
    """Whether a release that has its tag is unfinished.

    Raises:
        IndexUnavailableError, GitHubError: The world could not be asked.
    """
    if (remembered := await desk.remembered(plan.version)) is not None:
        return not remembered.is_finished
    if desk.now() - datetime.fromtimestamp(plan.epoch, UTC) > FORGOTTEN:
        return False
    return await _lacks_files(desk, plan) or not await telling.all_taken(desk, plan)


async def _lacks_files(desk: Desk, plan: Plan) -> bool:
    assert plan.manifest is not None
    if await publishing.missing(plan.package, plan.version, plan.manifest.files, desk.index):
        return True
    release = await desk.github.release(plan.repository, plan.tag)
    return release is None or release.draft
