"""The subjects of a verification: the ref, its baseline, and what is tested of each downstream."""

from pathlib import Path

from interlock.adapters.index.client import Release
from interlock.common.frozen_model import FrozenModel
from interlock.contracts.verify.request import ContractsRequest


class Side(FrozenModel):
    """One distribution of the comparison: a candidate, or a release of the index.

    Attributes:
        described: For people: `1.4.61`, or `branch base (0123456789ab)`.
        named: The REF by which `interlock contracts` finds it again: a SHA, a version or a path.
    """

    release: Release
    described: str
    named: str

    @property
    def version(self) -> str:
        """The version under which the ledger has its cells."""
        return str(self.release.version)


class Downstream(FrozenModel):
    """What is tested of a downstream.

    Attributes:
        unproven: Whether no suite of it tests the upstream.
        sides: Its releases that count, and its default branch, as far as they are available.
        trouble: Why its default branch can't be tested, or None.
        notes: What else a reader must know.
    """

    name: str
    unproven: bool = False
    sides: tuple[Side, ...] = ()
    trouble: str | None = None
    notes: tuple[str, ...] = ()


class ComparedBuilds(FrozenModel):
    """The ref of an upstream beside its baseline.

    Attributes:
        baseline: None when there is nothing to compare with: no release yet.
        notes: What else a reader must know.
    """

    upstream: str
    ref: Side
    baseline: Side | None
    notes: tuple[str, ...] = ()

    @property
    def releases(self) -> tuple[Release, ...]:
        """Both releases, the baseline first."""
        return (self.baseline.release, self.ref.release) if self.baseline else (self.ref.release,)

    def command(self, request: ContractsRequest, downstream: str, python: str) -> str:
        """The command that runs the cells of a downstream on the reader's machine."""
        # A folder's parent may be in its own Git alone; there, it is found again.
        is_folder = Path(self.ref.named).is_absolute()
        baseline = request.baseline if is_folder or self.baseline is None else self.baseline.named
        return request.of_cell(self.ref.named, baseline, downstream, python).command
