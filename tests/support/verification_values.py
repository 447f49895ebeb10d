"""Makes what a verification compares, each with everything that a test does not speak of."""

from collections.abc import Mapping, Sequence

from packaging.version import Version

from interlock.adapters.index.client import Release
from interlock.contracts.verify.assemble import results
from interlock.contracts.verify.report import DownstreamResult
from interlock.contracts.verify.request import ContractsRequest
from interlock.contracts.verify.subjects import ComparedBuilds, Downstream, Side
from interlock.matrix.assemble import MatrixMetadata, assemble
from interlock.matrix.executor import ExecutedCells
from interlock.matrix.plan import Plan, PlannedRow, PlannedSheet
from interlock.model.verdicts import Run
from tests.support.matrix_values import INTERPRETER, START, a_cell, a_suite, an_edge

BASELINE, REF = "1.0", "1.0+g0123456789ab"
SHA = "0123456789ab" + 28 * "c"


def a_side(version: str, package: str = "core", described: str | None = None, named: str | None = None) -> Side:
    release = Release(package=package, version=Version(version))
    return Side(release=release, described=described or version, named=named or version)


REQUEST = ContractsRequest(upstream="core", ref="topic")
COMPARED = ComparedBuilds(upstream="core", ref=a_side(REF, named=SHA), baseline=a_side(BASELINE))
ALONE = ComparedBuilds(upstream="core", ref=a_side(REF, named=SHA), baseline=None)
RELEASE = a_side("2.0", "pipeline")
BRANCH = a_side("2.0+gfedcba987654", "pipeline", "branch main (fedcba987654)")


def judged(
    *rows: Sequence[Run],
    compared: ComparedBuilds = COMPARED,
    tested: Downstream | None = None,
    suite: Mapping[str, object] | None = None,
    point: Mapping[str, str] | None = None,
    request: ContractsRequest = REQUEST,
) -> DownstreamResult:
    """What is said of a downstream whose cells had these runs: for each of its sides, one with each column."""
    tested = tested or Downstream(name="pipeline", sides=(RELEASE, BRANCH)[: len(rows)])
    columns = [str(release.version) for release in compared.releases]
    planned, fingerprints, runs = [], [], {}
    for number, (side, row) in enumerate(zip(tested.sides, rows, strict=True)):
        cells = tuple(a_cell(f"{number}-{column}", column, side.version) for column in columns)
        planned.append(PlannedRow(version=side.version, declared="", cells=cells))
        for cell, run in zip(cells, row, strict=True):
            assert cell.recipe is not None
            fingerprints.append(cell.recipe.fingerprint)
            runs[cell.recipe.fingerprint] = (run.model_copy(update={"fingerprint": cell.recipe.fingerprint}),)
    sheet = PlannedSheet(
        edge=an_edge(a_suite(**(suite or {}))),
        interpreter=INTERPRETER,
        point=point or {},
        upstream_versions=tuple(columns),
        rows=tuple(planned),
    )
    plan = Plan(sheets=(sheet,) if rows else ())
    settled = ExecutedCells(fingerprints=tuple(fingerprints), runs=runs, known=frozenset(), suites_run=len(runs))
    report = assemble(plan, settled, MatrixMetadata(family="trains", covers="core", started_at=START))
    (found,) = results(request, compared, [tested], plan, report)
    return found
