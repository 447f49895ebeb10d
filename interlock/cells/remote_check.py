"""Whether this machine can run cells that another machine, perhaps with another Interlock, has planned."""

import platform
from collections.abc import Iterable, Iterator
from pathlib import Path

from interlock.cells.recipe import Recipe
from interlock.cells.runner import RUNNER
from interlock.errors import EnvironmentUnavailableError


def check(recipes: Iterable[Recipe], runner: str) -> None:
    """Check that everything that the recipes name is here, and that the same runner planned them.

    Args:
        recipes: Cells that were planned elsewhere.
        runner: The planner's `RUNNER`.

    Raises:
        EnvironmentUnavailableError: Something is missing, or the runner is another one.
    """
    here = platform.node()
    if runner != RUNNER:
        raise EnvironmentUnavailableError(
            f"{here} has another Interlock than the machine that planned the cells",
            hint="install the same commit for every worker of the cluster",
        )
    for path in dict.fromkeys(path for recipe in recipes for path in _paths(recipe)):
        if not path.exists():
            raise EnvironmentUnavailableError(
                f"{here} does not see {path}",
                hint="workers need Interlock's home on shared storage and the same Pythons: docs/matrix.md",
            )


def _paths(recipe: Recipe) -> Iterator[Path]:
    yield Path(recipe.interpreter.path)
    yield from (wheel.path for wheel in recipe.wheels)
    if recipe.tests is not None:
        yield recipe.tests
