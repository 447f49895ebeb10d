"""A check: one thing that must be true before a release is, what was found, and what cures it."""

from collections.abc import Coroutine, Iterable
from enum import StrEnum
from typing import Any

from interlock.common.frozen_model import FrozenModel
from interlock.errors import InterlockError


class State(StrEnum):
    """What a check found."""

    OK = "ok"
    WARNING = "warning"  # a release would work, and somebody should look
    FAILED = "failed"  # a release would fail
    UNKNOWN = "unknown"  # it could not be looked at


class Check(FrozenModel):
    """One thing that was looked at.

    Attributes:
        name: What was looked at, as "listener of core_release".
        subject: Whose it is: a member of the family, or `token`, `package index`, `this machine`, `Prefect`.
        cause: What was found, in words.
        cure: What to do about it, when there is something to do.
        transient: Whether looking again may help.
    """

    name: str
    subject: str
    state: State
    cause: str
    cure: str | None = None
    transient: bool = False


def ok(subject: str, name: str, cause: str) -> Check:
    """It is as it must be."""
    return Check(name=name, subject=subject, state=State.OK, cause=cause)


def warning(subject: str, name: str, cause: str, cure: str | None = None) -> Check:
    """A release would work, and somebody should look."""
    return Check(name=name, subject=subject, state=State.WARNING, cause=cause, cure=cure)


def failed(subject: str, name: str, cause: str, cure: str | None = None) -> Check:
    """A release would fail."""
    return Check(name=name, subject=subject, state=State.FAILED, cause=cause, cure=cure)


def unknown(subject: str, name: str, cause: str, cure: str | None = None) -> Check:
    """It could not be looked at."""
    return Check(name=name, subject=subject, state=State.UNKNOWN, cause=cause, cure=cure)


def from_error(subject: str, name: str, error: InterlockError) -> Check:
    """What an error says about what was looked at: unknown when another try may help, else failed."""
    state = State.UNKNOWN if error.transient else State.FAILED
    return Check(
        name=name, subject=subject, state=state, cause=error.message, cure=error.hint, transient=error.transient
    )


Looking = Coroutine[Any, Any, tuple[Check, ...]]


async def guarded(subject: str, name: str, looking: Looking) -> tuple[Check, ...]:
    """What a look finds; an error of it becomes a check, so that no look hides another."""
    try:
        return await looking
    except InterlockError as error:
        return (from_error(subject, name, error),)


def all_good(checks: Iterable[Check]) -> bool:
    """Whether nothing failed; warnings, and what could not be looked at, are no failures."""
    return all(check.state is not State.FAILED for check in checks)
