"""Versions that were left behind in a built wheel."""

import zipfile
from pathlib import Path

import pytest
from packaging.version import Version

from interlock.errors import BuildError
from interlock.project.build import BuiltFile, left_behind
from interlock.project.build.version_literals import LeftBehind
from tests.support.universe.packages import make_sdist, make_wheel

OLD = "__version__ = '1.2.3'\n"
BEFORE = (Version("1.2.3"), Version("1.2.2"))


def looked_into(folder: Path, files: dict[str, str]) -> LeftBehind:
    wheel = make_wheel(folder, "acme-core", "1.3.0", files=files)
    sdist = make_sdist(folder, "acme-core", "1.3.0", {"acme_core/__init__.py": OLD})
    return left_behind([BuiltFile.of(sdist), BuiltFile.of(wheel)], "acme-core", BEFORE)


@pytest.mark.parametrize(
    ("files", "at"),
    [
        ({"acme_core/__init__.py": f"'''Core.'''\n{OLD}", "other/__init__.py": ""}, "acme_core/__init__.py:2"),
        ({"acme/__init__.py": "", "acme/_version.py": OLD}, "acme/_version.py:1"),
        ({"acme/__init__.py": "__version__: str = '1.2.2'\n"}, "acme/__init__.py:1"),
        ({"acme/__init__.py": "__version__ = 'v1.2.3.0'\n"}, "acme/__init__.py:1"),
        ({"zed.py": OLD}, "zed.py:1"),
        ({"acme/core/__init__.py": OLD, "acme/store/__init__.py": OLD}, "acme/core/__init__.py:1"),
    ],
)
def test_an_own_package_that_says_the_version_of_before_is_wrong(
    files: dict[str, str], at: str, tmp_path: Path
) -> None:
    (wrong,) = looked_into(tmp_path, files).wrong
    assert wrong.startswith(f"{at} has __version__ = ")


@pytest.mark.parametrize(
    ("files", "remark"),
    [
        (
            {"acme_core/__init__.py": "", "borrowed/__init__.py": OLD},
            'borrowed/__init__.py:1 has __version__ = "1.2.3"',
        ),
        ({"acme/__init__.py": "VERSION = '1.2.3'\n"}, 'acme/__init__.py:1 has VERSION = "1.2.3"'),
        ({"acme/__init__.py": "version_info = (1, 2, 3)\n"}, 'acme/__init__.py:1 has version_info = "1.2.3"'),
        ({"acme/__init__.py": f"try:\n  x()\nexcept E:\n  {OLD}"}, 'acme/__init__.py:4 has __version__ = "1.2.3"'),
        ({"acme/__init__.py": "", "acme/VERSION": "1.2.3\n"}, "acme/VERSION has the text 1.2.3"),
    ],
)
def test_what_may_be_right_is_a_remark(files: dict[str, str], remark: str, tmp_path: Path) -> None:
    assert looked_into(tmp_path, files) == LeftBehind(wrong=(), remarks=(f"the wheel's {remark}",))


@pytest.mark.parametrize(
    "files",
    [
        {"acme/__init__.py": "__version__ = '1.3.0'\n"},
        {"acme/__init__.py": "__version__ = '0.9'\n"},
        {"acme/__init__.py": "__version__ = (\n"},
        {"acme/__init__.py": "from importlib.metadata import version\n__version__ = version('1.2.3')\n"},
        {"acme/__init__.py": "", "acme/inner/__init__.py": OLD},
        {"acme/__init__.py": "", "acme/protocol.py": OLD},
        {"acme/__init__.py": "#" * (1 << 18) + "\n" + OLD},
        {"acme/__init__.py": "", "acme/VERSION": "1.2.3" + " " * 200},
        {"acme/__init__.py": "self.__version__ = '1.2.3'\nversions = '1.2.3'\n"},
    ],
)
def test_what_is_no_copy_is_nothing(files: dict[str, str], tmp_path: Path) -> None:
    assert looked_into(tmp_path, files) == LeftBehind((), ())


def test_wheels_for_several_platforms_say_it_once(tmp_path: Path) -> None:
    tags = ("cp311-cp311-win_amd64", "cp312-cp312-win_amd64")
    wheels = [make_wheel(tmp_path, "a", "1.3.0", files={"a.data/platlib/a.py": OLD}, tag=tag) for tag in tags]
    assert left_behind([BuiltFile.of(path) for path in wheels], "a", BEFORE).wrong == (
        'a.py:1 has __version__ = "1.2.3"',
    )
    assert left_behind([BuiltFile.of(path) for path in wheels], "a", ()) == LeftBehind((), ())


def test_a_wheel_of_many_packages_and_texts_is_looked_into_as_far_as_that_is_quick(tmp_path: Path) -> None:
    many = {f"a/x{number}/__init__.py": OLD for number in range(300)}
    texts = {f"a/x0/{number}.txt": "1.2.3" for number in range(600)}
    left = looked_into(tmp_path, {**many, **texts})
    assert (len(left.wrong), len(left.remarks)) == (0, 200 + 500)


def test_a_damaged_wheel_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "acme-1.3.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../acme.py", OLD)
    with pytest.raises(BuildError, match="can't be read as a wheel"):
        left_behind([BuiltFile.of(path)], "acme", BEFORE)
