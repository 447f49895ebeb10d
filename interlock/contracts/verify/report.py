"""What a ref of an upstream does to its downstreams, as one value: the source of every report and status."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, Self

from pydantic import AwareDatetime

from interlock.common.frozen_model import FrozenModel
from interlock.contracts.schema import ContractChange, Use
from interlock.model.suites import UNPROVEN
from interlock.model.verdicts import Verdict


class Conclusion(StrEnum):
    """The conclusion about a cell, a downstream, or the whole; unproven is a downstream without a suite."""

    SUCCESS = "success"
    UNPROVEN = "unproven"
    FAILURE = "failure"
    ERROR = "error"
    SKIPPED = "skipped"


class RedTest(FrozenModel):
    """A test that is red with the ref and was not with the baseline.

    Attributes:
        error: The first line of the error.
    """

    id: str
    error: str | None = None


class CellResult(FrozenModel):
    """One suite of one downstream with the ref, beside the baseline.

    Attributes:
        downstream_version: As `0.8.70`, or `0.8.70+g0123456789ab` of its default branch.
        side: The release or branch of the downstream, for people: `0.8.70`, or `branch base (0123456789ab)`.
        verdict: With the ref; broken-before when it is red in the same way with the baseline.
        baseline: With the baseline; None when there is none.
        regressed: The tests that are red with the ref alone.
        reason: Why nothing could be run, or the suite did not end, in a line; empty when it did.
        run: The fingerprint of the run behind the verdict.
        reproduce: One command that runs this cell on the reader's machine.
    """

    downstream: str
    downstream_version: str
    side: str
    suite: str
    python: str
    point: Mapping[str, str] = {}
    allowed_to_fail: str | None = None
    verdict: Verdict
    baseline: Verdict | None
    regressed: tuple[RedTest, ...] = ()
    reason: str = ""
    run: str | None = None
    reproduce: str

    @property
    def conclusion(self) -> Conclusion:
        """Failure when something regressed; error when the result is unknown; unproven without a suite."""
        found = self._judged
        return Conclusion.UNPROVEN if self.suite == UNPROVEN.name and found is not Conclusion.FAILURE else found

    @property
    def _judged(self) -> Conclusion:
        if self.allowed_to_fail is not None or self.verdict in {Verdict.COMPATIBLE, Verdict.BROKEN_BEFORE}:
            return Conclusion.SUCCESS
        if self.verdict in {Verdict.INCOMPATIBLE, Verdict.UNRESOLVABLE, Verdict.TIMED_OUT}:
            return Conclusion.SUCCESS if self.baseline is self.verdict and not self.regressed else Conclusion.FAILURE
        return Conclusion.ERROR


class DownstreamResult(FrozenModel):
    """One downstream: its cells, or why it could not be tested.

    Attributes:
        unproven: Whether it has no suite that tests the upstream, and was only installed and imported.
        trouble: Why there are no cells, such as a default branch that can't be built.
    """

    downstream: str
    unproven: bool = False
    cells: tuple[CellResult, ...] = ()
    trouble: str | None = None

    @property
    def conclusion(self) -> Conclusion:
        """The worst of its cells; one without a suite can break, and is unproven else."""
        found = {cell.conclusion for cell in self.cells}
        if Conclusion.FAILURE in found:
            return Conclusion.FAILURE
        if self.unproven:
            return Conclusion.UNPROVEN
        return Conclusion.ERROR if self.trouble or not found or Conclusion.ERROR in found else Conclusion.SUCCESS


class ContractsReport(FrozenModel):
    """What a ref of an upstream does to its downstreams.

    Attributes:
        format: The number of this form; it changes when a reader would have to.
        ref: The ref, for people: `pull request 12 (0123456789ab)`.
        sha: The commit; None for a folder with changes.
        version: The version under which the ledger has the cells.
        pull: The pull request on which it is published.
        baseline: The baseline, for people.
        change: The change of the contract; None when it could not be exported.
        skipped: Why nothing was run, or None.
        notes: What else a reader must know.
    """

    format: Literal[1] = 1
    family: str
    upstream: str
    repository: str
    ref: str
    sha: str | None
    version: str
    pull: int | None = None
    baseline: str
    downstreams: tuple[DownstreamResult, ...] = ()
    change: ContractChange | None = None
    skipped: str | None = None
    notes: tuple[str, ...] = ()
    started_at: AwareDatetime
    finished_at: AwareDatetime

    def noting(self, *notes: str) -> Self:
        """A copy with more notes at the end."""
        return self.model_copy(update={"notes": (*self.notes, *notes)})

    def uses(self, downstream: str) -> Mapping[str, Use]:
        """What each changed element of the contract is to a downstream."""
        return self.change.uses.get(downstream, {}) if self.change else {}

    @property
    def conclusion(self) -> Conclusion:
        """The worst of the downstreams, where unproven ones do no harm; skipped when nothing was run."""
        if self.skipped:
            return Conclusion.SKIPPED
        found = {each.conclusion for each in self.downstreams}
        return next((each for each in (Conclusion.FAILURE, Conclusion.ERROR) if each in found), Conclusion.SUCCESS)

    @property
    def exit_code(self) -> int:
        """0 when nothing regressed, 1 when something did, 2 when that is not known."""
        return {Conclusion.FAILURE: 1, Conclusion.ERROR: 2}.get(self.conclusion, 0)
