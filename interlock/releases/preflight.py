"""What is known about a release before it changes anything: its checks, and the preview of a dry run."""

import logging

from interlock.common.frozen_model import FrozenModel
from interlock.errors import RefusedError
from interlock.model.dispatches import Order
from interlock.model.release import ReleasedFile
from interlock.releases.checks import Check, State, check_package
from interlock.releases.context import ReleaseContext
from interlock.releases.plan import Plan


class Preview(FrozenModel):
    """What a release would do.

    Attributes:
        checks: The checks of everything that it needs.
        plan: None when it would be refused.
        files: The files that it would publish.
    """

    checks: tuple[Check, ...]
    plan: Plan | None = None
    files: tuple[ReleasedFile, ...] = ()
    orders: tuple[Order, ...] = ()

    def says(self) -> str:
        """Say in a line what the release would do.

        Raises:
            RefusedError: The release would not start; names each check that failed.
        """
        if self.plan is None:
            failed = (check for check in self.checks if check.state is State.FAILED)
            lines = [f"{check.subject}, {check.name}: {check.cause}" for check in failed]
            raise RefusedError(f"it would not be started: {'; '.join(lines)}")
        return f"{self.plan.package} {self.plan.version} would be {'finished' if self.plan.resumed else 'released'}"


async def run_checks(context: ReleaseContext) -> tuple[Check, ...]:
    """Check all that a release of the package needs; this changes nothing."""
    return await check_package(context.connections, context.name, branch=context.request.ref)


async def preflight(context: ReleaseContext) -> None:
    """Run the checks, and refuse the release when one of them fails.

    Raises:
        RefusedError: Names each failure with its hint.
    """
    checks = await run_checks(context)
    failed = [check for check in checks if check.state is State.FAILED or check.transient]
    if failed:
        lines = "\n".join(map(_line, failed))
        raise RefusedError(
            f"{context.name} is not released, nor its release gone on with; this run has changed nothing.\n{lines}",
            transient=all(check.transient for check in failed),
        )
    for check in checks:
        context.log(logging.INFO, f"{check.state}: {check.subject}: {check.name}, {check.cause}")


def _line(check: Check) -> str:
    hint = f"\n    cure: {check.cure}" if check.cure else ""
    return f"  ✗ {check.subject}, {check.name}: {check.cause}{hint}"
