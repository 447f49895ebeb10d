import asyncio
import textwrap
from pathlib import Path

import pytest

from interlock.adapters.distributions import Wheel, read_wheel
from interlock.contracts.schema import breakage
from interlock.contracts.schema.breakage import Breakage, find_breakages, find_breakages_apart
from tests.support.universe import make_wheel

BEFORE = """
    from core._inner import helper
    def _private(): ...
    def gone(): ...
    def kept(a, b=1) -> int: ...
    class Gone(ValueError):
        def put(self, a): ...
"""
AFTER = """
    import pathlib
    pathlib.Path(__file__).with_name("executed").touch()
    raise SystemExit("this must be read, not run")
    from core._inner import helper
    def kept(*, a, b=2): ...
    class Gone:
        def put(self, a, b): ...
"""


def wheel(folder: Path, version: str, source: str, **others: str) -> Wheel:
    files = {"core/__init__.py": textwrap.dedent(source), **{f"core/{name}.py": text for name, text in others.items()}}
    return read_wheel(make_wheel(folder, "core", version, files=files))


@pytest.fixture
def found(tmp_path: Path) -> tuple[Breakage, ...]:
    before = wheel(tmp_path, "1.0", BEFORE, _inner="def helper(): ...", old="", tests="def helper(): ...")
    return find_breakages(before, wheel(tmp_path, "2.0", AFTER, _inner=""))


def test_breakages_are_told_in_a_line_each_and_private_names_left_out(found: tuple[Breakage, ...]) -> None:
    assert [breakage.line for breakage in found] == [
        "core.Gone.put(b): parameter was added as required",
        "core.Gone: base class was removed",
        "core.gone: public object was removed",
        "core.kept(a): parameter kind was changed: positional or keyword -> keyword-only",
        "core.kept(b): parameter default was changed: 1 -> 2",
        "core.kept(b): parameter kind was changed: positional or keyword -> keyword-only",
        "core.kept: return types are incompatible: int -> nothing",
        "core.old: public object was removed",
    ]


def test_another_default_breaks_nobody_by_itself(found: tuple[Breakage, ...]) -> None:
    harmless = [breakage.line for breakage in found if not breakage.breaks]
    assert harmless == ["core.kept(b): parameter default was changed: 1 -> 2"]


def test_only_the_modules_of_the_contract_are_told_of(tmp_path: Path) -> None:
    before = wheel(tmp_path, "1.0", "def f(): ...", events="def g(): ...")
    after = wheel(tmp_path, "2.0", "", events="")
    assert [each.line for each in find_breakages(before, after, ["core.events"])] == [
        "core.events.g: public object was removed"
    ]


def test_a_package_that_is_gone_or_no_python_is_told_of(tmp_path: Path) -> None:
    before = wheel(tmp_path, "1.0", "def f(): ...")
    other = read_wheel(make_wheel(tmp_path, "core", "2.0", files={"kernel/__init__.py": ""}))
    assert find_breakages(before, other) == (Breakage(line="core: module was removed", breaks=True),)
    assert find_breakages(other, before) == (Breakage(line="kernel: module was removed", breaks=True),)
    assert find_breakages(wheel(tmp_path, "3.0", "def ("), before) == ()


@pytest.mark.parametrize("modules", [(), ("core.a",)])
def test_names_that_stand_for_each_other_are_told_and_no_defect(tmp_path: Path, modules: tuple[str, ...]) -> None:
    """It must not look as if nothing had changed, either."""
    before = wheel(tmp_path, "1.0", "from core.a import Level", a="class Level: ...")
    after = wheel(tmp_path, "2.0", "from core.a import Level", a="from core import Level")
    (told,) = find_breakages(before, after, modules)
    assert told.line.startswith("core: can't be compared: Cyclic aliases detected: core.")
    assert not told.breaks


def test_the_sandbox_finds_the_same(tmp_path: Path) -> None:
    before, after = wheel(tmp_path, "1.0", BEFORE, _inner="def helper(): ..."), wheel(tmp_path, "2.0", AFTER, _inner="")
    assert asyncio.run(find_breakages_apart(before, after)) == find_breakages(before, after)
    assert asyncio.run(find_breakages_apart(before, after, ["core._inner"])) == find_breakages(
        before, after, ["core._inner"]
    )


def test_sources_that_take_too_long_are_a_line_that_breaks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breakage, "SECONDS", 0.05)
    before = wheel(tmp_path, "1.0", BEFORE)
    (line,) = asyncio.run(find_breakages_apart(before, before))
    assert (line.line, line.breaks) == ("core: can't be compared: it takes more than 0 seconds", False)


def test_a_wheel_that_cannot_be_unpacked_is_a_line_that_breaks_nothing(tmp_path: Path) -> None:
    before = wheel(tmp_path, "1.0", BEFORE)
    both = read_wheel(make_wheel(tmp_path, "core", "2.0", files={"core/x.py": "", "core/x.py/y.py": ""}))
    (line,) = asyncio.run(find_breakages_apart(before, both))
    assert "can't be compared" in line.line
    assert not line.breaks


def test_the_breakages_are_written_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = wheel(tmp_path, "1.0", BEFORE), wheel(tmp_path, "2.0", AFTER)
    breakage.main(str(before.path), str(after.path))
    assert breakage.BREAKAGES.validate_json(capsys.readouterr().out) == find_breakages(before, after)
