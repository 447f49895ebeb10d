"""A release without a trace: every check, the whole plan and the built files, and then nothing more."""

from interlock.checks import Check, all_good
from interlock.dispatches import Order
from interlock.lifecycle import ReleasedFile
from interlock.releases import prepare
from interlock.releases.desk import Desk
from interlock.releases.plan import Plan, orders, released
from interlock.releases.preflight import look_around
from interlock.values import Value


class Preview(Value):
    """What a release would do.

    Attributes:
        checks: Of everything that must be true before it.
        plan: None when it would be refused.
        files: As they would be published.
    """

    checks: tuple[Check, ...]
    plan: Plan | None = None
    files: tuple[ReleasedFile, ...] = ()
    orders: tuple[Order, ...] = ()


async def preview(desk: Desk) -> Preview:
    """Go through all steps that leave no trace.

    Raises:
        InterlockError: What the release would end with.
    """
    checks = await look_around(desk)
    if not all_good(checks):
        return Preview(checks=checks)
    cloned = await prepare.checkout(desk)
    plan = await prepare.bump(desk, cloned)
    await prepare.guard(desk, cloned, plan)
    files = await prepare.build(desk, cloned, plan)
    await prepare.check(plan, files)
    return Preview(
        checks=checks,
        plan=plan,
        files=released(files),
        orders=orders(plan, desk.family, desk.place.server),
    )
