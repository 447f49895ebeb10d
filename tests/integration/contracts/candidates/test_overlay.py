"""A candidate on offer: whoever asks for its very version finds it, in this process, and nobody else ever does."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.version import Version

from interlock.adapters.index.client import Release
from interlock.contracts.candidates import (
    Candidate,
    CandidateBuilder,
    build_and_offer,
    build_candidate,
    find,
    parse_ref,
    withdraw,
)
from interlock.errors import DistributionError, UsageError
from interlock.matrix.plan import PlannedCell
from interlock.matrix.request import MatrixRequest
from interlock.matrix.run import plan_matrix
from interlock.model.lockfile import Lock, Unresolvable
from tests.support.candidates import CORE, PIPELINE, CandidateWorld, Origin, a_family, candidate_world, project
from tests.support.git_repositories import git
from tests.support.universe.world import Universe


@pytest.fixture
def world(universe: Universe, tmp_path: Path) -> Iterator[CandidateWorld]:
    """With an index of this test's own, which has a core and a pipeline."""
    with candidate_world(tmp_path / "world", universe) as made:
        universe.wheel(CORE, "1.0", {"trains_core/__init__.py": ""}, extras=["fast"])
        universe.wheel("trains-wheels", "2.0")
        universe.wheel(PIPELINE, "1.0", {"trains_pipeline/__init__.py": ""}, requires=[f"{CORE}[fast]>=1.0"])
        yield made


async def offered(builder: CandidateBuilder, package: str, text: str = "main") -> tuple[Candidate, Release]:
    found = await find(builder, package, parse_ref(text))
    return await build_candidate(builder, package, found), await build_and_offer(builder, package, found)


async def planned(builder: CandidateBuilder, **request: object) -> list[PlannedCell]:
    return list((await plan_matrix(builder.connections, MatrixRequest.model_validate(request))).plan.cells)


def wheels(cell: PlannedCell) -> set[str]:
    assert cell.recipe is not None, cell.unrun
    return {wheel.path.name for wheel in cell.recipe.wheels}


@pytest.fixture
def core(world: CandidateWorld) -> Origin:
    return world.origin(CORE, project(CORE, "1.0"))


def test_a_candidate_is_planned_with_by_its_version_and_is_nobodys_newest(world: CandidateWorld, core: Origin) -> None:
    world.family = a_family(suites=[{"name": "imports", "imports": {"modules": ["trains_pipeline"]}}])

    async def does(builder: CandidateBuilder) -> None:
        candidate, release = await offered(builder, CORE)
        builder.connections.index.forget(CORE)
        assert (await builder.connections.index.releases(CORE))[candidate.version] == release
        assert candidate.version not in await builder.connections.index.served(CORE)

        both = await planned(builder, upstream_versions=f"1.0, {candidate.version}")
        assert [cell.key.upstream_version for cell in both] == ["1.0", str(candidate.version)]
        assert [cell.declared for cell in both] == [True, True]
        assert wheels(both[0]) == {"trains_core-1.0-py3-none-any.whl", "trains_pipeline-1.0-py3-none-any.whl"}
        assert wheels(both[1]) == {candidate.wheel.name, "trains_pipeline-1.0-py3-none-any.whl"}
        assert both[1].recipe is not None
        assert [pin.name for pin in both[1].recipe.lock.pins] == ["trains-wheels"], "its extra came with it"
        for words in ("latest:1", "all", ">=1.0"):
            assert [cell.key.upstream_version for cell in await planned(builder, upstream_versions=words)] == ["1.0"]

        withdraw(builder.connections, candidate)
        assert candidate.version not in await builder.connections.index.releases(CORE)

    world.run(does)


