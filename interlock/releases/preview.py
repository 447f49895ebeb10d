"""A release without a trace: every check, the whole plan and the built files, and then nothing more."""

from collections.abc import Awaitable, Callable

from interlock.checks import Check, State, all_good
from interlock.dispatches import Order
from interlock.errors import RefusedError
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

    def says(self) -> str:
        """What would be done, in a line.

        Raises:
            RefusedError: It would not be started; names each check that failed.
        """
        if self.plan is None:
            failed = (check for check in self.checks if check.state is State.FAILED)
            lines = [f"{check.subject}, {check.name}: {check.cause}" for check in failed]
            raise RefusedError(f"it would not be started: {'; '.join(lines)}")
        return f"{self.plan.package} {self.plan.version} would be {'finished' if self.plan.resumed else 'released'}"


Admit = Callable[[Desk, Plan], Awaitable[Plan]]


async def _admitted(_desk: Desk, plan: Plan) -> Plan:
    return plan


async def preview(desk: Desk, admit: Admit = _admitted) -> Preview:
    """Go through all steps that leave no trace.

    Args:
        desk: The release's connections.
        admit: Refuses what may not be released, and adds what is to be remarked.

    Raises:
        InterlockError: What the release would end with.
    """
    checks = await look_around(desk)
    if not all_good(checks):
        return Preview(checks=checks)
    cloned = await prepare.checkout(desk)
    plan = await prepare.bump(desk, cloned)
    await prepare.guard(desk, cloned, plan)
    plan = await admit(desk, plan)
    files = await prepare.build(desk, cloned, plan)
    await prepare.check(plan, files)
    return Preview(
        checks=checks,
        plan=plan,
        files=released(files),
        orders=orders(plan, desk.family, desk.place.server),
    )
