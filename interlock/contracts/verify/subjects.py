"""What takes part in a comparison: the ref, what it is compared with, and what of each downstream is tested."""

import shlex

from interlock.adapters.index.client import Release
from interlock.common.frozen_model import FrozenModel


class Side(FrozenModel):
    """One distribution that takes part: a candidate that was built, or a release of the index.

    Attributes:
        described: What it is, for people: `1.4.61`, or `branch base (0123456789ab)`.
        named: By which `interlock contracts` finds it again: a SHA, a version or a path.
    """

    release: Release
    described: str
    named: str

    @property
    def version(self) -> str:
        """Under which the ledger has its cells."""
        return str(self.release.version)


class Downstream(FrozenModel):
    """What of a downstream is tested.

    Attributes:
        sides: Its newest release, and its default branch, as far as they can be had.
        trouble: Why its default branch can't be tested, or None.
        notes: What a reader must know beside.
    """

    name: str
    sides: tuple[Side, ...] = ()
    trouble: str | None = None
    notes: tuple[str, ...] = ()


class ComparedBuilds(FrozenModel):
    """The ref of an upstream beside its baseline.

    Attributes:
        baseline: None when there is nothing to compare with: no release yet.
        notes: What a reader must know beside.
    """

    upstream: str
    ref: Side
    baseline: Side | None
    notes: tuple[str, ...] = ()

    @property
    def releases(self) -> tuple[Release, ...]:
        """Of both, the baseline first."""
        return (self.baseline.release, self.ref.release) if self.baseline else (self.ref.release,)

    def command(self, downstream: str, python: str) -> str:
        """The command with which anybody runs the cells of a downstream on their own machine."""
        against = ["--against", self.baseline.named] if self.baseline else []
        options = ["--of", self.upstream, "--downstream", downstream, *against, "--python", python, "--no-tell"]
        return shlex.join(["interlock", "contracts", self.ref.named, *options])