def test_no_resolution_takes_a_candidate_that_it_did_not_ask_for(world: CandidateWorld, core: Origin) -> None:
    async def does(builder: CandidateBuilder) -> None:
        candidate, _ = await offered(builder, CORE)
        python = await builder.connections.uv.interpreter("3.11")
        line = f"{CORE}=={candidate.version}"

        async def core_in(requirements: list[str], forced: list[str]) -> str:
            lock = await builder.connections.uv.resolve(requirements, forced=forced, interpreter=python)
            assert isinstance(lock, Lock), lock
            return next(pin.version for pin in lock.pins if pin.name == CORE)

        assert await core_in([f"{PIPELINE}==1.0"], []) == "1.0"
        assert await core_in([f"{PIPELINE}==1.0"], [line]) == str(candidate.version)
        assert await core_in([f"{CORE}[fast]=={candidate.version}"], []) == str(candidate.version)
        withdraw(builder.connections, candidate)
        assert isinstance(await builder.connections.uv.resolve([line], forced=[line], interpreter=python), Unresolvable)

    world.run(does)


def test_the_users_own_links_stay(
    world: CandidateWorld, core: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (wheel,) = world.universe.folder.glob("trains_wheels*.whl")
    (tmp_path / "links").mkdir()
    wheel.rename(tmp_path / "links" / wheel.name)
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "links"))

    async def does(builder: CandidateBuilder) -> None:
        candidate, _ = await offered(builder, CORE)
        python = await builder.connections.uv.interpreter("3.11")
        line = f"{CORE}[fast]=={candidate.version}"
        lock = await builder.connections.uv.resolve([line], forced=[line], interpreter=python)
        assert isinstance(lock, Lock), lock
        assert {pin.name for pin in lock.pins} == {CORE, "trains-wheels"}

    world.run(does)


SUITES = {
    "git": {"name": "contracts", "git": {"path": "tests"}},
    "sdist": {"name": "contracts", "sdist": "tests"},
}


@pytest.mark.parametrize("form", SUITES)
def test_a_candidate_brings_its_own_tests(world: CandidateWorld, form: str) -> None:
    world.family = a_family(suites=[SUITES[form]])
    origin = world.origin(PIPELINE, project(PIPELINE, "1.0", requires=f'["{CORE}>=1.0"]'))
    git(origin.work, "switch", "--quiet", "--create", "next")
    origin.commit({"tests/test_new.py": "def test_new(): pass\n"})
    origin.push("next")

    async def does(builder: CandidateBuilder) -> list[str]:
        candidate, _ = await offered(builder, PIPELINE, "next")
        (cell,) = await planned(builder, upstream_versions="1.0", downstream_versions=str(candidate.version))
        assert cell.recipe is not None, cell.unrun
        assert cell.recipe.tests is not None
        return [path.read_text() for path in cell.recipe.tests.rglob("*.py")]

    assert world.run(does) == ["def test_new(): pass\n"]


def test_another_process_knows_nothing_of_it(world: CandidateWorld, core: Origin) -> None:
    world.family = a_family(suites=[{"name": "imports", "imports": {"modules": ["trains_pipeline"]}}])
    version = world.run(_plans_with_it)

    async def later(builder: CandidateBuilder) -> None:
        assert list(await builder.connections.index.releases(CORE)) == [Version("1.0")]
        with pytest.raises(UsageError, match="has no release"):
            await planned(builder, upstream_versions=version)
        (cell,) = await planned(builder, upstream_versions="1.0")
        assert wheels(cell) == {"trains_core-1.0-py3-none-any.whl", "trains_pipeline-1.0-py3-none-any.whl"}

    world.run(later)


async def _plans_with_it(builder: CandidateBuilder) -> str:
    candidate, _ = await offered(builder, CORE)
    await planned(builder, upstream_versions=str(candidate.version))
    return str(candidate.version)


def test_a_package_that_was_never_released_can_be_offered(world: CandidateWorld) -> None:
    world.origin(CORE, project(CORE, "0.1"))
    for path in world.universe.folder.glob("trains_core*"):
        path.unlink()

    async def does(builder: CandidateBuilder) -> None:
        with pytest.raises(DistributionError):
            await builder.connections.index.releases(CORE)
        candidate, release = await offered(builder, CORE)
        assert await builder.connections.index.releases(CORE) == {candidate.version: release}
        builder.connections.index.forget(CORE)
        assert await builder.connections.index.releases(CORE) == {candidate.version: release}

    world.run(does)
