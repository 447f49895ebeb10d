"""Errors without what differs from run to run, so that equal errors are equal texts: they are compared and counted."""

import re
from pathlib import Path

from interlock.model.verdicts import TestResult

CELL = "<cell>"
# A path that was cut off, a folder of `tempfile`, an address in a `repr`, a time that something took. Texts that are
# about other numbers stay as they are.
_CHANGING = (
    (re.compile(r"/[^\s'\"<>]*/interlock-cell-\w*(?:/cell)?"), CELL),
    (re.compile(r"\btmp[a-z0-9_]{8}\b"), "tmp…"),
    (re.compile(r"\b0x[0-9a-fA-F]{6,16}\b"), "0x…"),
    (re.compile(r"\b\d+\.\d+ ?(s|ms|us|µs|ns|sec|seconds|milliseconds)\b"), r"… \1"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uuid>"),
)


def without_cell(text: str, cell: Path) -> str:
    """A text in which the folder of the cell has a name that is always the same."""
    return text.replace(str(cell), CELL)


def stable(text: str | None, cell: Path) -> str | None:
    """The text of an error without the cell's folder, random names, addresses and times."""
    if text is None:
        return None
    text = without_cell(text, cell)
    for changing, instead in _CHANGING:
        text = changing.sub(instead, text)
    return text


def stable_test(test: TestResult, cell: Path) -> TestResult:
    """A test with a stable error."""
    return test.model_copy(update={"error": stable(test.error, cell)}) if test.error else test
