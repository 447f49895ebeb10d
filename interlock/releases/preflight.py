"""The first step of a release: everything that can be checked is checked before anything is changed."""

from interlock.checks import Check, State, check_package
from interlock.errors import RefusedError
from interlock.releases.desk import Desk


async def look_around(desk: Desk) -> tuple[Check, ...]:
    """Check all that a release of the package needs; nothing is changed."""
    return await check_package(desk.family, desk.name, desk.world)


async def preflight(desk: Desk) -> tuple[Check, ...]:
    """The same, and go no further when something fails.

    Raises:
        RefusedError: Naming each failure with its cure.
    """
    checks = await look_around(desk)
    failed = [check for check in checks if check.state is State.FAILED]
    if failed:
        lines = "\n".join(
            f"  ✗ {check.cause}" + (f"\n    cure: {check.cure}" if check.cure else "") for check in failed
        )
        raise RefusedError(f"Release of {desk.name} not started; nothing was changed.\n{lines}")
    return checks
