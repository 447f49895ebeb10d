"""Which modules an `imports` suite imports: the same ones with every version of the upstream, in every request."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from interlock.matrix.report import MatrixReport
from interlock.matrix.request import MatrixRequest
from interlock.matrix.run import make_matrix
from interlock.model.verdicts import Verdict
from tests.support.planned_matrices import Planned, a_family, planned
from tests.support.universe import Universe
from tests.support.universe.connected import connected

A, B = {"split_a.py": "A = 1"}, {"split_b.py": "B = 1"}
USES_B = {"pipeline/__init__.py": "", "pipeline/x.py": "from split_b import B"}
USES_BOTH = {**USES_B, "pipeline/y.py": "from split_a import A"}


def publish(universe: Universe, cores: Mapping[str, Mapping[str, str]], pipeline: Mapping[str, str]) -> Universe:
    for version, files in cores.items():
        universe.wheel("core", version, files)
    universe.wheel("pipeline", "1.0", pipeline, requires=["core"])
    return universe


def imported(plan: Planned) -> set[tuple[str, ...]]:
    """What the cells import: one element when all cells import the same."""
    return {cell.recipe.modules if cell.recipe else () for cell in plan.plan.cells}


def why(plan: Planned) -> set[str | None]:
    return {cell.unrun.reason if cell.unrun else None for cell in plan.plan.cells}


FIRST = {"1.0": A | B, "1.1": A | B, "2.0": A, "2.1": A}
MIDDLE = {"1.0": A, "1.0.1": A | B, "1.0.2": A, "2.0": A}


@pytest.mark.parametrize(
    ("cores", "window"), [(FIRST, "all"), (FIRST, "==2.*"), (FIRST, "latest:1"), (MIDDLE, "latest:1")]
)
def test_a_module_that_was_removed_is_still_looked_for(
    universe: Universe, cores: Mapping[str, Mapping[str, str]], window: str
) -> None:
    publish(universe, cores, USES_B)
    assert imported(planned(universe, {"imports": True}, upstream=window)) == {("pipeline.x",)}


def test_every_cell_imports_the_same(universe: Universe) -> None:
    publish(universe, FIRST, USES_BOTH)
    assert imported(planned(universe, {"imports": True})) == {("pipeline.x", "pipeline.y")}


def test_whatever_became_of_a_module_it_is_looked_for(universe: Universe) -> None:
    before = {
        "PIL/__init__.py": "",
        "_private.py": "",
        "grown/__init__.py": "",
        "grown/b.py": "",
        "space/__init__.py": "",
        "shared/x/__init__.py": "",
        "shared/y/__init__.py": "",
        "core-1.0.data/purelib/pure.py": "",
        "core-1.0.data/platlib/plat/__init__.py": "",
    }
    after = {"pillow.py": "", "grown/__init__.py": "", "space/x/__init__.py": "", "shared/x/__init__.py": ""}
    users = {
        "renamed": "import PIL.Image",
        "optional": "try:\n    import _private\nexcept ImportError:\n    pass",
        "submodule": "from grown import b",
        "namespace": "import space.y",
        "neighbour": "from shared import y",
        "purelib": "from pure import x",
        "platlib": "def late():\n    import plat",
    }
    others = {"unrelated": "import other", "in_the_same_namespace": "import shared.z", "scripts": "import core"}
    publish(universe, {"1.0": before, "2.0": after}, {f"{name}.py": text for name, text in (users | others).items()})
    assert imported(planned(universe, {"imports": True}, upstream="2.0")) == {tuple(sorted(users))}


def test_the_modules_of_a_release_with_an_sdist_alone_are_known(universe: Universe) -> None:
    universe.sdist("core", "1.0", {"src/split_b/__init__.py": "", "setup.py": "", "tests/test_x.py": ""})
    publish(universe, {"2.0": A}, {**USES_B, "pipeline/z.py": "import tests, setup"})
    assert imported(planned(universe, {"imports": True}, upstream="2.0")) == {("pipeline.x",)}


def test_only_the_lists_of_releases_that_are_not_tested_are_read_and_only_once(universe: Universe) -> None:
    publish(universe, FIRST, USES_B)
    for _ in range(2):
        planned(universe, {"imports": True}, upstream="2.1")
    files = [seen for seen in universe.index.requests if seen.path.endswith(".whl")]
    assert sorted((seen.path.rpartition("/")[2][:8], seen.status) for seen in files) == [
        ("core-1.0", 206),
        ("core-1.1", 206),
        ("core-2.0", 206),
        ("core-2.1", 200),
        ("pipeline", 200),
    ]


def test_a_release_whose_modules_cannot_be_read_is_a_note_and_the_others_count(universe: Universe) -> None:
    publish(universe, FIRST, USES_B)
    universe.index.damaged["core-1.0-py3-none-any.whl"] = b"something else"
    plan = planned(universe, {"imports": True}, upstream="2.0")
    assert imported(plan) == {("pipeline.x",)}
    (note,) = plan.notes
    assert note.startswith("the modules of core 1.0 are not known: core-1.0-py3-none-any.whl from ")


def test_a_downstream_that_imports_nothing_of_any_release_is_said_to(universe: Universe) -> None:
    publish(universe, FIRST, {"pipeline.py": "import split_c"})
    plan = planned(universe, {"imports": True})
    assert why(plan) == {"no module of pipeline 1.0 imports a module of any release of core"}


def test_modules_that_are_all_left_out_are_not_said_to_be_missing(universe: Universe) -> None:
    publish(universe, FIRST, USES_B)
    left_out = [{"test": "pipeline.x", "reason": "needs a screen"}]
    plan = planned(universe, {"imports": True, "leave_out": left_out})
    assert why(plan) == {"every module of pipeline 1.0 that imports core is left out"}


def test_what_an_extra_alone_brings_is_optional(universe: Universe) -> None:
    universe.wheel("core", "1.0", A)
    universe.wheel("core", "2.0", {"moved.py": ""})
    universe.wheel("wire", "1.0", {"wire/__init__.py": "", "split_a.py": "", "never.py": ""})
    universe.wheel("plain", "1.0", {"plain.py": ""})
    source = "import split_a, wire.x, plain, json, moved, unknown"
    requires = ["core", "plain", 'wire; extra == "net"', 'missing; extra == "dev"']
    universe.wheel("pipeline", "1.0", {"pipeline.py": source}, requires=requires, extras=["net", "dev"])

    def optional(**suite: object) -> dict[str, str]:
        recipe = planned(universe, {"imports": True, **suite}, upstream="2.0").cell("2.0", "1.0").recipe
        return dict(recipe.optional) if recipe else {}

    assert optional() == {"wire": "the extra net of pipeline has it, with wire"}
    assert optional(extras=["net"]) == {}
    assert optional(imports=["pipeline"]) == {}


def test_a_removed_module_is_red_and_one_that_needs_an_extra_is_a_note(universe: Universe, tmp_path: Path) -> None:
    universe.wheel("wire", "1.0")
    for version, files in {"1.0": A | B, "2.0": A}.items():
        universe.wheel("core", version, files)
    optional = {"pipeline/y.py": "import split_a", "pipeline/z.py": "import split_a, wire"}
    for version, files in {"1.0": USES_B | optional, "1.1": {"pipeline/__init__.py": "", **optional}}.items():
        universe.wheel("pipeline", version, files, requires=["core", 'wire; extra == "net"'], extras=["net"])

    async def made() -> MatrixReport:
        async with connected(universe, a_family({"imports": True}), tmp_path / "cache") as context:
            request = MatrixRequest(upstream_versions="all", downstream_versions="all")
            return await make_matrix(context, request, record=False)

    report = asyncio.run(made())
    (sheet,) = report.sheets
    assert [[cell.verdict for cell in row] for row in sheet.cells] == [
        [Verdict.COMPATIBLE, Verdict.INCOMPATIBLE],
        [Verdict.COMPATIBLE, Verdict.COMPATIBLE],
    ]
    assert [(each.test, each.good, each.bad) for each in sheet.regressions] == [("pipeline.x", "1.0", "2.0")]
    why = "No module named 'wire': the extra net of pipeline has it, with wire"
    assert f"pipeline: untested without an extra: pipeline.z ({why})" in report.notes
