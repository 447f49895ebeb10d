"""The compatibility table as one value: the source of every report, and the published JSON."""

from collections.abc import Mapping
from typing import Literal

from pydantic import AwareDatetime, Field

from interlock.common.frozen_model import FrozenModel
from interlock.model.verdicts import CellKey, Run, RunStatus, Verdict

# Evidence that a pair does not work; the other verdicts besides compatible only lack the evidence that it does.
SEEN_BROKEN = frozenset({Verdict.INCOMPATIBLE, Verdict.UNRESOLVABLE, Verdict.BROKEN_BEFORE})


class VersionRange(FrozenModel):
    """A run of neighbouring versions, both ends included, among those that were tested."""

    first: str
    last: str

    def __str__(self) -> str:
        return self.first if self.first == self.last else f"{self.first} – {self.last}"


class SharedWith(FrozenModel):
    """The cell whose run also speaks for this one, because their fingerprints are equal."""

    upstream_version: str
    downstream_version: str


class Cell(FrozenModel):
    """One upstream version with one downstream version.

    Attributes:
        declared: Whether the upstream version is inside the range that the downstream version declares; None when that
            is not known, since the downstream version can't be had.
        own_fault: Whether what is red here is red with every upstream version, controls included, and so not the fault
            of this pairing.
        run: The fingerprint of the run behind the verdict, a key of `MatrixReport.runs`.
        shared_with: The cell that was run for this one, or None when this one was run (or known) itself.
        regressed: Ids of the tests that are red here and not the downstream's own.
        own: Ids of the tests that are red with every upstream version.
        uncompared: Those of `regressed` that are green nowhere: which side is at fault is not known.
    """

    verdict: Verdict
    declared: bool | None
    own_fault: bool = False
    run: str | None = None
    shared_with: SharedWith | None = None
    regressed: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    uncompared: tuple[str, ...] = ()


class Control(FrozenModel):
    """A cell outside of the table, which was tried to learn which side is at fault.

    Attributes:
        as_of: Its third-party packages are those of this time; None for today's.
        run: The fingerprint of its run, a key of `MatrixReport.runs`.
    """

    upstream_version: str
    as_of: AwareDatetime | None = None
    status: RunStatus
    run: str


class DownstreamRow(FrozenModel):
    """One downstream version: what it declares beside what was proven.

    Attributes:
        declared: The specifier on the upstream, as `>=1.4.61,<2.0.0`; empty for any version, None for no requirement.
        missing: Why it can't be had, so that what it declares is not known; None when it can.
        proven: The upstream versions with which it works.
        falsely_allowed: Declared, and shown not to work.
        needlessly_forbidden: Shown to work, and not declared.
        controls: What else the row was judged by.
    """

    version: str
    declared: str | None
    missing: str | None = None
    proven: tuple[VersionRange, ...] = ()
    falsely_allowed: tuple[VersionRange, ...] = ()
    needlessly_forbidden: tuple[VersionRange, ...] = ()
    controls: tuple[Control, ...] = ()


class Regression(FrozenModel):
    """Something that works with one upstream version and not with the next that was tested.

    Attributes:
        test: The test's id, or None when the environment could not be made or the suite did not finish.
        error: The first line of what went wrong.
        downstream: The downstream versions that show it.
        good: The upstream version that works, of the table or a control.
        bad: Its neighbour of the table that doesn't; it may be the older one.
    """

    test: str | None
    error: str
    downstream: tuple[VersionRange, ...]
    good: str
    bad: str


class Sheet(FrozenModel):
    """The table of one edge: one suite, one Python, one point on the suite's axes.

    Attributes:
        python: The interpreter's full version, as `3.11.7`; or what was asked for when there is none.
        point: The value on each axis of the suite; empty for a suite without axes.
        allowed_to_fail: Why this point may fail without being counted, or None when it may not.
        upstream_versions: Ascending; the columns.
        rows: Ascending by version.
        cells: `cells[row][column]`.
    """

    upstream: str
    downstream: str
    suite: str
    python: str
    point: Mapping[str, str] = Field(default_factory=dict)
    allowed_to_fail: str | None = None
    upstream_versions: tuple[str, ...]
    rows: tuple[DownstreamRow, ...]
    cells: tuple[tuple[Cell, ...], ...]
    regressions: tuple[Regression, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether a red cell of this sheet counts."""
        return self.allowed_to_fail is None


class MissingRelease(FrozenModel):
    """A newest release that can't be had: no file that fits any of the Pythons, or one that is damaged."""

    package: str
    version: str
    reason: str


class Change(FrozenModel):
    """A cell with another verdict than in the last matrix that had it.

    Attributes:
        since: When that last matrix ended.
    """

    cell: CellKey
    before: Verdict
    after: Verdict
    since: AwareDatetime


class Totals(FrozenModel):
    """How the verdicts came about; all of these but `runs` count cells, and all but these and `controls` the table's.

    Attributes:
        runs: Runs recorded for this matrix: one for each cell that was run, two where they disagreed.
        run: Cells that were run for this matrix.
        shared: Cells that share the verdict of another cell of this matrix.
        known: Cells whose verdict the ledger knew.
        unrun: Cells in which nothing could be run.
        controls: Cells outside of the table that were tried too.
    """

    cells: int
    runs: int
    run: int
    shared: int
    known: int
    unrun: int
    controls: int = 0
    verdicts: Mapping[Verdict, int]


class MatrixReport(FrozenModel):
    """The compatibility table of a family, with everything needed to explain each cell of it.

    Attributes:
        format: The number of this form; it changes when a reader would have to.
        covers: What was asked for, for people.
        notes: What a reader must know of its making, such as pages read from a cache while offline.
        missing: The newest releases that can't be had, and are not left out in the family file.
        runs: By fingerprint, every run that a cell names.
    """

    format: Literal[1] = 1
    family: str
    covers: str
    started_at: AwareDatetime
    finished_at: AwareDatetime
    notes: tuple[str, ...] = ()
    sheets: tuple[Sheet, ...]
    missing: tuple[MissingRelease, ...] = ()
    runs: Mapping[str, Run]
    changes: tuple[Change, ...] = ()
    totals: Totals

    @property
    def undeclared(self) -> tuple[Sheet, ...]:
        """A sheet of each edge on which the newest downstream admits nothing of the table: nothing is proven of it."""
        edges: dict[tuple[str, str], list[Sheet]] = {}
        for sheet in self.sheets:
            if sheet.counts:
                edges.setdefault((sheet.upstream, sheet.downstream), []).append(sheet)
        return tuple(sheets[0] for sheets in edges.values() if not any(map(_is_covered, sheets)))

    @property
    def exit_code(self) -> int:
        """0 when something declared works, red there is its own fault, and no newest release is missing or unproven."""
        counted = [cell for sheet in self.sheets if sheet.counts for row in sheet.cells for cell in row]
        declared = [cell for cell in counted if cell.declared]
        blamed = [cell for cell in declared if not cell.own_fault and cell.verdict is not Verdict.COMPATIBLE]
        works = any(cell.verdict is Verdict.COMPATIBLE for cell in declared)
        return 0 if works and not (blamed or self.missing or self.undeclared) else 1


def _is_covered(sheet: Sheet) -> bool:
    """Whether a pair of the newest row is declared, or none could be: it does not require the upstream."""
    return not sheet.rows or sheet.rows[-1].declared is None or any(cell.declared for cell in sheet.cells[-1])
