"""Two cells share a verdict only if nothing that could change it differs: each ingredient, and what without it."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from interlock.adapters.distributions import Wheel
from interlock.adapters.index.client import Release
from interlock.adapters.interpreter import Interpreter
from interlock.common.digest import Ingredients, digest
from interlock.matrix import plan as planning
from interlock.matrix import request, sources
from interlock.matrix.pair import Pair
from interlock.matrix.plan import PlannedCell, Planner
from interlock.matrix.sources import Choice, ChosenEdge, Sources
from interlock.model.lockfile import Lock
from interlock.model.suites import Suite
from tests.support.matrix_values import INTERPRETER, a_lock, a_suite, a_wheel

SUITE = a_suite(
    requirements=["pytest-asyncio>=1"],
    extras=["cache"],
    env={"MODE": "strict"},
    axes={"backend": ["memory", "redis"]},
    leave_out=[{"test": "tests/test_slow.py", "reason": "it sleeps"}],
)
# What the downstream requires holds its extra, so that the suite's asking for it changes nothing else.
REQUIRES = ("core>=1", "httpx>=0.27")


@dataclass(frozen=True)
class World:
    """Everything from which a cell is planned."""

    upstream: Wheel = field(default_factory=lambda: a_wheel("core", "1.0"))
    downstream: Wheel = field(default_factory=lambda: a_wheel("pipeline", "2.0", requires=REQUIRES))
    sibling: Wheel = field(default_factory=lambda: a_wheel("store", "3.0", "sibling"))
    suite: Suite = SUITE
    tests: sources.Tests = field(
        default_factory=lambda: sources.Tests(digest="tests", folder=Path("/suites/tests"), target="tests")
    )
    third_party: tuple[str, ...] = ("httpx==0.27.0",)
    interpreter: Interpreter = INTERPRETER
    point: str = "memory"
    runner: str = "runner 1"

    def cell(self) -> tuple[PlannedCell, Ingredients]:
        """The cell, with all that its fingerprint is made of."""
        made: list[Ingredients] = []
        digested = Ingredients.fingerprint

        def noted(ingredients: Ingredients) -> str:
            made.append(ingredients)
            return digested(ingredients)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Ingredients, "fingerprint", noted)
            patch.setattr(planning, "RUNNER", self.runner)
            planner = Planner(frozenset({"core", "pipeline", "store", "board"}), FixedSources(self), self.resolve)
            plan = asyncio.run(planner.plan(self.choice()))
        points = [sheet.point["backend"] for sheet in plan.sheets]
        place = points.index(self.point)
        return plan.cells[place], made[place]

    def choice(self) -> Choice:
        ends = [(Release(package=wheel.name, version=wheel.version),) for wheel in (self.upstream, self.downstream)]
        edge = request.TestedEdge(upstream="core", downstream="pipeline", suite=self.suite)
        chosen = ChosenEdge(edge=edge, upstream_versions=ends[0], downstream_versions=ends[1])
        return Choice(chosen=(chosen,), interpreters=(self.interpreter,))

    async def resolve(self, _pair: Pair) -> Lock:
        wheels = (self.upstream, self.downstream, self.sibling)
        return a_lock(*sorted([*(f"{wheel.name}=={wheel.version}" for wheel in wheels), *self.third_party]))


class FixedSources(Sources):
    """Has what one world is made of."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def wheel(self, release: Release, interpreter: Interpreter) -> Wheel | str:
        assert interpreter == self._world.interpreter
        return self._world.upstream if release.package == "core" else self._world.downstream

    async def family_wheel(self, package: str, version: str, interpreter: Interpreter) -> Wheel | str:
        assert interpreter == self._world.interpreter
        assert (package, version) == (self._world.sibling.name, str(self._world.sibling.version))
        return self._world.sibling

    async def tests(self, edge: request.TestedEdge, release: Release, downstream: Wheel) -> sources.Tests:
        assert (edge.downstream, release.version) == (downstream.name, downstream.version)
        return self._world.tests


WORLD = World()


def with_wheel(end: str, **changes: object) -> Callable[[World], World]:
    return lambda world: replace(world, **{end: getattr(world, end).model_copy(update=changes)})


def with_suite(**changes: object) -> Callable[[World], World]:
    return lambda world: replace(world, suite=Suite.model_validate(world.suite.model_dump() | changes))


def with_interpreter(**changes: object) -> Callable[[World], World]:
    return lambda world: replace(world, interpreter=world.interpreter.model_copy(update=changes))


def other(**changes: Any) -> Callable[[World], World]:
    return lambda world: replace(world, **changes)


LEFT_OUT = [{"test": "tests/test_other.py", "reason": "it sleeps"}]

