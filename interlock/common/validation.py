"""Faults: what is impossible in a value that is being built, each at its place and with its cure."""

import difflib
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

FAULT = "fault"


class ValidationIssue(NamedTuple):
    """Something impossible in a value that is being built.

    Attributes:
        at: The path of keys that leads to it, from that value.
        message: What is wrong.
        hint: The cure, or the name that was probably meant.
    """

    at: tuple[str | int, ...]
    message: str
    hint: str | None = None


def fault(message: str, hint: str | None = None) -> PydanticCustomError:
    """What a validator raises; whoever reads the error finds `message` and `hint` in its context."""
    return PydanticCustomError(FAULT, "{message}", {"message": message, "hint": hint})


def refuse(title: str, faults: Iterable[ValidationIssue]) -> None:
    """End a validation with all of these faults, each at its own place; nothing happens when there are none.

    Raises:
        ValidationError: There are some. Pydantic puts the place of the value itself in front of theirs.
    """
    details = [InitErrorDetails(type=fault(found.message, found.hint), loc=found.at, input=None) for found in faults]
    if details:
        raise ValidationError.from_exception_data(title, details)


def nearest(name: str, known: Collection[str]) -> str | None:
    """A hint for a name that is not known: the nearest one that is, else all of them, else nothing."""
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f'did you mean "{near[0]}"?'
    return f"known here: {', '.join(known)}" if known else None


def repeats(values: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Every value that was there before, with its position."""
    seen: set[str] = set()
    for position, value in enumerate(values):
        if value in seen:
            yield position, value
        seen.add(value)
