"""Contracts of real wheels, exported by real Pythons, with code in them that does whatever it likes."""

import asyncio
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from interlock.adapters.distributions import read_wheel
from interlock.common.atomic_files import read_sealed, write_sealed
from interlock.contracts.schema import ContractSchema
from interlock.contracts.schema import export as exporting
from interlock.contracts.schema.export import export, parse
from interlock.errors import UnbuildableError
from tests.support.universe import Universe, make_wheel, open_universe

PYTHON = "{}.{}".format(*sys.version_info)
CORE = {
    "core/__init__.py": """
        from core._inner import Bus, helper
        from core.telemetry import Level
        from json import dumps
        __all__ = ["Bus", "Level", "late"]
        def __getattr__(name):
            if name != "late":
                raise AttributeError(name)
            from core._inner import late
            return late
        """,
    "core/_inner.py": """
        class Bus:
            def put(self, item, into=object()): ...
            def _own(self): ...
        def helper(): ...
        def late(): ...
        """,
    "core/telemetry.py": """
        import functools, sys
        from enum import Enum
        print("a module may print")
        class Level(Enum):
            soft = {"a"}
        @functools.lru_cache
        def cached(a: int) -> int: ...
        _private = 1
        value = 3
        """,
    "core/quits.py": "raise SystemExit('not today\\nnor tomorrow')",
    "core/strange.py": "import nothing_of_this_name",
    "core/silent.py": "raise RuntimeError",
    "core/ends.py": "import os\nos._exit(3)",
    "core/secret.py": """
        import os, pathlib, sys
        names = sorted(set(os.environ) - {"PATH", "HOME", "TMPDIR", "LANG", "TZ", "VIRTUAL_ENV", "LC_CTYPE"})
        assert not names, names
        assert not any("interlock" in entry.rsplit("/", 1)[-1] for entry in sys.path), sys.path
        pathlib.Path("left-behind").touch()
        import threading, time
        threading.Thread(target=time.sleep, args=(600,)).start()
        """,
}


@dataclass(frozen=True)
class World:
    universe: Universe
    folder: Path

    def wheel(self, version: str, files: dict[str, str], *, requires: tuple[str, ...] = ()) -> Path:
        dedented = {name: textwrap.dedent(text) for name, text in files.items()}
        return make_wheel(self.folder, "core", version, files=dedented, requires=requires)

    def export(self, wheel: Path, *modules: str, limit: float = 60.0) -> ContractSchema:
        async def work() -> ContractSchema:
            async with self.universe.uv(self.folder / "cache") as uv:
                python = await uv.interpreter(PYTHON)
                cache = self.folder / "cache"
                return await export(read_wheel(wheel), modules, uv=uv, interpreter=python, cache=cache, limit=limit)

        return asyncio.run(work())


@pytest.fixture(scope="module")
def universe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Universe]:
    with open_universe(tmp_path_factory.mktemp("universe")) as opened:
        opened.wheel("friend", "1.0", {"friend.py": "class Friend: ..."})
        yield opened


@pytest.fixture
def world(universe: Universe, tmp_path: Path) -> World:
    return World(universe, tmp_path)


def test_a_wheel_is_exported_whatever_its_modules_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYPI_TOKEN", "a secret")
    found = world.export(world.wheel("1.0", CORE))
    assert {element.name: element.names for element in found.elements} == {
        "core.Bus": ("core.Bus",),
        "core.Level": ("core.Level", "core.telemetry.Level"),
        "core.late": ("core.late",),
        "core.telemetry.cached": ("core.telemetry.cached",),
    }
    assert found.unreadable == {
        "core.ends": "it ended the Python that read it with exit code 3",
        "core.quits": "SystemExit: not today",
        "core.silent": "RuntimeError",
        "core.strange": "ModuleNotFoundError: No module named 'nothing_of_this_name'",
    }
    bus = next(element for element in found.elements if element.name == "core.Bus")
    assert bus.seen_as == ("core.Bus", "core._inner.Bus")
    assert "0x" not in found.model_dump_json()


def test_a_module_that_hangs_is_ended_and_left_out(world: World) -> None:
    files = {"core/__init__.py": "class A: ...", "core/hangs.py": "import time\ntime.sleep(600)"}
    found = world.export(world.wheel("1.0", files), limit=5)
    assert [element.name for element in found.elements] == ["core.A"]
    assert found.unreadable == {"core.hangs": "it did not end within 5 s"}


