"""Which step to try next, so that few tries find the first bad one. Pure.

Steps are numbers from the good end, 0, to the bad one. A step is unknown, good, bad, or skipped: it can't be tried (it
can't be built or resolved, or its runs disagree).

Theory of operation. The state is only what is known of each step; where to look is computed from it each time. So it
does not matter how something became known: by a try, from the ledger, or because two steps have the same content. The
search is for a *neighbouring* pair as far as is known: the first bad step of all, and the last good one before it. The
unknown steps between them are tried, the middle one first. Each try moves one of the two ends inwards, or skips a step:
so the search ends after as many tries as there are steps between, and after the binary logarithm of that if nothing is
skipped.

Why the first bad step of all, and not any turn from good to bad: what broke may have been repaired later and broken
again. Then every turn is real, and the first one answers the question; later good steps are reported as relapses. It is
the first among the known steps: an earlier one that was never tried is not found, as with any bisection.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """What is known of a step."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"


class Between(NamedTuple):
    """Neighbours as far as is known: nothing between them is good or bad.

    Attributes:
        good: The last good step before `bad`.
        bad: The first bad one.
        untried: The unknown steps between them, ascending.
        skipped: The steps between them that can't be tried.
    """

    good: int
    bad: int
    untried: tuple[int, ...]
    skipped: tuple[int, ...]


def between(states: Mapping[int, State]) -> Between:
    """Where the first bad step is: after the last good one that is before every bad one.

    Args:
        states: The known steps; the first one, 0, is good, and at least one is bad.
    """
    bad = min(step for step, state in states.items() if state is State.BAD)
    good = max(step for step, state in states.items() if state is State.GOOD and step < bad)
    inner = range(good + 1, bad)
    untried = tuple(step for step in inner if step not in states)
    return Between(good, bad, untried, tuple(step for step in inner if step in states))


def next_try(states: Mapping[int, State]) -> int | None:
    """The step that halves what is left; None when nothing is left to try."""
    untried = between(states).untried
    return untried[len(untried) // 2] if untried else None


def tries_left(states: Mapping[int, State]) -> int:
    """How many more tries are needed at most, if none of them is skipped."""
    return len(between(states).untried).bit_length()


def relapses(states: Mapping[int, State]) -> tuple[int, ...]:
    """The good steps after the first bad one: what broke was fixed, and maybe broken again."""
    first = between(states).bad
    return tuple(sorted(step for step, state in states.items() if state is State.GOOD and step > first))
