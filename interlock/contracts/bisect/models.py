"""The request and the result of a bisection."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import Field

from interlock.common.frozen_model import FrozenModel
from interlock.contracts.bisect.judge import JudgedSheet
from interlock.matrix.request import DEFAULT_JOBS, MOST_JOBS
from interlock.model.requirements import MemberName


class Find(StrEnum):
    """What a bisection looks for: where a suite breaks, or from where on it works, as for a lower bound."""

    FIRST_BAD = "first-bad"
    FIRST_GOOD = "first-good"


class BisectRequest(FrozenModel):
    """The parameters of a bisection, as the command line and the form in Prefect's UI give them."""

    upstream: MemberName = Field(description="The package of which a version or commit broke something.")
    downstream: MemberName = Field(description="The package whose suite it broke.")
    good: str = Field(description="A REF of the upstream that works: a version, branch, tag or SHA.")
    bad: str = Field(description="A REF of the upstream that does not; a later one, for the first good an earlier one.")
    find: Find = Field(default=Find.FIRST_BAD, description="The first version that breaks it, or the first that works.")
    suite: str | None = Field(default=None, description="Only this suite of the downstream. Default: all of them.")
    downstream_version: str | None = Field(default=None, description="Of the downstream. Default: its newest release.")
    python: tuple[str, ...] = Field(default=(), description="Python versions. Default: those of the family file.")
    jobs: int = Field(default=DEFAULT_JOBS, ge=1, le=MOST_JOBS, description="How many cells run side by side.")
    family: str | None = Field(default=None, description="The family file. Default: the one in use on this machine.")

    @property
    def family_path(self) -> Path | None:
        """The family file, where one is named."""
        return Path(self.family) if self.family else None

    @property
    def ends(self) -> tuple[str, str]:
        """Both ends, the older one first."""
        return (self.good, self.bad) if self.find is Find.FIRST_BAD else (self.bad, self.good)

    @property
    def title(self) -> str:
        """The search in one line, for people."""
        return f"{self.upstream} {' … '.join(self.ends)} × {self.downstream}"


class Step(FrozenModel):
    """A version or a commit of the upstream.

    Attributes:
        name: The version, or the SHA.
        subject: The first line of a commit's message; empty for a version.
    """

    name: str
    subject: str = ""

    def __str__(self) -> str:
        short = self.name[:12] if self.subject else self.name
        return f"{short} {self.subject}".rstrip()


class Skipped(FrozenModel):
    """A step that can't be tried, and why."""

    step: Step
    why: str


class Broken(FrozenModel):
    """What is red with the first bad step and was not with the last good one.

    Attributes:
        tests: Each with the first line of its error; empty when the suite could not be run, or did not end.
        reason: Why it could not be run, or did not end.
    """

    sheet: JudgedSheet
    tests: Mapping[str, str | None] = {}
    reason: str = ""


class Bisection(FrozenModel):
    """The neighbouring good and bad steps, as seen from the good end: where that is the newer one, read them backwards.

    Attributes:
        format: The number of this form; it changes when a reader would have to.
        find: What was looked for: the first bad step, or the first good one, which is `last_good` then.
        last_good: The last good step before `first_bad`.
        first_bad: The first step that is known to be bad.
        unsure: The steps between the two that can't be tried: the one that is looked for may be one of them.
        skipped: All steps that can't be tried.
        relapses: Steps beyond `first_bad` that are good again.
        steps: The number of steps from the good end to the bad one, both included.
        runs: How often a suite was run.
        reproduce: One command that shows it on the reader's machine.
    """

    format: Literal[1] = 1
    find: Find = Find.FIRST_BAD
    upstream: str
    downstream: str
    downstream_version: str
    last_good: Step
    first_bad: Step
    unsure: tuple[Step, ...] = ()
    broken: tuple[Broken, ...]
    skipped: tuple[Skipped, ...] = ()
    relapses: tuple[Step, ...] = ()
    steps: int
    runs: int
    notes: tuple[str, ...] = ()
    reproduce: str

    @property
    def exit_code(self) -> int:
        """0 when it is certain, 1 when it may be one of several."""
        return 1 if self.unsure else 0
