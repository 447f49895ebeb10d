"""What a downstream uses, and whether its suite covers it: by reading small wheels and suites."""

import textwrap
from pathlib import Path

import pytest

from interlock.contracts.schema import ElementChange, Kind, Use, What
from interlock.contracts.schema.source_reader import read_file
from interlock.contracts.schema.uses import DownstreamSources, uses_of
from tests.support.universe import make_wheel

LEVEL = ElementChange(
    name="core.Level",
    kind=Kind.ENUM,
    what=What.CHANGED,
    names=("core.Level", "core.telemetry.Level"),
    values=("gentle", "soft"),
)
NEXT = LEVEL.model_copy(update={"name": "core.LevelTwo", "names": ("core.LevelTwo",), "values": ()})


def use(
    folder: Path,
    modules: dict[str, str],
    suite: dict[str, str] | None = None,
    change: ElementChange = LEVEL,
    imports: tuple[str, ...] = (),
) -> Use:
    files = {f"pipe/{name}.py": textwrap.dedent(text) for name, text in {"__init__": "", **modules}.items()}
    tests = folder / "suite"
    for name, text in (suite or {}).items():
        path = tests / "tests" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    wheel = make_wheel(folder, "pipe", "1.0", files=files)
    sources = DownstreamSources(wheel=wheel, tests=(tests,) if suite else (), imports=imports)
    return uses_of([change], sources)[change.name]


USES = {
    "by name": "from core.telemetry import Level",
    "by its short name": "from core import Level as L",
    "through a module": "import core.telemetry\nx = core.telemetry.Level.soft",
    "through another name of a module": "import core.telemetry as t\nx = t.Level.soft.value",
    "through a module that is taken from a package": "from core import telemetry\nx = telemetry.Level",
    "inside of a function": "def f():\n    from core import Level",
    "with everything": "from core.telemetry import *\nx = Level.soft",
    "by a text for a mock": "x = 'core.telemetry.Level.soft'",
    "by texts for importlib": "X = {'core.telemetry': ['Event', 'Level']}",
    "by a value that is compared": "from core import Event\ndef f(e): return e.level == 'soft'",
    "by a value among others": "from core import Event\ndef f(e): return e.level in ('hard', 'soft')",
    "by a value that is matched": "from core import Event\ndef f(e):\n    match e.level:\n        case 'soft': ...",
    "by a value as a key": "import core.telemetry\nX = {'soft': 0.7}",
    "by a value that is looked up": "import core\ndef f(x): return x['gentle']",
}


@pytest.mark.parametrize("source", USES.values(), ids=USES)
def test_a_use_is_found(tmp_path: Path, source: str) -> None:
    assert use(tmp_path, {"policy": source}) is Use.UNTESTED


NO_USES = {
    "of something else": "from core.telemetry import Levels\nimport core\nx = core.LevelTwo",
    "of a stranger of the same name": "from kernel import Level\nx = Level.soft",
    "of everything, without the name": "from core.telemetry import *\nx = Event",
    "of a value that is not the upstream's": "x = {'soft': 1}",
    "of a value that is neither compared nor a key": "import core\nx = 'soft'",
    "in a comment": "# from core import Level",
    "in no Python": "from core import Level\ndef (",
    "of a name of its own": "Level = 1\nx = Level.soft",
}


@pytest.mark.parametrize("source", NO_USES.values(), ids=NO_USES)
def test_what_is_no_use_is_none(tmp_path: Path, source: str) -> None:
    assert use(tmp_path, {"policy": source}) is Use.NOT_USED


def test_a_suite_that_uses_it_itself_covers_it(tmp_path: Path) -> None:
    assert use(tmp_path, {}, {"test_core": "from core import Level"}) is Use.COVERED


POLICY = {"policy": "from core import Level\ndef scale(): ..."}
COVERING = {
    "by the module": (POLICY, "from pipe.policy import scale"),
    "by its package": (POLICY, "from pipe import policy"),
    "as a whole": (POLICY, "import pipe.policy"),
    "by another module": ({**POLICY, "bus": "from pipe.policy import scale"}, "from pipe.bus import Bus"),
    "by a relative import": ({**POLICY, "bus": "from .policy import scale"}, "import pipe.bus as bus"),
    "by a package that passes it on": ({**POLICY, "__init__": "from .policy import scale"}, "from pipe import scale"),
    "by a star": ({**POLICY, "bus": "from pipe.policy import *"}, "from pipe.bus import Bus"),
}


@pytest.mark.parametrize(("modules", "test"), COVERING.values(), ids=COVERING)
def test_a_suite_that_imports_a_module_that_uses_it_covers_it(
    tmp_path: Path, modules: dict[str, str], test: str
) -> None:
    assert use(tmp_path, modules, {"test_policy": test}) is Use.COVERED


def test_a_suite_that_imports_other_modules_does_not(tmp_path: Path) -> None:
    modules = {**POLICY, "bus": "import json", "__init__": "from .policy import scale\nfrom .bus import Bus"}
    assert use(tmp_path, modules, {"test_bus": "from pipe import Bus"}) is Use.UNTESTED


def test_what_a_downstream_passes_on_under_its_own_name_is_used_where_that_is(tmp_path: Path) -> None:
    modules = {"types": "from core.telemetry import Level", "policy": "from pipe.types import Level"}
    assert use(tmp_path, modules, {"test_x": "from pipe.policy import Level"}) is Use.COVERED
    away = {"__init__": "from . import loop", "loop": "from pipe import loop\nfrom .loop import Level as Level"}
    assert use(tmp_path / "away", away) is Use.NOT_USED


def test_importing_covers_what_is_removed_and_imported_by_name_and_no_more(tmp_path: Path) -> None:
    removed = LEVEL.model_copy(update={"what": What.REMOVED})
    assert use(tmp_path / "a", POLICY, change=removed, imports=("pipe.policy",)) is Use.COVERED
    assert use(tmp_path / "b", POLICY, change=LEVEL, imports=("pipe.policy",)) is Use.UNTESTED
    assert use(tmp_path / "c", POLICY, change=removed, imports=("pipe",)) is Use.UNTESTED
    by_attribute = {"policy": "import core\ndef f(): return core.Level"}
    assert use(tmp_path / "d", by_attribute, change=removed, imports=("pipe.policy",)) is Use.UNTESTED


def test_an_element_is_no_other_whose_name_begins_the_same(tmp_path: Path) -> None:
    assert use(tmp_path, {"policy": "from core import Level"}, change=NEXT) is Use.NOT_USED


def test_relative_imports_are_resolved_by_the_module_that_has_them() -> None:
    source = b"from . import a\nfrom .b import c\nfrom ..d import e\nfrom .. import f"
    inside = read_file(source, "pipe.sub.module")
    package = read_file(source, "pipe.sub", is_package=True)
    expected = {"pipe.sub.a", "pipe.sub.b.c", "pipe.d.e", "pipe.f"}
    assert inside is not None
    assert package is not None
    assert inside.imported == package.imported == expected
