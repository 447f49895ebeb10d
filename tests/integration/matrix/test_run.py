"""A matrix is made of steps in their order, whatever runs them, and is recorded unless nothing shall be."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest
from packaging.version import Version

from interlock.adapters.distributions import Wheel
from interlock.adapters.ledger import open_ledger
from interlock.cells.recipe import Recipe
from interlock.errors import LedgerError
from interlock.matrix.context import MatrixContext
from interlock.matrix.report import MatrixReport
from interlock.matrix.request import MatrixRequest
from interlock.matrix.run import CellRunner, make_matrix
from interlock.matrix.sources import NoFileHere, why_missing
from interlock.model.family import Family
from interlock.model.verdicts import Run, Verdict
from interlock.reports.summary import headline
from tests.support.example_family import PYTHON
from tests.support.matrix_values import START, a_run
from tests.support.universe import Universe
from tests.support.universe.connected import connected

P = ParamSpec("P")
R = TypeVar("R")
CORE, BOARD = "steps-core", "steps-board"
FAMILY = Family.model_validate(
    {
        "name": "steps",
        "python": [PYTHON],
        "packages": {
            CORE: {},
            BOARD: {"upstreams": [CORE], "suites": [{"name": "imports", "imports": {"modules": ["steps_board"]}}]},
        },
    }
)


@pytest.fixture(scope="module")
def published(shared_universe: Universe) -> Universe:
    for version in ("1.0", "1.1"):
        shared_universe.wheel(CORE, version, {"steps_core/__init__.py": f"N = {version!r}"})
    shared_universe.wheel(BOARD, "2.0", requires=[CORE])
    return shared_universe


@contextlib.asynccontextmanager
async def green(_context: MatrixContext, request: MatrixRequest) -> AsyncIterator[CellRunner]:
    async def run(recipe: Recipe) -> tuple[Run, ...]:
        return (a_run(green=["t"], fingerprint=recipe.fingerprint),)

    yield CellRunner(run=run, jobs=request.jobs)


def made(universe: Universe, cache: Path, *, record: bool, family: Family = FAMILY) -> tuple[MatrixReport, list[str]]:
    """A matrix, and its steps."""
    names: list[str] = []

    async def noted(step: str, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        names.append(step)
        return await function(*args, **kwargs)

    async def done() -> MatrixReport:
        async with connected(universe, family, cache) as context:
            return await make_matrix(context, MatrixRequest(), noted, green, started_at=START, record=record)

    return asyncio.run(done()), names


@pytest.mark.parametrize("record", [True, False])
def test_its_steps_are_run_in_their_order_and_its_cells_are_kept_where_that_is_wanted(
    published: Universe, tmp_path: Path, record: bool
) -> None:
    report, names = made(published, tmp_path / "cache", record=record)
    assert names == ["choose-versions", "fetch-distributions", f"resolve {CORE}-1.0-{BOARD}-2.0"]
    assert (report.started_at, report.totals.verdicts) == (START, {Verdict.COMPATIBLE: 2})
    with open_ledger() as ledger:
        kept = ledger.cells_of(CORE, "1.0")
        assert len(kept) == (1 if record else 0)
        assert len(ledger.runs(report.runs)) == 2, "what was run is known in any case"


def test_a_ledger_that_cannot_be_opened_is_known_before_anything_is_asked(
    published: Universe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERLOCK_LEDGER_URL", "nonsense://")
    before = len(published.index.requests)
    with pytest.raises(LedgerError):
        made(published, tmp_path / "cache", record=True)
    assert len(published.index.requests) == before


BROKEN = {
    "steps-sdist": "can't be built",
    "steps-damaged": "can't be read as a wheel",
    "steps-foreign": "has no file that fits Python",
    "steps-metadata": "can't be read as a wheel",
    "steps-python": "requires Python >=4, and this is",
}


def publish_broken(universe: Universe) -> None:
    """Of each downstream a release that works and a newer one that can't be had."""
    for name in BROKEN:
        universe.wheel(name, "1.0", requires=[CORE])
    universe.sdist("steps-sdist", "2.0", {"pyproject.toml": "[build-system]\nrequires = ['nowhere']\n"})
    damaged = universe.wheel("steps-damaged", "2.0", requires=[CORE])
    damaged.write_bytes(damaged.read_bytes()[:200])
    universe.wheel("steps-foreign", "2.0", requires=[CORE], tag="cp27-none-win_amd64")
    universe.wheel("steps-metadata", "2.0", requires=["!! no requirement"])
    universe.wheel("steps-python", "2.0", requires=[CORE], requires_python=">=4")


def test_a_newest_release_that_cannot_be_had_keeps_the_family_from_fitting_until_it_is_left_out(
    published: Universe, tmp_path: Path
) -> None:
    publish_broken(published)
    suite = {"name": "imports", "imports": {"modules": ["steps_core"]}}

    def report(left_out: Mapping[str, str]) -> MatrixReport:
        packages = {
            name: {
                "upstreams": [CORE],
                "suites": [suite],
                "leave_out_versions": [{"version": "2.0", "reason": why}] if (why := left_out.get(name)) else [],
            }
            for name in BROKEN
        }
        values = {"name": "steps", "python": [PYTHON], "packages": {CORE: {}, **packages}}
        return made(published, tmp_path / "cache", record=False, family=Family.model_validate(values))[0]

    found = report({})
    assert {(item.package, item.version) for item in found.missing} == {(name, "2.0") for name in BROKEN}
    assert all(BROKEN[item.package] in item.reason for item in found.missing), found.missing
    rows = {sheet.downstream: sheet.rows[-1].missing for sheet in found.sheets}
    assert rows == {item.package: item.reason for item in found.missing}
    assert {sheet.cells[-1][-1].declared for sheet in found.sheets} == {None}
    assert (found.exit_code, headline(found).state) == (1, "unknown")
    assert "steps-foreign 2.0 can't be had" in headline(found).detail

    without = report(dict.fromkeys(BROKEN, "known"))
    assert (without.missing, without.exit_code, headline(without).state) == ((), 0, "fits")
    assert "steps-sdist 2.0 is left out: known" in without.notes


def test_a_newest_upstream_that_cannot_be_had_does_so_too(published: Universe, tmp_path: Path) -> None:
    upstream = "steps-base"
    published.wheel(upstream, "1.0", {"steps_base/__init__.py": ""})
    published.wheel(upstream, "2.0", tag="cp27-none-win_amd64")
    published.wheel("steps-top", "1.0", requires=[f"{upstream}<2"])
    packages = {
        upstream: {},
        "steps-top": {"upstreams": [upstream], "suites": [{"name": "i", "imports": ["steps_top"]}]},
    }
    family = Family.model_validate({"name": "steps", "python": [PYTHON], "packages": packages})
    report, _ = made(published, tmp_path / "cache", record=False, family=family)
    assert [(item.package, item.version) for item in report.missing] == [(upstream, "2.0")]
    assert report.exit_code == 1


def test_a_release_that_one_python_has_no_file_of_is_missing_only_where_no_other_has() -> None:
    wheel = Wheel(
        path=Path("x"), name="x", version=Version("1"), requires=(), requires_python=None, content="", modules=()
    )
    assert why_missing([wheel, NoFileHere("none for 3.8")]) is None
    assert why_missing([NoFileHere("none for 3.8"), NoFileHere("none for 3.9")]) == "none for 3.8"
    assert why_missing([wheel, NoFileHere("none for 3.8"), "it is damaged"]) == "it is damaged"
