"""Cells that were planned elsewhere are run only where everything that they name is, by the same runner."""

from collections.abc import Callable
from pathlib import Path

import pytest

from interlock.cells.recipe import Recipe
from interlock.cells.remote_check import check
from interlock.cells.runner import RUNNER
from interlock.errors import EnvironmentUnavailableError
from tests.support.matrix_values import INTERPRETER, a_recipe, a_wheel


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """A cell of which everything is here."""
    python, wheel, tests = tmp_path / "python", tmp_path / "core-1.0-py3-none-any.whl", tmp_path / "tests"
    for path in (python, wheel):
        path.touch()
    tests.mkdir()
    return a_recipe("f", "core").model_copy(
        update={
            "interpreter": INTERPRETER.model_copy(update={"path": python}),
            "wheels": (a_wheel("core").model_copy(update={"path": wheel}),),
            "tests": tests,
        }
    )


def test_where_everything_is_nothing_is_said(recipe: Recipe) -> None:
    check([recipe, recipe.model_copy(update={"tests": None})], RUNNER)


@pytest.mark.parametrize(
    "missing",
    [lambda recipe: recipe.interpreter.path, lambda recipe: recipe.wheels[0].path, lambda recipe: recipe.tests],
    ids=["python", "wheel", "tests"],
)
def test_what_is_missing_is_named(recipe: Recipe, missing: Callable[[Recipe], Path]) -> None:
    path = missing(recipe)
    path.rmdir() if path.is_dir() else path.unlink()
    with pytest.raises(EnvironmentUnavailableError, match=f"does not see {path}") as error:
        check([recipe], RUNNER)
    assert "shared storage" in str(error.value.hint)


def test_another_runner_would_show_something_else(recipe: Recipe) -> None:
    with pytest.raises(EnvironmentUnavailableError, match="another Interlock"):
        check([recipe], "of yesterday")
