"""The outcome of a run, and the verdict of a cell."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import AwareDatetime

from interlock.common.frozen_model import FrozenModel


class Verdict(StrEnum):
    """The verdict of a cell; reports, the ledger and exit codes use these words."""

    COMPATIBLE = "compatible"
    INCOMPATIBLE = "incompatible"
    BROKEN_BEFORE = "broken-before"
    OUTDATED = "outdated-environment"
    UNRESOLVABLE = "unresolvable"
    UNTESTED = "untested"
    TIMED_OUT = "timed-out"
    FLAKY = "flaky"


class RunStatus(StrEnum):
    """What one run of a suite showed, before it is compared with other runs."""

    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed-out"
    UNRESOLVABLE = "unresolvable"
    UNTESTED = "untested"


def point_text(point: Mapping[str, str]) -> str:
    """A point on a suite's axes as it is part of a cell's name: `bus_backend=redis,schema_track=v1`."""
    return ",".join(f"{axis}={value}" for axis, value in sorted(point.items()))


class CellKey(FrozenModel):
    """The key of a cell, the same in all matrices.

    Attributes:
        python: The Python version of the family file, as `3.11`.
        point: The point on the suite's axes, as `point_text` writes it; empty without axes.
    """

    upstream: str
    upstream_version: str
    downstream: str
    downstream_version: str
    suite: str
    python: str
    point: str = ""


class TestOutcome(StrEnum):
    """How one test ended, in pytest's words."""

    __test__ = False

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    CRASHED = "crashed"  # the run ended there, before all tests had: of the others it shows nothing
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    NEEDS_EXTRA = "needs-extra"  # a module that imports what an extra of its distribution alone brings

    @property
    def is_red(self) -> bool:
        """Whether this outcome counts against the tested combination."""
        return self in {TestOutcome.FAILED, TestOutcome.ERROR, TestOutcome.CRASHED, TestOutcome.NEEDS_EXTRA}


class TestResult(FrozenModel):
    """One test of a suite, or one module of an `imports` suite.

    Attributes:
        id: The test's node id, or the module's name.
        seconds: Set-up, call and tear-down together.
        error: The first line of what went wrong, as `NameError: name 'x' is not defined`.
    """

    __test__ = False

    id: str
    outcome: TestOutcome
    seconds: float = 0.0
    error: str | None = None


class Run(FrozenModel):
    """One run of a suite in one environment, as the ledger keeps it.

    Attributes:
        fingerprint: Hex digest of everything that can change the outcome.
        status: The outcome.
        reason: One line for a status other than passed: uv's words, the time limit, why nothing was tested.
        tests: Every test that ran, in the order in which they ran.
        seconds: Wall time of the suite, without building its environment.
        lock: The resolved environment, one `name==version` an entry, sorted.
        reads: Family packages with a version that the suite read; the verdict holds for these versions only.
        log: The end of the run's output.
        started_at: When the run started.
        confirmed: Whether a second run in a fresh environment had the same red tests (always true for a green run).
    """

    fingerprint: str
    status: RunStatus
    reason: str | None = None
    tests: tuple[TestResult, ...] = ()
    seconds: float = 0.0
    lock: tuple[str, ...] = ()
    reads: frozenset[str] = frozenset()
    log: str = ""
    started_at: AwareDatetime
    confirmed: bool = True

    @property
    def red_tests(self) -> tuple[TestResult, ...]:
        """The tests that failed or could not be run."""
        return tuple(test for test in self.tests if test.outcome.is_red)

    def agrees_with(self, other: "Run") -> bool:
        """Whether both runs have the same status and the same red tests."""
        return self.status is other.status and {t.id for t in self.red_tests} == {t.id for t in other.red_tests}
