import pytest

from interlock.contracts.verify.review import WHY, describe

PLAIN = b"import click\n"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (b"import _pytest.python", "_pytest"),
        (b"from _pytest.python import *", "_pytest"),
        (b"import pytest", "pytest"),
        (b"import sys\nsys.modules['x'] = 1", "sys.modules"),
        (b"import sys as s\ndel s.modules", "sys.modules"),
        (b"from sys import modules", "sys.modules"),
        (b"import sys\ngetattr(sys, 'modules')", "sys.modules"),
        (b"def f():\n    from gc import get_objects", "gc"),
        (b"import ctypes.util", "ctypes"),
        (b"open('/proc/self/mem')", "/proc"),
        (b"__import__('_pytest.python')", "_pytest"),
        (b"import importlib\nimportlib.import_module('ctypes')", "ctypes"),
        (b"import _pytest, sys, gc\nsys.modules, open('/proc/1/environ')", "_pytest, sys.modules, gc, /proc"),
        (b"(" * 10_000, "can't be parsed"),
        (None, "is too large to be read"),
    ],
)
def test_what_could_make_tests_pass_is_named_with_its_file(source: bytes | None, found: str) -> None:
    expected = f"this change touches core/x.py ({found}): {WHY}"
    assert describe({"core/x.py": PLAIN}, {"core/x.py": source}) == expected
    assert describe({}, {"core/x.py": source}) == expected


@pytest.mark.parametrize(
    "source",
    [PLAIN, b"import sys\nsys.path", b"gc = 1", b"x = 'gc'", b"import pytest_cases", b"import core.gc", b"# /proc, gc"],
)
def test_what_could_not_is_no_remark(source: bytes) -> None:
    assert describe({}, {"core/x.py": source}) is None


def test_only_files_that_the_change_touches_count() -> None:
    same = {"core/x.py": b"import ctypes", "core/y.py": PLAIN}
    assert describe(same, {**same, "core/y.py": b"import click, os"}) is None


@pytest.mark.parametrize("name", ["core/tests/test_x.py", "tests/conftest.py", "core/testing.py"])
def test_tests_may_import_pytest_and_nothing_else_of_it(name: str) -> None:
    assert describe({}, {name: b"import pytest"}) is None
    assert describe({}, {name: b"import _pytest"}) is not None


def test_what_starts_with_python_or_with_pytest_is_named() -> None:
    files: dict[str, bytes | None] = {
        "hook.pth": b"import core",
        "core-1.0.dist-info/entry_points.txt": b"[pytest11]\ncore = core.plugin",
        "other/entry_points.txt": b"[pytest11]",
    }
    assert describe({}, files) == (
        "this change touches core-1.0.dist-info/entry_points.txt (is a plugin of pytest) and "
        f"hook.pth (is run whenever Python starts): {WHY}"
    )


def test_many_files_are_counted() -> None:
    remark = describe({}, {f"core/m{number}.py": b"import gc" for number in range(8)})
    assert remark is not None
    assert "core/m4.py (gc) and 3 more files: " in remark
    assert "core/m5.py" not in remark
