"""What is known about a release before it changes anything: its checks, and the preview of a dry run."""

import logging
from typing import Self

from interlock.common.frozen_model import FrozenModel
from interlock.errors import InterlockError, RefusedError, TokenError
from interlock.model.dispatches import Order
from interlock.model.release import Release, ReleasedFile, Step
from interlock.releases.checks import Check, State, check_package
from interlock.releases.context import ReleaseContext
from interlock.releases.plan import Plan

# The checks without which a release is not begun.
CREDENTIALS = ("present", "upload credentials")


class Refusal(FrozenModel):
    """An error that would end a release before it has changed anything.

    Attributes:
        step: The step that would end in it.
        exit_code: That of the error.
        transient: Whether another try may help.
    """

    step: Step
    message: str
    hint: str | None = None
    exit_code: int
    transient: bool = False

    @classmethod
    def of(cls, step: Step, error: InterlockError) -> Self:
        """The refusal that an error is."""
        return cls(
            step=step, message=error.message, hint=error.hint, exit_code=error.exit_code, transient=error.transient
        )

    @classmethod
    def of_check(cls, check: Check) -> Self:
        """The refusal that a check is; one for want of a token has that code, as without the dry run."""
        kind = TokenError if check.name in CREDENTIALS else RefusedError
        says = f"{check.subject}, {check.name}: {check.cause}"
        transient, code = check.transient, kind.exit_code
        return cls(step=Step.PREFLIGHT, message=says, hint=check.cure, exit_code=code, transient=transient)


class Preview(FrozenModel):
    """What a release would do.

    Attributes:
        checks: The checks of everything that it needs.
        plan: None when its version can't be said, or nothing is new.
        repeats: The newest release, when nothing is new since.
        files: The files that it would publish.
        refusals: Every error that would end it, in the order of the steps; what comes after one is looked at too.
        notes: The notes of its GitHub Release.
    """

    checks: tuple[Check, ...]
    plan: Plan | None = None
    repeats: Release | None = None
    files: tuple[ReleasedFile, ...] = ()
    orders: tuple[Order, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    notes: str = ""

    @property
    def exit_code(self) -> int:
        """That of the first refusal; 0 without any."""
        return self.refusals[0].exit_code if self.refusals else 0

    def says(self) -> str:
        """Say in a line what the release would do.

        Raises:
            RefusedError: It would be refused; names every reason.
        """
        if self.refusals or not (self.plan or self.repeats):
            lines = [f"{refusal.step}: {refusal.message}" for refusal in self.refusals]
            is_transient = bool(self.refusals) and all(refusal.transient for refusal in self.refusals)
            raise RefusedError("\n".join(["it would not be started:", *lines]), transient=is_transient)
        if self.plan is None:
            return self.repeats.nothing_new_in_words if self.repeats else ""
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
    if failed := tuple(filter(is_in_the_way, checks)):
        lines = "\n".join(map(_line, failed))
        raise RefusedError(
            f"{context.name} is not released, nor its release gone on with; this run has changed nothing.\n{lines}",
            transient=all(check.transient for check in failed),
        )
    for check in checks:
        level = logging.WARNING if check.state is State.WARNING else logging.INFO
        context.log(level, f"{check.state}: {check.subject}: {check.name}, {check.cause}")


def is_in_the_way(check: Check) -> bool:
    """Whether a release is refused for what a check found, or could not find."""
    return check.state is State.FAILED or check.transient


def _line(check: Check) -> str:
    hint = f"\n    cure: {check.cure}" if check.cure else ""
    return f"  ✗ {check.subject}, {check.name}: {check.cause}{hint}"
