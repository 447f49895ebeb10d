"""What would keep the old version: places in the repository's files, and modules in the built wheel."""

import asyncio
import logging
from pathlib import Path

from packaging.version import Version

from interlock.errors import BuildError
from interlock.project.build import BuiltFile, left_behind
from interlock.project.version import mentions
from interlock.releases.context import ReleaseContext
from interlock.releases.plan import Plan


def still_named(context: ReleaseContext, root: Path, before: Version | None, version: Version) -> tuple[str, ...]:
    """A remark about the places in a project's files that still have the version of before.

    Args:
        context: The context of the release.
        root: The project, with its new version.
        before: The version that was replaced, if there was one.
        version: The new version.
    """
    places = mentions(root, context.name, before) if before is not None and before != version else ()
    hint = f'versions = ["FILE:NAME"] in [packages.{context.name}] moves what is a copy of the version'
    return (f"{before} still stands in {', '.join(places)}; {hint}",) if places else ()


async def look_for_old_versions(context: ReleaseContext, plan: Plan, files: tuple[BuiltFile, ...]) -> Plan:
    """Look into the wheels for the versions of before.

    Returns:
        The plan, with a remark about each place. A resumed release is out already, so there nothing is refused.

    Raises:
        BuildError: A package of the wheel would say the version of before.
    """
    before = {each for each in (plan.previous, plan.replaced) if each and each != plan.version}
    left = await asyncio.to_thread(left_behind, files, plan.package, before)
    if left.wrong and not plan.resumed:
        places = "\n".join(f"  {each}" for each in left.wrong)
        raise BuildError(
            f"the wheel would say another version than {plan.version}:\n{places}",
            hint=f'name it in [packages.{plan.package}] of the family file: versions = ["FILE:__version__"]; or read '
            f'it in the code by importlib.metadata.version("{plan.package}")',
        )
    said = (*(f"the wheel's {each}" for each in left.wrong), *left.remarks)
    for remark in said:
        context.log(logging.WARNING, f"{plan.package} {plan.version}: {remark}")
    return plan.model_copy(update={"remarks": (*plan.remarks, *said)})
