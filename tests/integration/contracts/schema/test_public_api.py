from pathlib import Path

from interlock.contracts.schema.public_api import choose, is_promised, modules_of
from tests.support.universe import make_wheel

FILES = (
    "core/__init__.py",
    "core/__main__.py",
    "core/_inner/__init__.py",
    "core/_inner/deep.py",
    "core/events/__init__.py",
    "core/events/bus.py",
    "core/events/_own.py",
    "core/fast.cpython-311-x86_64-linux-gnu.so",
    "core/py.typed",
    "core/not-a-module.py",
    "core/tests/test_bus.py",
    "tests/__init__.py",
    "alone.py",
)


def test_all_modules_are_the_contract_but_private_ones_tests_and_what_runs_when_it_is_imported(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "core", "1.0", files=dict.fromkeys(FILES, ""))
    chosen, absent = choose(modules_of(wheel), ())
    assert chosen == ("alone", "core", "core.events", "core.events.bus", "core.fast")
    assert absent == ()


def test_named_modules_are_the_contract_with_all_that_is_public_below_them(tmp_path: Path) -> None:
    offered = modules_of(make_wheel(tmp_path, "core", "1.0", files=dict.fromkeys(FILES, "")))
    assert choose(offered, ["core.events"]) == (("core.events", "core.events.bus"), ())
    assert choose(offered, ["core._inner", "core.gone"]) == (("core._inner", "core._inner.deep"), ("core.gone",))


def test_a_name_is_promised_where_its_module_is() -> None:
    assert is_promised("core.events.Bus.put", ())
    assert not is_promised("core.events.Bus._put", ())
    assert not is_promised("core.tests.helper", ())
    assert is_promised("core._inner.deep.f", ["core._inner"])
    assert not is_promised("core.eventsource.f", ["core.events"])
