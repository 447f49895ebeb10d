"""The values of an admission: the answer, and the evidence for it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime

from interlock.common.frozen_model import FrozenModel
from interlock.model.verdicts import CellKey, Verdict


class Answer(StrEnum):
    """May it be released?"""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    @property
    def exit_code(self) -> int:
        """The exit code of `interlock check`."""
        return {Answer.YES: 0, Answer.NO: 1, Answer.UNKNOWN: 2}[self]


class Shown(FrozenModel):
    """What the ledger knows of a cell.

    Attributes:
        at: When the verdict was recorded.
        red: The red tests in the order in which they ran, with the first line of the error.
        crashed: Those in which the run ended before all of its tests had.
    """

    verdict: Verdict
    at: AwareDatetime
    red: Mapping[str, str | None] = {}
    crashed: frozenset[str] = frozenset()


class Evidence(FrozenModel):
    """What is known of one requested cell.

    Attributes:
        known: With the requested version; None when it was never run.
        before: With the last release of the upstream; None when that was never run, or there is none.
        allowed_to_fail: Why the cell is not counted, or None when it is.
    """

    cell: CellKey
    known: Shown | None = None
    before: Shown | None = None
    allowed_to_fail: str | None = None


class CellSaid(FrozenModel):
    """One cell, and what it says.

    Attributes:
        says: None when it says nothing: it is not counted, or red by no fault of this version.
        why: In words.
    """

    evidence: Evidence
    says: Answer | None
    why: str


class Admission(FrozenModel):
    """Whether a version of a package may be released, by what the ledger knows.

    Attributes:
        format: The number of this form; it changes when a reader would have to.
        described: The requested version or commit, for people: `1.4.61`, or `branch main (0123456789ab)`.
        sha: The commit, if one was requested.
        version: The version under which the ledger has its cells; None when it has none.
        before: The last release before it.
        cells: Every requested cell, and what it says.
        why: The reason, in a line.
        notes: What else a reader must know.
    """

    format: Literal[1] = 1
    package: str
    described: str
    sha: str | None = None
    version: str | None = None
    before: str | None = None
    answer: Answer
    why: str
    cells: tuple[CellSaid, ...] = ()
    notes: tuple[str, ...] = ()

    def saying(self, answer: Answer | None) -> tuple[CellSaid, ...]:
        """The cells that say so."""
        return tuple(cell for cell in self.cells if cell.says is answer)
