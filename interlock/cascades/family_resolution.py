"""Whether the whole family resolves together after a cascade, on each Python, as a user would get it."""

from collections.abc import Mapping

from packaging.version import Version

from interlock.cascades.context import CascadeContext
from interlock.common.frozen_model import FrozenModel


class FamilyResolution(FrozenModel):
    """What a resolver makes of the whole family on one Python, members that don't move included.

    Attributes:
        python: The Python, as the family file names it.
        culprit: The first member in dependency order with which the others can't be installed; None where all can.
        reason: Why not, in the resolver's words.
        remarks: What was so before the cascade already, or is not known, in words.
        unproven: What nothing has shown: suites on a Python that is not on this machine.
    """

    python: str
    culprit: str | None = None
    reason: str = ""
    remarks: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()


async def resolve_family(context: CascadeContext, versions: Mapping[str, Version]) -> tuple[FamilyResolution, ...]:
    """Resolve all members together, without a version named, on each Python of the family.

    Args:
        context: The context of the cascade; its index and uv are offered the candidates.
        versions: The version of each publishing member afterwards, in dependency order: its candidate, or its newest
            release. A user who installs all of them without naming versions must get these.

    Raises:
        IndexUnavailableError: The index did not answer.
    """
    raise NotImplementedError
