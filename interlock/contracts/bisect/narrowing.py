"""Which of many to try next, so that the first bad one is found by few tries. Pure.

Steps are numbers from the good end, 0, to the bad one. Of each step nothing is known yet, or it is good, bad, or
skipped: it can't be tried (it can't be built or resolved, or its runs disagree).

Theory of operation. The state is only what is known of each step; where to look is computed from it each time. So it
does not matter how something became known: by a try, by the ledger, or since a step has the content of another one. The
search is for a *neighbouring* pair as far as is known: the first bad step of all, and the last good one before it. What
lies between them and is not known is tried, the middle one first. Each try moves one of the two ends inwards, or takes
a skipped step out of what is left: so it ends after as many tries as there are steps between, and after the binary
logarithm of these where nothing is skipped.

Why the first bad step of all, and not any turn from good to bad: what broke may have been repaired later and broken
again. Then every turn is true, and the first one is what is asked for; later good steps are reported as relapses. It is
the first among what is known: an earlier one that nobody had reason to try is not found, as with any bisection.
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
