"""A matrix is made of steps in their order, whatever runs them, and is recorded unless nothing shall be."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from interlock.adapters.ledger import open_ledger
from interlock.cells.recipe import Recipe
from interlock.errors import LedgerError
from interlock.matrix.context import MatrixContext
from interlock.matrix.report import MatrixReport
from interlock.matrix.request import MatrixRequest
from interlock.matrix.run import CellRunner, make_matrix
from interlock.model.family import Family
from interlock.model.verdicts import Run, Verdict
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


def made(universe: Universe, cache: Path, *, record: bool) -> tuple[MatrixReport, list[str]]:
    """A matrix, and its steps."""
    names: list[str] = []

    async def noted(step: str, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        names.append(step)
        return await function(*args, **kwargs)

    async def done() -> MatrixReport:
        async with connected(universe, FAMILY, cache) as context:
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
