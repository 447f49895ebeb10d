"""Faults of values that are being built, each with its path and a hint."""

import difflib
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

FAULT = "fault"


class ValidationIssue(NamedTuple):
    """A fault of a value that is being built.

    Attributes:
        at: The path of keys that leads to it, from that value.
        message: What is wrong.
        hint: What to do, or the name that was probably meant.
    """

    at: tuple[str | int, ...]
    message: str
    hint: str | None = None


def fault(message: str, hint: str | None = None) -> PydanticCustomError:
    """The error for a validator to raise; `message` and `hint` are in its context."""
    return PydanticCustomError(FAULT, "{message}", {"message": message, "hint": hint})


def refuse(title: str, faults: Iterable[ValidationIssue]) -> None:
    """End a validation with all of these faults, if there are any.

    Raises:
        ValidationError: There are some. Pydantic puts the path of the value itself in front of theirs.
    """
    details = [InitErrorDetails(type=fault(found.message, found.hint), loc=found.at, input=None) for found in faults]
    if details:
        raise ValidationError.from_exception_data(title, details)


def nearest(name: str, known: Collection[str]) -> str | None:
    """A hint for an unknown name: the nearest known one, else all of them, else None."""
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f'did you mean "{near[0]}"?'
    return f"known here: {', '.join(known)}" if known else None


def repeats(values: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Every value that repeats an earlier one, with its position."""
    seen: set[str] = set()
    for position, value in enumerate(values):
        if value in seen:
            yield position, value
        seen.add(value)