def test_an_element_that_ends_the_python_or_hangs_is_left_out_and_nothing_else(world: World) -> None:
    files = {
        "core/__init__.py": """
            __all__ = ["Good", "late"]
            class Good: ...
            def __getattr__(name):
                import time
                time.sleep(600 if name == "late" else 0)
            """,
        "core/inner.py": """
            import os
            class Meta(type):
                @property
                def __mro__(cls): os._exit(3)
            class Ends(metaclass=Meta): ...
            class Fine: ...
            """,
    }
    found = world.export(world.wheel("1.0", files), limit=5)
    assert [element.name for element in found.elements] == ["core.Good", "core.inner.Fine", "core.inner.Meta"]
    assert found.unreadable == {
        "core.late": "it did not end within 5 s",
        "core.inner.Ends": "it ended the Python that read it with exit code 3",
    }


def test_a_package_that_ends_every_python_is_unreadable_and_no_error(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MOST_ENDED", 2)
    names = [f"m{number}" for number in range(4)]
    files = {"core/__init__.py": "", **{f"core/{name}.py": "import os\nos._exit(0)" for name in names}}
    found = world.export(world.wheel("1.0", files))
    assert found.elements == ()
    assert set(found.unreadable) == {"core", *(f"core.{name}" for name in names)}


def test_only_the_named_modules_are_the_contract_and_one_that_is_missing_is_told_of(world: World) -> None:
    wheel = world.wheel(
        "1.0", {**CORE, "core/events/__init__.py": "def f(): ...", "core/events/bus.py": "class B: ..."}
    )
    found = world.export(wheel, "core.events", "core.gone")
    assert [element.name for element in found.elements] == ["core.events.bus.B", "core.events.f"]
    assert found.unreadable == {"core.gone": "there is no such module in the wheel"}


def test_what_it_requires_is_there_and_is_not_its_own_contract(world: World) -> None:
    requires = ('friend==1.0; python_version >= "3"', "nobody==9; extra == 'more'")
    found = world.export(
        world.wheel("1.0", {"core.py": "from friend import Friend\nclass Own(Friend): ..."}, requires=requires)
    )
    assert [element.name for element in found.elements] == ["core.Own"]
    assert found.unreadable == {}


def test_what_can_not_be_resolved_is_an_error_that_says_so(world: World) -> None:
    wheel = world.wheel("1.0", {"core.py": ""}, requires=("friend>=2",))
    with pytest.raises(UnbuildableError, match=r"(?s)contract of core 1\.0 can't be read: .*friend"):
        world.export(wheel)


def test_the_same_wheel_is_exported_once_and_always_to_the_same(world: World) -> None:
    files = {"core.py": "def f(a=frozenset('abcdef'), b=object(), c=len): ..."}
    first = world.export(world.wheel("1.0", files))
    (kept,) = (world.folder / "cache" / "contracts").iterdir()
    sealed = read_sealed(kept)
    assert sealed is not None
    write_sealed(kept, sealed.replace(b"core.f", b"core.kept"))
    again = world.export(world.wheel("1.0.1", files))
    assert (again.version, [element.name for element in again.elements]) == ("1.0.1", ["core.kept"])
    kept.write_text("half of it")
    assert world.export(world.wheel("1.0", files)).model_dump_json() == first.model_dump_json()
    other = world.export(world.wheel("1.1", {"core.py": "def f(a): ..."}))
    assert other.elements != first.elements


def test_a_kept_export_that_was_changed_is_made_again(world: World) -> None:
    files = {"core.py": "def f(): ..."}
    world.export(world.wheel("1.0", files))
    (kept,) = (world.folder / "cache" / "contracts").iterdir()
    kept.write_text(kept.read_text().replace("core.f", "core.evil"))
    again = world.export(world.wheel("1.0.1", files))
    assert [element.name for element in again.elements] == ["core.f"]


def test_what_is_written_into_shared_packages_is_evidence_of_nothing(world: World) -> None:
    meddling = "import friend\nwith open(friend.__file__, 'a') as file:\n    file.write('meddled = 1')\nclass A: ..."
    world.export(world.wheel("1.0", {"core.py": meddling}, requires=("friend",)))
    found = world.export(
        world.wheel("1.1", {"core.py": "import friend\nassert not hasattr(friend, 'meddled')"}, requires=("friend",))
    )
    assert found.unreadable == {}


def test_lines_that_are_cut_short_or_are_none_of_ours_are_passed_over() -> None:
    lines = (
        '{"reading": ["core"]}',
        '{"element": {"name": 1}}',
        '{"unrea',
        "[1]",
        "[" * 100_000,
        '{"unreadable": "core", "error": "E"}',
        '{"element": {"name": "core.f", "kind": "function"}}',
    )
    facts = parse(lines)
    assert (facts.reading, facts.elements, facts.done) == (("core",), [], False)
    assert facts.unreadable == {
        "core": "E",
        "core.f": "what was read of it has no form that could be compared",
    }
