"""What is planned for real wheels and sdists on an index, resolved by the real uv; nothing is run."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.matrix.pair import Pair
from interlock.matrix.plan import Plan, PlannedCell, Planner
from interlock.matrix.request import MatrixRequest
from interlock.matrix.sources import choose, fetch
from interlock.model.lockfile import Resolution
from interlock.model.verdicts import RunStatus
from tests.support.planned_matrices import PYTHON, Planned, a_family, planned
from tests.support.universe import Universe, open_universe
from tests.support.universe.connected import connected

CONTRACT = {"tests/test_contract.py": "import core\n\ndef test_it():\n    assert core\n"}

# An sdist that is built without a network: its build backend is in it.
BACKEND = """
import zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name, version = "pipeline", "2.4"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(f"{wheel_directory}/{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr("pipeline/__init__.py", "import core")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(f"{info}/RECORD", "")
    return f"{name}-{version}-py3-none-any.whl"

def build_sdist(sdist_directory, config_settings=None):
    raise NotImplementedError
"""
BUILT_HERE = {
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    "backend.py": BACKEND,
    **CONTRACT,
}
UNBUILDABLE = {**BUILT_HERE, "backend.py": "raise RuntimeError('no compiler')"}


def publish(universe: Universe) -> None:
    """Three cores, of which the last needs something more, and a pipeline for everything that may happen."""
    core = {"core/__init__.py": ""}
    universe.wheel("core", "1.0", core)
    universe.wheel("core", "1.1", core)
    universe.wheel("core", "1.2", {"core/__init__.py": "new = True"}, requires=["tool>=2"])
    for version in ("1.0", "2.0"):
        universe.wheel("tool", version)
    pipelines: dict[str, list[str]] = {
        "2.0": ["core>=1.1", "tool"],
        "2.1": ["core<1.1", "tool"],
        "2.2": ["core", "ghost>=9", "tool"],
        "2.3": ["tool"],
        "2.5": ["core"],
        "2.6": ["core"],
    }
    for version, requires in pipelines.items():
        universe.wheel("pipeline", version, {"pipeline/__init__.py": "import core"}, requires=requires)
    for version in ("2.0", "2.1", "2.2", "2.3"):
        universe.sdist("pipeline", version, CONTRACT)
    universe.sdist("pipeline", "2.4", BUILT_HERE)
    universe.sdist("pipeline", "2.6", {"README": "no tests here"})
    universe.sdist("pipeline", "2.7", UNBUILDABLE)


@pytest.fixture(scope="module")
def world(friends: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Universe]:
    with open_universe(tmp_path_factory.mktemp("planned") / "index", friends) as opened:
        publish(opened)
        yield opened


@pytest.fixture(scope="module")
def plan(world: Universe) -> Planned:
    return planned(world)


def reason(cell: PlannedCell) -> tuple[RunStatus, str]:
    assert cell.recipe is None
    assert cell.unrun is not None
    return cell.unrun.status, cell.unrun.reason or ""


def fingerprint(cell: PlannedCell) -> str:
    assert cell.unrun is None
    assert cell.recipe is not None
    return cell.recipe.fingerprint


@pytest.mark.parametrize(
    ("pipeline", "text", "inside"),
    [
        ("2.0", ">=1.1", ["1.1", "1.2"]),
        ("2.1", "<1.1", ["1.0"]),
        ("2.2", "", ["1.0", "1.1", "1.2"]),
        ("2.3", None, []),
        ("2.5", "", ["1.0", "1.1", "1.2"]),
    ],
)
def test_declared_is_what_the_wheel_admits(plan: Planned, pipeline: str, text: str | None, inside: list[str]) -> None:
    assert plan.row(pipeline) == text
    declared = [version for version in ("1.0", "1.1", "1.2") if plan.cell(version, pipeline).declared]
    assert declared == inside


def test_a_pair_outside_the_declared_range_can_be_run_all_the_same(plan: Planned) -> None:
    cell = plan.cell("1.0", "2.0")
    assert not cell.declared
    assert cell.versions == {"core": "1.0", "pipeline": "2.0"}
    assert fingerprint(cell)


def test_a_pair_that_cannot_be_resolved_says_why_in_uvs_words(plan: Planned) -> None:
    for version in ("1.0", "1.1", "1.2"):
        status, why = reason(plan.cell(version, "2.2"))
        assert status is RunStatus.UNRESOLVABLE
        assert "ghost" in why
        assert "pipeline" in why


def test_a_release_without_a_wheel_is_built_from_its_sdist(plan: Planned) -> None:
    recipe = plan.cell("1.0", "2.4").recipe
    assert recipe is not None
    (wheel,) = (each for each in recipe.wheels if each.name == "pipeline")
    assert wheel.path.name == "pipeline-2.4-py3-none-any.whl"
    assert wheel.modules == ("pipeline",)


@pytest.mark.parametrize(
    ("pipeline", "why"),
    [
        ("2.5", "pipeline 2.5 has no sdist"),
        ("2.6", "pipeline 2.6 has no tests"),
        ("2.7", "pipeline-2.7.tar.gz can't be built"),
    ],
)
def test_what_cannot_be_tested_is_untested_with_a_reason(plan: Planned, pipeline: str, why: str) -> None:
    status, found = reason(plan.cell("1.0", pipeline))
    assert status is RunStatus.UNTESTED
    assert found.startswith(why)


def test_what_the_build_said_is_in_the_reason(plan: Planned) -> None:
    assert "no compiler" in reason(plan.cell("1.0", "2.7"))[1]


def test_equal_cells_have_equal_fingerprints_and_others_have_not(plan: Planned) -> None:
    assert fingerprint(plan.cell("1.0", "2.0")) == fingerprint(plan.cell("1.1", "2.1"))
    assert fingerprint(plan.cell("1.0", "2.0")) != fingerprint(plan.cell("1.2", "2.0"))
    assert fingerprint(plan.cell("1.0", "2.0")) != fingerprint(plan.cell("1.0", "2.3"))


def test_each_class_of_requirements_is_resolved_once(plan: Planned) -> None:
    """Core's two classes with pipeline's four that can be tested: with core and tool, with ghost, tool alone, none."""
    assert len(plan.resolved) == 2 * 4


def test_the_lock_is_what_the_pair_needs_beside_the_family(plan: Planned) -> None:
    recipe = plan.cell("1.2", "2.0").recipe
    assert recipe is not None
    assert list(map(str, recipe.lock.pins)) == ["tool==2.0"]
    assert recipe.environment_lines == ("core==1.2", "pipeline==2.0", "tool==2.0")


def test_the_sheet_has_every_version_of_both_ends_ascending(plan: Planned) -> None:
    (sheet,) = plan.plan.sheets
    assert sheet.upstream_versions == ("1.0", "1.1", "1.2")
    assert [row.version for row in sheet.rows] == [f"2.{number}" for number in range(8)]


def test_what_the_suite_needs_is_in_the_lock_of_every_cell(world: Universe) -> None:
    found = planned(world, {"sdist": "tests", "requirements": ["pytest"]}, downstream="2.0, 2.1", upstream="1.0, 1.1")
    for cell in found.plan.cells:
        assert cell.recipe is not None
        assert {"pytest", "pluggy", "tool"} <= {pin.name for pin in cell.recipe.lock.pins}
    assert len({fingerprint(cell) for cell in found.plan.cells}) == len(found.resolved) == 1


def test_an_imports_suite_imports_what_imports_the_upstream(world: Universe) -> None:
    cell = planned(world, {"imports": True}, downstream="2.5", upstream="1.0").cell("1.0", "2.5")
    assert cell.recipe is not None
    assert cell.recipe.modules == ("pipeline",)
    assert cell.recipe.tests is None


def test_every_python_and_every_point_has_its_sheet(world: Universe) -> None:
    full = sys.version.split()[0]
    found = planned(
        world,
        {"sdist": "tests", "axes": {"backend": ["memory", "redis"]}},
        downstream="2.0",
        upstream="1.0",
        python=(PYTHON, full),
    )
    keys = [(cell.key.python, cell.key.point) for cell in found.plan.cells]
    assert keys == [(python, f"backend={point}") for python in (PYTHON, full) for point in ("memory", "redis")]
    prints = [fingerprint(cell) for cell in found.plan.cells]
    assert prints[:2] == prints[2:]
    assert prints[0] != prints[1]
    assert len(found.resolved) == 1


class TestASiblingOfTheFamily:
    """Pipeline requires store too, which is neither end of the edge."""

    @pytest.fixture
    def world(self, universe: Universe) -> Universe:
        universe.wheel("core", "1.0")
        universe.wheel("pipeline", "2.0", requires=["core", "store"])
        universe.sdist("pipeline", "2.0", CONTRACT)
        universe.wheel("store", "3.0", {"store/__init__.py": "old = True"}, requires=["core"])
        return universe

    def planned(self, world: Universe) -> PlannedCell:
        return planned(world).cell("1.0", "2.0")

    def test_is_in_the_environment_as_a_wheel_and_not_in_the_lock(self, world: Universe) -> None:
        cell = self.planned(world)
        assert cell.versions == {"core": "1.0", "pipeline": "2.0", "store": "3.0"}
        assert cell.recipe is not None
        assert cell.recipe.lock.pins == ()
        assert cell.recipe.environment_lines == ("core==1.0", "pipeline==2.0", "store==3.0")

    def test_of_another_version_alone_changes_no_fingerprint(self, world: Universe) -> None:
        before = self.planned(world)
        world.wheel("store", "3.1", {"store/__init__.py": "old = True"}, requires=["core"])
        after = self.planned(world)
        assert after.versions["store"] == "3.1"
        assert fingerprint(after) == fingerprint(before)

    def test_of_another_content_does(self, world: Universe) -> None:
        before = self.planned(world)
        world.wheel("store", "3.1", {"store/__init__.py": "old = False"}, requires=["core"])
        assert fingerprint(self.planned(world)) != fingerprint(before)

    def test_that_cannot_be_had_leaves_the_cell_untested(self, world: Universe) -> None:
        """An environment without it would blame the pair for what is missing."""
        wheel = next(world.folder.glob("store-3.0*"))
        wheel.rename(wheel.with_name("store-3.0-cp27-cp27m-win32.whl"))
        world.sdist("store", "3.0", UNBUILDABLE)
        cell = planned_with(world, "store==3.0")
        assert reason(cell)[0] is RunStatus.UNTESTED
        assert reason(cell)[1].startswith("store-3.0.tar.gz can't be built")
        assert cell.declared


def planned_with(universe: Universe, *pins: str) -> PlannedCell:
    """The one cell of a universe, with the lock that another index would have given."""
    from tests.support.matrix_values import a_lock

    async def plan() -> Plan:
        family = a_family({"sdist": "tests"})
        async with connected(universe, family, universe.folder.parent / "interlock") as context:
            choice = await choose(context, MatrixRequest())

            async def resolve(_pair: Pair) -> Resolution:
                return a_lock(*pins)

            return await Planner(frozenset(family.packages), await fetch(context, choice), resolve).plan(choice)

    (cell,) = asyncio.run(plan()).cells
    return cell


def test_an_upstream_that_cannot_be_had_is_untested_and_still_declared(universe: Universe) -> None:
    universe.sdist("core", "1.0", UNBUILDABLE)
    universe.sdist("core", "2.0", UNBUILDABLE)
    universe.wheel("pipeline", "2.0", requires=["core<2"])
    universe.sdist("pipeline", "2.0", CONTRACT)
    found = planned(universe)
    assert found.row("2.0") == "<2"
    assert [cell.declared for cell in found.plan.cells] == [True, False]
    assert {reason(cell)[0] for cell in found.plan.cells} == {RunStatus.UNTESTED}
    assert found.resolved == []


def test_what_could_not_be_built_once_is_told_the_same_way_again(world: Universe) -> None:
    first, second = (planned(world, downstream="2.7", upstream="1.0").cell("1.0", "2.7") for _ in range(2))
    for cell in (first, second):
        assert "no compiler" in reason(cell)[1]
