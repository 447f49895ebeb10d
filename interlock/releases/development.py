"""The development version after a release: a commit of its own on the branch, `1.2.5.dev0` after 1.2.4.

It is the last thing that a release writes. What it needs is in the world: it is missing as long as the files of the
branch have the released version. So a repetition writes nothing twice, and goes on where somebody else has moved the
version meanwhile. It is no part of what was released: a failure is a remark of the release.
"""

import logging
import tempfile
from dataclasses import replace
from pathlib import Path

from interlock.adapters.git import Checkout, PushRaceError
from interlock.common.sanitize import one_line
from interlock.errors import InterlockError
from interlock.model.bump_rule import development_version, spelled
from interlock.model.calver import CalVer, looks_padded
from interlock.project.version import find_version
from interlock.releases.context import ReleaseContext
from interlock.releases.edits import edit
from interlock.releases.plan import Plan
from interlock.releases.step_timer import MOST_RACES

SUBJECT = "chore(release): begin "


async def begin(context: ReleaseContext, plan: Plan) -> Plan:
    """Write the next development version to the branch, unless it is there; nothing where tags have the version.

    Returns:
        The plan, with a remark if the version could not be written.
    """
    try:
        remark = await _begun(context, plan)
    except InterlockError as error:
        remark = f"the development version after {plan.version} was not written: {one_line(error.message)}"
    if remark is None:
        return plan
    context.log(logging.WARNING, f"{plan.package}: {remark}")
    return plan.model_copy(update={"remarks": (*plan.remarks, remark)})


async def _begun(context: ReleaseContext, plan: Plan) -> str | None:
    """Try until it is there: other pushes may come first, and an answer may be lost. None, or why it is not written."""
    for _ in range(MOST_RACES):
        try:
            return await _written(context, plan)
        except InterlockError as error:
            if not (error.transient or isinstance(error, PushRaceError)):
                raise
    return await _written(context, plan)


async def _written(context: ReleaseContext, plan: Plan) -> str | None:
    folder = Path(tempfile.mkdtemp(prefix="next-", dir=context.work))
    cloned = await Checkout.clone(context.remote, plan.branch, folder)
    place = find_version(context.project(cloned), context.package.versions)
    version = development_version(plan.version, context.rule)
    if place.version != plan.version or version is None:
        return None
    if looks_padded(place.literals[0].text) and not isinstance(context.rule, CalVer):
        return f"no development version follows {place.literals[0].text}: nobody said how the day moves (bump = …)"
    if left := place.unwritable(version):
        # It would have another version than the rest from now on, and the next release would leave it alone.
        return f"no development version follows {plan.version}: {left[0]} can't hold {version} as it is written"
    text, head = spelled(version, context.rule, None), await cloned.head()
    # As the release's own commit, so that everything that has the version moves; its requirements have moved already.
    alone = replace(context, request=context.request.model_copy(update={"pins": {}}))
    edited = await edit(alone, cloned, place, version)
    when = max(context.time, await cloned.commit_time(head))
    commit = await cloned.commit_all(f"{SUBJECT}{text}", author=context.author, when=when, paths=edited.changed)
    ref = f"refs/heads/{plan.branch}"
    await cloned.push({ref: commit}, {ref: head})
    context.log(logging.INFO, f"{plan.branch} has {text} now")
    return None