CHANGES: dict[str, tuple[str, Callable[[World], World]]] = {
    "the upstream's content": ("contents", with_wheel("upstream", content="changed")),
    "the downstream's content": ("contents", with_wheel("downstream", content="changed")),
    "a sibling's content": ("contents", with_wheel("sibling", content="changed")),
    "which sibling it is": ("contents", with_wheel("sibling", name="board")),
    "a requirement of the upstream": ("requirements", with_wheel("upstream", requires=("rich",))),
    "a requirement of the downstream": ("requirements", with_wheel("downstream", requires=("core>=1", "httpx"))),
    "a requirement that is gone": ("requirements", with_wheel("downstream", requires=("core>=1",))),
    "the suite's files": ("suite_files", other(tests=replace(WORLD.tests, digest="changed"))),
    "pytest's arguments": ("suite_settings", with_suite(pytest_args=["-W", "error"])),
    "the time limit": ("suite_settings", with_suite(timeout=5)),
    "what is left out": ("suite_settings", with_suite(leave_out=LEFT_OUT)),
    "what the suite requires": ("suite_settings", with_suite(requirements=["pytest-asyncio>=1.1"])),
    "the extras": ("suite_settings", with_suite(extras=["cache", "speed"])),
    "further files": ("suite_settings", with_suite(include=["helpers"])),
    "where the tests are": ("suite_settings", with_suite(sdist="tests/contracts")),
    "the modules": ("suite_settings", with_suite(sdist=None, imports=["pipeline.sinks"])),
    "a third-party version": ("lock", other(third_party=("httpx==0.28.0",))),
    "a third-party package more": ("lock", other(third_party=("anyio==4.0", "httpx==0.27.0"))),
    "the Python version": ("interpreter", with_interpreter(version="3.11.8")),
    "the implementation": ("interpreter", with_interpreter(implementation="pypy")),
    "the platform": ("platform", with_interpreter(platform="darwin arm64")),
    "the runner": ("runner", other(runner="runner 2")),
    "the point on the axes": ("point", other(point="redis")),
    "a variable of the suite": ("point", with_suite(env={"MODE": "lax"})),
    "a variable more": ("point", with_suite(env={"MODE": "strict", "DEBUG": "1"})),
}

SHARED: dict[str, Callable[[World], World]] = {
    "the upstream's version": with_wheel("upstream", version=Version("1.1")),
    "the downstream's version": with_wheel("downstream", version=Version("2.1")),
    "a sibling's version": with_wheel("sibling", version=Version("3.1")),
    "the specifier on the upstream": with_wheel("downstream", requires=("core==1.0", "httpx>=0.27")),
    "a requirement that does not hold here": with_wheel("downstream", requires=(*REQUIRES, 'x; os_name == "nt"')),
    "the place of the wheel": with_wheel("upstream", path=Path("/elsewhere/core.whl")),
    "the place of the interpreter": with_interpreter(path=Path("/elsewhere/python")),
    "how the interpreter was asked for": with_interpreter(wanted="3.11.7"),
    "the suite's name": with_suite(name="other"),
    "the reason for leaving out": with_suite(leave_out=[{"test": "tests/test_slow.py", "reason": "it is slow"}]),
    "what may fail": with_suite(allowed_to_fail=[{"point": {"backend": "redis"}, "reason": "an experiment"}]),
    "the name of an axis's value": lambda world: replace(
        with_suite(axes={"backend": {"values": {"ram": {"BACKEND": "memory"}}}})(world), point="ram"
    ),
}


@pytest.mark.parametrize(("ingredient", "change"), CHANGES.values(), ids=CHANGES.keys())
def test_cells_that_differ_in_this_alone_do_not_share(ingredient: str, change: Callable[[World], World]) -> None:
    cell, ingredients = WORLD.cell()
    changed, others = change(WORLD).cell()
    assert fingerprint(cell) != fingerprint(changed)
    assert differing(ingredients, others) == {ingredient}


@pytest.mark.parametrize(("ingredient", "change"), CHANGES.values(), ids=CHANGES.keys())
def test_without_the_ingredient_they_would_share(ingredient: str, change: Callable[[World], World]) -> None:
    assert without(ingredient, WORLD) == without(ingredient, change(WORLD))
    assert without(None, WORLD) != without(None, change(WORLD))


@pytest.mark.parametrize("change", SHARED.values(), ids=SHARED.keys())
def test_cells_that_differ_in_this_alone_share(change: Callable[[World], World]) -> None:
    assert fingerprint(WORLD.cell()[0]) == fingerprint(change(WORLD).cell()[0])
    assert change(WORLD) != WORLD


def test_every_ingredient_is_changed_by_one_of_these() -> None:
    assert {ingredient for ingredient, _ in CHANGES.values()} == set(Ingredients.model_fields)


def test_every_setting_of_a_suite_is_either_an_ingredient_or_said_not_to_matter() -> None:
    """A new setting fails here until somebody has decided."""
    settings = set(WORLD.cell()[1].suite_settings)
    apart = {"name", "upstreams", "allowed_to_fail", "resolution"}  # the lock has what a resolution chose
    in_point = {"axes", "env"}
    assert settings | apart | in_point == set(Suite.model_fields)
    assert not settings & (apart | in_point)


def test_each_change_makes_another_fingerprint() -> None:
    made = [fingerprint(change(WORLD).cell()[0]) for _, change in CHANGES.values()]
    assert len(set(made)) == len(made)


def test_the_modules_of_an_imports_suite_are_its_files() -> None:
    suite = with_suite(sdist=None, imports=True, include=[])
    one = replace(suite(WORLD), tests=sources.Tests(digest=digest(("pipeline.a",)), modules=("pipeline.a",)))
    two = replace(one, tests=sources.Tests(digest=digest(("pipeline.b",)), modules=("pipeline.b",)))
    assert differing(one.cell()[1], two.cell()[1]) == {"suite_files"}
    assert fingerprint(one.cell()[0]) != fingerprint(two.cell()[0])


def fingerprint(cell: PlannedCell) -> str:
    assert cell.recipe is not None
    return cell.recipe.fingerprint


def differing(one: Ingredients, other: Ingredients) -> set[str]:
    return {name for name in Ingredients.model_fields if getattr(one, name) != getattr(other, name)}


def without(ingredient: str | None, world: World) -> str:
    """What the fingerprint would be if this had been forgotten."""
    dumped: Mapping[str, object] = world.cell()[1].model_dump(mode="json", exclude={ingredient} if ingredient else None)
    return digest(dumped)
