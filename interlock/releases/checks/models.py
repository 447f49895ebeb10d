"""A check: one thing that must be true before a release, what was found, and a hint."""

from collections.abc import Coroutine, Iterable
from enum import StrEnum
from typing import Any

from interlock.common.frozen_model import FrozenModel
from interlock.errors import InterlockError


class State(StrEnum):
    """What a check found."""

    OK = "ok"
    WARNING = "warning"  # a release would work, and a person should look
    FAILED = "failed"  # a release would fail
    UNKNOWN = "unknown"  # it could not be looked at


class Check(FrozenModel):
    """One thing that was looked at.

    Attributes:
        name: The name of the check, as "listener of core_release".
        subject: A member of the family, or `token`, `package index`, `this machine`, `Prefect`.
        cause: What was found, in words.
        cure: The hint: what to do about it, if anything.
        transient: Whether another look may help.
    """

    name: str
    subject: str
    state: State
    cause: str
    cure: str | None = None
    transient: bool = False


def ok(subject: str, name: str, cause: str) -> Check:
    """A check that passed."""
    return Check(name=name, subject=subject, state=State.OK, cause=cause)


def warning(subject: str, name: str, cause: str, hint: str | None = None) -> Check:
    """A check that a release survives, and that a person should look at."""
    return Check(name=name, subject=subject, state=State.WARNING, cause=cause, cure=hint)


def failed(subject: str, name: str, cause: str, hint: str | None = None) -> Check:
    """A check that would fail a release."""
    return Check(name=name, subject=subject, state=State.FAILED, cause=cause, cure=hint)


def unknown(subject: str, name: str, cause: str, hint: str | None = None) -> Check:
    """A check that could not be made."""
    return Check(name=name, subject=subject, state=State.UNKNOWN, cause=cause, cure=hint)


def from_error(subject: str, name: str, error: InterlockError) -> Check:
    """An error as a check: unknown when another try may help, else failed."""
    state = State.UNKNOWN if error.transient else State.FAILED
    return Check(
        name=name, subject=subject, state=state, cause=error.message, cure=error.hint, transient=error.transient
    )


def no_answer(subject: str, name: str, error: InterlockError) -> Check:
    """An error of something that a release can't do without: failed, even when another try may help."""
    return failed(subject, name, error.message, error.hint).model_copy(update={"transient": error.transient})


Looking = Coroutine[Any, Any, tuple[Check, ...]]


async def guarded(subject: str, name: str, looking: Looking) -> tuple[Check, ...]:
    """Await some checks; an error becomes a check, so that it hides no others."""
    try:
        return await looking
    except InterlockError as error:
        return (from_error(subject, name, error),)


def all_good(checks: Iterable[Check]) -> bool:
    """Whether no check failed; warnings and unknown checks are not failures."""
    return all(check.state is not State.FAILED for check in checks)
