"""Which of many to try next, so that the first bad one is found by few tries. Pure.

Steps are numbers from the good end to the bad one. What is known, by whatever means, narrows them; what can't be tried
is skipped, and the search goes on around it.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """What a step was seen to be."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"


class Between(NamedTuple):
    """Neighbours as far as is known: nothing between them is good or bad.

    Attributes:
        good: The last good one before `bad`.
        bad: The first bad one.
        untried: Those between, ascending, of which nothing is known.
        skipped: Those between that can't be tried.
    """

    good: int
    bad: int
    untried: tuple[int, ...]
    skipped: tuple[int, ...]


def between(states: Mapping[int, State]) -> Between:
    """Where the first bad one is: after the last good one that is before every bad one.

    Args:
        states: Of what is known; the first of the steps, 0, is good, and one is bad at least.
    """
    bad = min(step for step, state in states.items() if state is State.BAD)
    good = max(step for step, state in states.items() if state is State.GOOD and step < bad)
    inner = range(good + 1, bad)
    untried = tuple(step for step in inner if step not in states)
    return Between(good, bad, untried, tuple(step for step in inner if step in states))


def next_try(states: Mapping[int, State]) -> int | None:
    """The step that halves what is left; None when nothing is left to be tried."""
    untried = between(states).untried
    return untried[len(untried) // 2] if untried else None


def tries_left(states: Mapping[int, State]) -> int:
    """How many more tries it takes at most, if each of them can be made."""
    return len(between(states).untried).bit_length()


def relapses(states: Mapping[int, State]) -> tuple[int, ...]:
    """Good ones after the first bad one: what broke was mended, and maybe broken again."""
    first = between(states).bad
    return tuple(sorted(step for step, state in states.items() if state is State.GOOD and step > first))
