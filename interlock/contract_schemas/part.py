"""The part of a version that a change of the contract asks for. Pure."""

from collections.abc import Collection

from packaging.version import Version

from interlock.contract_schemas.breakage import Breakage
from interlock.contract_schemas.values import ElementChange, Part


def recommended_part(before: Version, changes: Collection[ElementChange], api: Collection[Breakage]) -> Part:
    """Patch when nothing changed, minor when nobody has to fail, major when somebody may; before 1.0 that is a minor.

    Args:
        before: The version that is raised.
        changes: What became of the contract.
        api: What griffe says.
    """
    if any(change.breaks for change in changes) or any(breakage.breaks for breakage in api):
        return Part.MAJOR if before.major else Part.MINOR
    return Part.MINOR if changes or api else Part.PATCH
