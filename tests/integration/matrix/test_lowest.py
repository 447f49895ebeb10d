"""Suites that are run with the lowest versions of what a downstream requires, resolved by the real uv."""

from collections.abc import Iterator

import pytest

from interlock.model.verdicts import RunStatus
from tests.support.planned_matrices import planned
from tests.support.universe import Universe, open_universe


@pytest.fixture(scope="module")
def universe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Universe]:
    """Pipeline 1.0 requires low>=1.1, and any loose; low requires deep>=1; the suite's pytest is called tester."""
    with open_universe(tmp_path_factory.mktemp("universe")) as opened:
        for version in ("1.0", "1.1", "2.0"):
            for name in ("deep", "loose", "tester"):
                opened.wheel(name, version)
            opened.wheel("low", version, requires=["deep>=1.0"])
        opened.wheel("core", "1.0", {"core.py": ""})
        opened.wheel("pipeline", "1.0", {"pipeline.py": "import core"}, requires=["core", "low>=1.1", "loose"])
        opened.wheel("pipeline", "2.0", {"pipeline.py": "import core"}, requires=["core", "low>=1.1,<1.1"])
        yield opened


HIGHEST = {"deep": "2.0", "loose": "2.0", "low": "2.0", "tester": "2.0"}


@pytest.mark.parametrize(
    ("resolution", "lower"),
    [
        ("highest", {}),
        ("lowest-direct", {"low": "1.1"}),
        ("lowest", {"low": "1.1", "deep": "1.0", "loose": "1.0"}),
    ],
)
def test_the_lowest_are_those_of_the_downstream_and_not_of_its_suite(
    universe: Universe, resolution: str, lower: dict[str, str]
) -> None:
    suite = {"imports": ["pipeline"], "requirements": ["tester"], "resolution": resolution}
    (cell,) = planned(universe, suite, downstream="1.0").plan.cells
    assert cell.recipe is not None
    found = dict(line.split("==") for line in cell.recipe.environment_lines)
    assert {name: found[name] for name in HIGHEST} == {**HIGHEST, **lower}
    assert cell.key.point == ("" if resolution == "highest" else f"resolution={resolution}")


def test_each_resolution_is_a_cell_of_its_own_and_what_does_not_resolve_says_so(universe: Universe) -> None:
    both = {"imports": ["pipeline"], "resolution": ["highest", "lowest-direct"]}
    found = planned(universe, both, downstream="1.0")
    one, other = (cell.recipe.fingerprint for cell in found.plan.cells if cell.recipe)
    assert one != other
    assert len(found.resolved) == 2
    cells = planned(universe, both, downstream="2.0").plan.cells
    assert [cell.unrun.status for cell in cells if cell.unrun] == [RunStatus.UNRESOLVABLE] * 2
