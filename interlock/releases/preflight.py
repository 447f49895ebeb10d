"""The first step of a release: everything that can be checked is checked before anything is changed."""

from interlock.checks import Check, State, check_package
from interlock.errors import RefusedError
from interlock.releases.desk import Desk


async def look_around(desk: Desk) -> tuple[Check, ...]:
    """Check all that a release of the package needs; nothing is changed."""
    return await check_package(desk.family, desk.name, desk.world, branch=desk.request.ref)


async def preflight(desk: Desk) -> tuple[Check, ...]:
    """The same, and go no further when something fails.

    Raises:
        RefusedError: Naming each failure with its cure.
    """
    checks = await look_around(desk)
    failed = [check for check in checks if check.state is State.FAILED or check.transient]
    if failed:
        lines = "\n".join(map(_line, failed))
        raise RefusedError(
            f"{desk.name} is not released, nor its release gone on with; this run has changed nothing.\n{lines}",
            transient=all(check.transient for check in failed),
        )
    return checks


def _line(check: Check) -> str:
    cure = f"\n    cure: {check.cure}" if check.cure else ""
    return f"  ✗ {check.subject}, {check.name}: {check.cause}{cure}"
