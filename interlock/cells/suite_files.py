"""A suite's own files: its tests, what they need and pytest's configuration, but nothing that is under test."""

import configparser
import posixpath
import shutil
import tempfile
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

import tomlkit

from interlock.common.atomic_files import move_whole
from interlock.errors import DistributionError

BESIDE_TESTS = ("conftest.py", "__init__.py")
PYTEST_FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")
# Every file in which pytest looks for its configuration, in its order.
CONFIGURATIONS = (*PYTEST_FILES, "pyproject.toml", "tox.ini", "setup.cfg")
# Folders of tests: a wheel may have one at its top, too.
TEST_FOLDERS = frozenset({"test", "tests"})


def select(
    files: Mapping[str, bytes], tests: str, include: Collection[str] = (), installed: Collection[str] = ()
) -> dict[str, bytes]:
    """The part of a source tree that is a suite, without what is under test.

    Args:
        files: The content of the tree, by path.
        tests: The directory (or file) of the tests.
        include: Further files and directories that the suite needs.
        installed: The files that the distribution installs.

    Returns:
        The tests with the `conftest.py` and `__init__.py` of the directories above them and pytest's configuration,
        or nothing when the tree has no such tests. An `__init__.py` of the distribution is left out: with it, the
        suite's files would be imported in place of the installed package.
    """
    if not any(is_under(name, tests) for name in files):
        return {}
    parents = [str(parent) for parent in PurePosixPath(tests).parents]
    beside = (_beside(parent, name) for parent in parents for name in BESIDE_TESTS)
    above = [path for path in beside if not _is_of_distribution(path, installed)]
    wanted = (tests, *include, *above)
    chosen = {name: data for name, data in files.items() if any(is_under(name, path) for path in wanted)}
    found = (_pytest_configuration(files, folder) for folder in (tests, *parents))
    return chosen | next(filter(None, found), {})


def _beside(folder: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(folder, name))


def _is_of_distribution(path: str, installed: Collection[str]) -> bool:
    """Whether the file of a source tree is one that is installed, from the top of the tree or from below a folder."""
    parts = PurePosixPath(path).parts
    inner = (parts[start:] for start in range(len(parts) - 1))
    return any("/".join(each) in installed and not TEST_FOLDERS & set(each) for each in inner)


def is_under(name: str, wanted: str) -> bool:
    """Whether a path is a file or directory, or in this directory."""
    return name == wanted or name.startswith(f"{wanted}/")


def _pytest_configuration(files: Mapping[str, bytes], folder: str) -> dict[str, bytes]:
    """The file of a folder that pytest would take as its configuration, and only that part: the rest has the version.

    Pytest starts at the tests and goes up until it finds one.
    """
    for name in PYTEST_FILES:
        if (path := _beside(folder, name)) in files:
            return {path: files[path]}
    if table := _pyproject_table(files.get(path := _beside(folder, "pyproject.toml"), b"")):
        return {path: table}
    for name, section in (("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
        if text := _ini_section(files.get(path := _beside(folder, name), b""), section):
            return {path: text}
    return {}


def _pyproject_table(data: bytes) -> bytes:
    try:
        table = tomllib.loads(data.decode()).get("tool", {}).get("pytest")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return b""
    return tomlkit.dumps({"tool": {"pytest": table}}).encode() if table else b""


def _ini_section(data: bytes, section: str) -> bytes:
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # a plugin's settings may be in capitals
    try:
        parser.read_string(data.decode())
    except (configparser.Error, UnicodeDecodeError):
        return b""
    if not parser.has_section(section):
        return b""
    lines = (f"{key} = {value}".replace("\n", "\n    ") for key, value in parser.items(section))
    return "\n".join([f"[{section}]", *lines, ""]).encode()


def read_folder(folder: Path) -> dict[str, bytes]:
    """The files of a directory of tests on this machine, under the directory's own name.

    Raises:
        DistributionError: There is no such directory.
    """
    if not folder.is_dir():
        raise DistributionError(f"there is no directory {folder}")
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder.parent)): path.read_bytes() for path in files}


def write_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files below a directory with their digest as its name, all of them or none.

    A directory that is there and has other files is replaced.
    """
    if folder.exists():
        there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not path.is_dir()}
        same = there.keys() == files.keys() and all(path.read_bytes() == files[name] for name, path in there.items())
        if same:
            return
        shutil.rmtree(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        made = Path(name, "files")
        for path, data in files.items():
            (made / path).parent.mkdir(parents=True, exist_ok=True)
            (made / path).write_bytes(data)
        move_whole(made, folder)
