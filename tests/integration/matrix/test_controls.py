"""Versions outside of the table say whose fault a red row is; resolved by the real uv, with scripted suites."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from interlock.cells.recipe import Recipe
from interlock.matrix.context import MatrixContext
from interlock.matrix.report import DownstreamRow, MatrixReport
from interlock.matrix.request import MatrixRequest
from interlock.matrix.run import CellRunner, make_matrix
from interlock.model.family import Family
from interlock.model.verdicts import Run, RunStatus, Verdict
from tests.support.example_family import PYTHON
from tests.support.matrix_values import a_run
from tests.support.universe import Universe, open_universe
from tests.support.universe.connected import connected

BAD, OWN, OUTDATED = Verdict.INCOMPATIBLE, Verdict.BROKEN_BEFORE, Verdict.OUTDATED
RELEASED = datetime(2022, 6, 1, tzinfo=UTC)
FAMILY = Family.model_validate(
    {
        "name": "controls",
        "python": [PYTHON],
        "packages": {
            "core": {},
            "board": {"upstreams": ["core"], "suites": [{"name": "imports", "imports": {"modules": ["board"]}}]},
        },
    }
)
# By the board's version: what of the environment makes it red.
BREAKS_AT_14, FAULTY, ROTS, PINNED, ROTS_LATER = "2.0", "2.1", "2.2", "2.3", "3.0"


def is_red(board: str, core: str, tools: set[str]) -> bool:
    """Whether a board is red with a core and a tool."""
    return {
        BREAKS_AT_14: core >= "1.4",
        FAULTY: True,
        ROTS: tools == {"tool==2.0"},
        ROTS_LATER: "tool==2.0" in tools,
        PINNED: core != "1.1",
    }[board]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Universe]:
    with open_universe(tmp_path_factory.mktemp("controls") / "index") as opened:
        for number in range(6):
            uploaded = opened.wheel("core", f"1.{number}", {"core/__init__.py": f"N = {number}"})
            at(uploaded, RELEASED.replace(year=2021 if number < 3 else 2024))
        for version, year in (("1.0", 2021), ("2.0", 2024)):
            at(opened.wheel("tool", version), RELEASED.replace(year=year))
        # Passed over for its wheel; its sdist came later, and is not built.
        at(opened.wheel("tool", "1.5", tag="cp27-cp27m-win32"), RELEASED.replace(year=2021))
        at(opened.sdist("tool", "1.5", {"setup.py": "raise SystemExit"}), RELEASED.replace(year=2024))
        for version in (BREAKS_AT_14, FAULTY, ROTS):
            at(opened.wheel("board", version, requires=["core>=1.0", "tool"]), RELEASED)
        at(opened.wheel("board", PINNED, requires=["core==1.1"]), RELEASED)
        at(opened.wheel("board", ROTS_LATER, requires=["core>=1.0", "tool", "late"]), RELEASED)
        at(opened.wheel("late", "1.0"), RELEASED.replace(year=2023))
        at(opened.wheel("board", "3.1", requires=["core>=1.0"]), RELEASED.replace(year=2023, month=9))
        yield opened


def at(path: Path, when: datetime) -> None:
    """Let the index say that a file was uploaded then."""
    os.utime(path, (when.timestamp(), when.timestamp()))


@contextlib.asynccontextmanager
async def scripted(_context: MatrixContext, request: MatrixRequest) -> AsyncIterator[CellRunner]:
    async def run(recipe: Recipe) -> tuple[Run, ...]:
        versions = {wheel.name: str(wheel.version) for wheel in recipe.wheels}
        red = is_red(versions["board"], versions["core"], {str(pin) for pin in recipe.lock.pins})
        status = RunStatus.FAILED if red else RunStatus.PASSED
        shown = a_run(status, red=["t"][:red], green=["t"][red:], reads=["core", "board"])
        return (shown.model_copy(update={"lock": recipe.environment_lines}),)

    yield CellRunner(run=run, jobs=request.jobs)


def made(
    world: Universe, cache: Path, *, upstream: str = "latest:2", downstream: str = "<3", family: Family = FAMILY
) -> MatrixReport:
    async def done() -> MatrixReport:
        request = MatrixRequest(upstream_versions=upstream, downstream_versions=downstream)
        async with connected(world, family, cache) as context:
            return await make_matrix(context, request, cells=scripted)

    return asyncio.run(done())


def row_of(report: MatrixReport, version: str) -> tuple[DownstreamRow, list[Verdict]]:
    (sheet,) = report.sheets
    number = [row.version for row in sheet.rows].index(version)
    return sheet.rows[number], [cell.verdict for cell in sheet.cells[number]]


def test_each_row_that_is_red_as_a_whole_is_judged_by_its_controls(world: Universe, tmp_path: Path) -> None:
    report = made(world, tmp_path)
    behind_a_break, verdicts = row_of(report, BREAKS_AT_14)
    assert verdicts == [BAD, BAD]
    assert [(tried.upstream_version, tried.status) for tried in behind_a_break.controls] == [
        (version, RunStatus.PASSED) for version in ("1.0", "1.2", "1.3")
    ]
    assert report.exit_code == 1

    faulty, verdicts = row_of(report, FAULTY)
    assert verdicts == [OWN, OWN]
    assert [tried.upstream_version for tried in faulty.controls] == ["1.0", "1.2", "1.3", "1.2"]
    assert [tried.as_of for tried in faulty.controls] == [None, None, None, RELEASED]

    outdated, verdicts = row_of(report, ROTS)
    assert verdicts == [OUTDATED, OUTDATED]
    assert set(report.runs[outdated.controls[-1].run].lock) == {"board==2.2", "core==1.2", "tool==1.0"}

    pinned, verdicts = row_of(report, PINNED)
    assert (verdicts, [tried.upstream_version for tried in pinned.controls]) == ([BAD, BAD], ["1.1"])

    steps = {(each.good, each.bad): str(*each.downstream) for each in report.sheets[0].regressions}
    assert steps == {("1.3", "1.4"): BREAKS_AT_14, ("1.1", "1.4"): PINNED}
    assert all(tried.run in report.runs for row in report.sheets[0].rows for tried in row.controls)
    assert (report.totals.cells, report.totals.controls) == (8, 3 + 4 + 4 + 1)


def test_where_nothing_of_the_release_date_fits_the_day_of_the_next_release_tells(
    world: Universe, tmp_path: Path
) -> None:
    row, verdicts = row_of(made(world, tmp_path, downstream=ROTS_LATER), ROTS_LATER)
    assert verdicts == [OUTDATED, OUTDATED]
    assert row.controls[-1].as_of == RELEASED.replace(year=2023, month=9)


def test_what_the_ledger_saw_work_is_a_control_that_is_not_run_again(world: Universe, tmp_path: Path) -> None:
    made(world, tmp_path, upstream="1.1", downstream=BREAKS_AT_14)
    report = made(world, tmp_path, downstream=BREAKS_AT_14)
    row, _ = row_of(report, BREAKS_AT_14)
    assert [tried.upstream_version for tried in row.controls] == ["1.0", "1.1", "1.2", "1.3"]
    assert (report.totals.run, report.totals.runs) == (2, 2 + 3)
    again = made(world, tmp_path, downstream=BREAKS_AT_14)
    assert (again.totals.runs, again.totals.known, again.totals.controls) == (0, 2, 4)
    assert (again.sheets, again.changes) == (report.sheets, ())


def test_a_version_that_the_family_file_leaves_out_is_no_control(world: Universe, tmp_path: Path) -> None:
    packages = {name: package.model_dump(mode="json") for name, package in FAMILY.packages.items()}
    packages["core"]["leave_out_versions"] = [{"version": "1.3", "reason": "a bad day"}]
    family = Family.model_validate({"name": "controls", "python": [PYTHON], "packages": packages})
    row, _ = row_of(made(world, tmp_path, downstream=BREAKS_AT_14, family=family), BREAKS_AT_14)
    assert "1.3" not in [tried.upstream_version for tried in row.controls]


def test_without_a_version_outside_of_the_table_every_version_is_every_version(world: Universe, tmp_path: Path) -> None:
    row, verdicts = row_of(made(world, tmp_path, upstream="all", downstream=FAULTY), FAULTY)
    assert verdicts == [OWN] * 6
    assert [tried.as_of for tried in row.controls] == [RELEASED]


def test_an_index_without_dates_leaves_it_open_whether_the_environment_is_outdated(
    world: Universe, tmp_path: Path
) -> None:
    world.index.switches.serves_json = False
    try:
        row, verdicts = row_of(made(world, tmp_path, downstream=ROTS), ROTS)
    finally:
        world.index.switches.serves_json = True
    assert verdicts == [OWN, OWN]
    assert [tried.upstream_version for tried in row.controls] == ["1.0", "1.2", "1.3"]
    assert not any(tried.as_of for tried in row.controls)
