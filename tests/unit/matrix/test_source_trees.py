"""Tests inside a package: whether a wheel has them, and what a source tree adds to it."""

import pytest

from interlock.matrix.source_trees import has_tests, laid_over, needed_inside

OWN = ("app/__init__.py", "app/thing.py")
TESTS = ("app/conftest.py", "app/tests/__init__.py", "app/tests/test_x.py", "app/tests/data/x.json")


@pytest.mark.parametrize(
    ("files", "path", "expected"),
    [
        (["app/tests/test_x.py"], "app/tests", True),
        (["app/tests/deep/x_test.py"], "app/tests", True),
        (["app/tests.py"], "app/tests.py", True),
        (["app/sub/tests.py"], "app", True),
        (["app/tests/__init__.py", "app/tests/helper.py"], "app/tests", False),
        (["app/tests_of_old/test_x.py"], "app/tests", False),
        ([], "app/tests", False),
    ],
)
def test_tests_are_known_by_their_names(files: list[str], path: str, *, expected: bool) -> None:
    assert has_tests(files, path) is expected


@pytest.mark.parametrize("top", ["", "src/", "packages/app/src/"])
def test_what_is_not_installed_is_added_below_the_packages_whatever_the_layout(top: str) -> None:
    tree = {f"{top}{name}": name.encode() for name in (*OWN, *TESTS)} | {"setup.py": b"", "__init__.py": b""}
    tree["tox.ini"] = b"[pytest]\naddopts = -q\n"
    found = laid_over({name: tree[name] for name in filter(needed_inside("app/tests"), tree)}, "app/tests", OWN)
    assert set(found) == {*TESTS, "tox.ini"}
    assert found["app/tests/test_x.py"] == b"app/tests/test_x.py"


def test_nothing_that_is_installed_is_added() -> None:
    tree = dict.fromkeys((*OWN, *TESTS), b"of the tree")
    assert set(laid_over(tree, "app/tests", {*OWN, "app/tests/__init__.py"})) == set(TESTS) - {"app/tests/__init__.py"}


def test_the_outermost_of_several_trees_is_taken() -> None:
    tree = {"app/tests/test_x.py": b"here", "vendored/app/tests/test_x.py": b"there"}
    assert laid_over(tree, "app/tests", OWN) == {"app/tests/test_x.py": b"here"}


def test_one_module_can_be_tests() -> None:
    tree = {"src/app/tests.py": b"", "src/app/tests/test_x.py": b""}
    assert set(laid_over(tree, "app/tests.py", OWN)) == {"app/tests.py"}


def test_a_tree_without_such_tests_adds_nothing() -> None:
    assert laid_over({"tests/test_x.py": b"", "conftest.py": b""}, "app/tests", OWN) == {}
