"""The first bad one is found, by few tries, whatever can't be tried and whatever is known already."""

import math

from hypothesis import given
from hypothesis import strategies as st

from interlock.contracts.bisect.narrowing import State, between, next_try, relapses, tries_left

GOOD, BAD, SKIP = State.GOOD, State.BAD, State.SKIP


@st.composite
def a_line(draw: st.DrawFn) -> tuple[list[State], int]:
    """Good ones, then bad ones, and among them some that can't be tried; and which is the first bad one."""
    length = draw(st.integers(2, 120))
    first = draw(st.integers(1, length - 1))
    line = [BAD if number >= first else GOOD for number in range(length)]
    for number in draw(st.sets(st.integers(1, length - 1))):
        if 0 < number < length - 1:
            line[number] = SKIP
    return line, first


def found_in(line: list[State], known: dict[int, State]) -> tuple[dict[int, State], int]:
    """Search a line; what is known at its end, and how many tries it took."""
    states, tries = {0: line[0], len(line) - 1: line[-1], **known}, 0
    while (number := next_try(states)) is not None:
        assert number not in states
        states[number] = line[number]
        tries += 1
    return states, tries


@given(a_line())
def test_the_first_bad_one_is_found_or_among_those_that_cannot_be_tried(made: tuple[list[State], int]) -> None:
    line, first = made
    states, _tries = found_in(line, {})
    good, bad, untried, skipped = between(states)
    assert untried == ()
    assert (line[good], line[bad]) == (GOOD, BAD)
    assert good < first <= bad
    assert all(line[number] is SKIP for number in skipped)
    assert skipped == tuple(range(good + 1, bad))


@given(st.integers(2, 400), st.data())
def test_it_takes_no_more_tries_than_halving_does(length: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, length - 1))
    line = [BAD if number >= first else GOOD for number in range(length)]
    states, tries = found_in(line, {})
    assert between(states)[:2] == (first - 1, first)
    assert tries <= math.ceil(math.log2(length)) + 1


@given(a_line())
def test_each_that_cannot_be_tried_costs_one_try_at_most(made: tuple[list[State], int]) -> None:
    line, _first = made
    states, tries = found_in(line, {})
    skipped = sum(state is SKIP for state in states.values())
    assert tries <= math.ceil(math.log2(len(line))) + 1 + skipped


@given(a_line(), st.data())
def test_what_is_known_costs_nothing_and_changes_nothing(made: tuple[list[State], int], data: st.DataObject) -> None:
    line, _first = made
    known = data.draw(st.sets(st.integers(0, len(line) - 1)))
    states, tries = found_in(line, {number: line[number] for number in known})
    plain, most = found_in(line, {})
    assert between(states)[:2] == between(plain)[:2]
    assert tries <= most + sum(line[number] is SKIP for number in known) + 1


@given(a_line())
def test_the_number_of_tries_that_is_told_is_kept(made: tuple[list[State], int]) -> None:
    line, _first = made
    if SKIP not in line:
        states = {0: GOOD, len(line) - 1: BAD}
        told = tries_left(states)
        assert found_in(line, {})[1] <= told


@given(st.lists(st.sampled_from(State), min_size=0, max_size=40))
def test_of_a_line_that_wavers_a_good_one_with_its_bad_neighbour_is_found(inner: list[State]) -> None:
    line = [GOOD, *inner, BAD]
    states, _tries = found_in(line, {})
    good, bad, _untried, skipped = between(states)
    assert (line[good], line[bad]) == (GOOD, BAD)
    assert skipped == tuple(range(good + 1, bad))


def test_what_is_good_again_later_is_told() -> None:
    states = {0: GOOD, 3: BAD, 4: GOOD, 6: SKIP, 7: GOOD, 9: BAD}
    assert between(states) == (0, 3, (1, 2), ())
    assert relapses(states) == (4, 7)


def test_the_middle_is_tried_first() -> None:
    assert next_try({0: GOOD, 8: BAD}) == 4
    assert next_try({0: GOOD, 4: BAD, 8: BAD}) == 2
    assert next_try({0: GOOD, 1: BAD}) is None
