"""Equal errors are equal texts, and different ones stay different."""

from pathlib import Path

import pytest

from interlock.cells.stable_text import stable, stable_test
from interlock.model.verdicts import TestOutcome
from tests.support.matrix_values import a_test

CELL = Path("/tmp/interlock-cell-rwg8pp5w/cell")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"cannot import name 'A' ({CELL}/environment/a.py)", "cannot import name 'A' (<cell>/environment/a.py)"),
        ("no such file: '/var/tmp/interlock-cell-abcdefgh/cell/tmp/x'", "no such file: '<cell>/tmp/x'"),
        ("cut off at /tmp/interlock-cell-ab", "cut off at <cell>"),
        (f"{CELL}/tmp/tmpab12_x9z/f is missing", "<cell>/tmp/tmp…/f is missing"),
        ("<acme.Thing object at 0x7f8fb2c4ba50> is not it", "<acme.Thing object at 0x…> is not it"),
        ("no tests ran in 0.07s", "no tests ran in … s"),
        ("it took 12.5 ms", "it took … ms"),
        ("id 123e4567-e89b-12d3-a456-426614174000", "id <uuid>"),
    ],
)  # fmt: skip
def test_what_differs_from_run_to_run_is_taken_out(text: str, expected: str) -> None:
    assert stable(text, CELL) == expected


@pytest.mark.parametrize(
    "text",
    [
        "assert 2 == 1",
        "assert 0x10 == 0xff",
        "assert 0.5 == 0.25",
        "requires core>=1.5, found 1.4.2",
        "not finished after 5 s",
        "tmp is not a module",
        "/usr/lib/python3/cell",
    ],
)
def test_what_an_error_is_about_stays(text: str) -> None:
    assert stable(text, CELL) == text


def test_a_test_has_a_stable_error_or_none() -> None:
    assert stable(None, CELL) is None
    green = a_test("t")
    assert stable_test(green, CELL) is green
    red = a_test("t", TestOutcome.FAILED).model_copy(update={"error": f"{CELL}: 0x7f8fb2c4ba50"})
    assert stable_test(red, CELL).error == "<cell>: 0x…"
