"""The whole, on the rehearsal's core and pipeline: a renamed value is found, told, and matched with who uses it."""

import asyncio
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from interlock.contracts.schema import ContractChange, Use, What
from interlock.contracts.schema.change import contract_change
from interlock.contracts.schema.uses import DownstreamSources
from interlock.model.bump import Part
from rehearsal.wheels import pack_closure
from tests.support.paths import ROOT
from tests.support.universe import Universe, make_wheel, open_universe

PYTHON = "{}.{}".format(*sys.version_info)
FAMILY = ROOT / "rehearsal" / "families" / "market_data"
TELEMETRY = "market_data_core/telemetry.py"


def sources(project: str) -> dict[str, str]:
    folder = FAMILY / project / "src"
    return {path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*.py"))}


@dataclass(frozen=True)
class World:
    universe: Universe
    folder: Path
    cache: Path

    def core(self, version: str, **replaced: str) -> Path:
        files = sources("market-data-core")
        for old, new in replaced.items():
            files[TELEMETRY] = files[TELEMETRY].replace(old, new)
        return self.wheel(version, files, requires=("pydantic",))

    def wheel(self, version: str, files: Mapping[str, str], requires: tuple[str, ...] = ()) -> Path:
        return make_wheel(self.folder, "market-data-core", version, files=files, requires=requires)

    def pipeline(self) -> DownstreamSources:
        wheel = make_wheel(self.folder, "market-data-pipeline", "0.8.1", files=sources("market_data_pipeline"))
        return DownstreamSources(wheel=wheel, tests=(FAMILY / "market_data_pipeline" / "tests" / "contracts",))

    def change(
        self, before: Path, after: Path, modules: tuple[str, ...] = (), **downstreams: DownstreamSources
    ) -> ContractChange:
        async def work() -> ContractChange:
            async with self.universe.uv(self.cache) as uv:
                python = await uv.interpreter(PYTHON)
                return await contract_change(
                    before,
                    after,
                    modules=modules,
                    uv=uv,
                    interpreter=python,
                    cache=self.cache,
                    downstreams=downstreams,
                )

        return asyncio.run(work())


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Universe, Path]]:
    packages = tmp_path_factory.mktemp("packages")
    pack_closure(packages, ["pydantic"])
    with open_universe(tmp_path_factory.mktemp("universe"), packages) as universe:
        yield universe, tmp_path_factory.mktemp("cache")


@pytest.fixture
def world(opened: tuple[Universe, Path], tmp_path: Path) -> World:
    return World(opened[0], tmp_path, opened[1])


def test_a_renamed_value_breaks_who_reads_and_who_writes_it(world: World) -> None:
    store = make_wheel(world.folder, "store", "1.0", files={"store.py": "from market_data_core import telemetry"})
    level_of = {"store.py": "from market_data_core.telemetry import BackpressureLevel\nX = BackpressureLevel.soft"}
    ibkr = make_wheel(world.folder, "ibkr", "1.0", files={"ibkr.py": level_of["store.py"]})
    found = world.change(
        world.core("1.2.10"),
        world.core("1.2.11", **{'soft = "soft"': 'gentle = "gentle"'}),
        pipeline=world.pipeline(),
        store=DownstreamSources(wheel=store),
        ibkr=DownstreamSources(wheel=ibkr, imports=("ibkr",)),
    )
    names = [change.name.removeprefix("market_data_core.telemetry.") for change in found.changes]
    assert names == ["BackpressureLevel", "FeedbackEvent", "RateAdjustment"]
    assert found.changes[0].details == ('member soft = "soft" removed', 'member gentle = "gentle" added')
    assert found.changes[1].details == ('field "level": value "soft" removed', 'field "level": value "gentle" added')
    assert all(change.breaks_readers and change.breaks_writers for change in found.changes)
    assert found.api == ("market_data_core.telemetry.BackpressureLevel.soft: public object was removed",)
    assert found.part is Part.MAJOR
    assert not found.is_empty
    assert set(found.uses["pipeline"].values()) == {Use.COVERED}
    assert set(found.uses["store"].values()) == {Use.NOT_USED}
    assert list(found.uses["ibkr"].values()) == [Use.UNTESTED, Use.NOT_USED, Use.NOT_USED]


def test_what_only_comes_is_a_minor_and_what_is_only_said_is_none(world: World) -> None:
    before = world.core("1.2.10")
    said = world.core("1.2.11", **{"How urgently a queue needs relief.": "What a queue asks for."})
    assert world.change(before, said) == ContractChange(before="1.2.10", after="1.2.11")
    more = world.core("1.3.0", **{"    ts: float\n": "    ts: float\n    note: str = ''\n"})
    found = world.change(before, more, pipeline=world.pipeline())
    assert found.part is Part.MINOR
    assert {change.what for change in found.changes} == {What.CHANGED}
    assert not any(change.breaks for change in found.changes)


def test_the_same_content_is_compared_with_nothing(world: World) -> None:
    before, after = (world.wheel(version, {"core.py": ""}, requires=("on-no-index",)) for version in ("1.0", "1.1"))
    found = world.change(before, after)
    assert found == ContractChange(before="1.0", after="1.1")
    assert found.is_empty


def test_what_could_not_be_compared_is_told_and_is_not_the_same(world: World) -> None:
    before = world.wheel("1.0", {"core/__init__.py": "", "core/a.py": "import gone", "core/b.py": "import gone"})
    same = world.wheel("1.1", {"core/__init__.py": "", "core/a.py": "import gone\r\n", "core/b.py": "import lost"})
    changed = world.change(before, same)
    assert changed.notes == (
        "core.a, core.b of 1.0 can't be compared: ModuleNotFoundError: No module named 'gone'",
        "core.a of 1.1 can't be compared: ModuleNotFoundError: No module named 'gone'",
        "core.b of 1.1 can't be compared: ModuleNotFoundError: No module named 'lost'",
    )
    assert not changed.is_empty
    lines = world.wheel("1.2", {"core/__init__.py": "", "core/a.py": "import gone\n", "core/b.py": "import lost"})
    assert world.change(same, lines) == ContractChange(before="1.1", after="1.2")


def test_an_element_that_could_not_be_read_on_either_side_is_told_and_is_not_the_same(world: World) -> None:
    odd = "class M(type):\n    @property\n    def __mro__(cls): raise SystemExit(3)\nclass Odd(metaclass=M): ...\n"
    before, after = (world.wheel(version, {"core.py": f"{odd}#{version}"}) for version in ("1.0", "1.1"))
    found = world.change(before, after)
    assert found.changes == ()
    assert found.notes == tuple(f"core.Odd of {version} can't be compared: SystemExit: 3" for version in ("1.0", "1.1"))
    assert not found.is_empty


def test_a_module_that_is_nowhere_is_told_of_and_is_not_the_same_for_ever(world: World) -> None:
    before, after = (world.wheel(version, {"core.py": f"def f{version[-1]}(): ..."}) for version in ("1.0", "1.1"))
    found = world.change(before, after, ("cor",))
    assert found.changes == ()
    assert found.notes == (
        "cor of 1.0 can't be compared: there is no such module in the wheel",
        "cor of 1.1 can't be compared: there is no such module in the wheel",
    )
