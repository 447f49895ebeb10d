"""The files of a source tree that a suite may need: of an sdist, a commit or a folder; no others are held in memory."""

import configparser
import contextlib
import fnmatch
import posixpath
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath

from interlock.cells import suite_files
from interlock.common.archives import LARGEST_HELD, LARGEST_MEMBER, ArchiveError, Total
from interlock.common.bounded_files import UnreadableFileError, read_bounded
from interlock.common.configuration_files import HostileFileError, load_ini, load_toml
from interlock.errors import DistributionError

# What pytest takes for tests, and unittest's old custom.
TEST_FILES = ("test_*.py", "*_test.py", "tests.py")
ANYWHERE = frozenset((*suite_files.BESIDE_TESTS, *suite_files.CONFIGURATIONS))


def needed(tests: str, include: Collection[str] = ()) -> Callable[[str], bool]:
    """Whether a suite may need a file with this path: see `suite_files.select`.

    Args:
        tests: The directory (or file) of the tests.
        include: Further files and directories that the suite needs.
    """
    wanted = (tests, *include)
    return lambda name: (
        PurePosixPath(name).name in ANYWHERE or any(name == each or name.startswith(f"{each}/") for each in wanted)
    )


def needed_inside(tests: str) -> Callable[[str], bool]:
    """Whether tests inside a package may need a file with this path, wherever the tree has its packages.

    Args:
        tests: The tests' place below `site-packages`.
    """
    return lambda name: (
        PurePosixPath(name).name in ANYWHERE
        or any(suite_files.is_under(name.removeprefix(top), tests) for top in _tops(name))
    )


def folder_files(tree: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """The wanted regular files of a source tree, by path, without Git's own and without links, as in an archive of Git.

    Raises:
        DistributionError: They are too much to be held.
    """
    found, held = dict[str, bytes](), Total(LARGEST_HELD)
    try:
        for name, path in _regular(tree):
            if wanted(name) and path.lstat().st_size <= LARGEST_MEMBER:
                held.add(path.lstat().st_size)
                found[name] = read_bounded(path, LARGEST_MEMBER)
    except (ArchiveError, UnreadableFileError) as error:
        raise DistributionError(f"the files of the tests can't be read: {error}") from None
    return found


def _regular(tree: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(tree.rglob("*")):
        name = path.relative_to(tree)
        if path.is_file() and not path.is_symlink() and name.parts[0] != ".git":
            yield name.as_posix(), path


def select(
    files: Mapping[str, bytes], tests: str, include: Collection[str], installed: Collection[str] = ()
) -> dict[str, bytes]:
    """The files of a suite; see `suite_files.select`.

    Raises:
        DistributionError: pytest's configuration can't be read.
    """
    for folder in (tests, *map(str, PurePosixPath(tests).parents)):
        for name in suite_files.CONFIGURATIONS:
            path = posixpath.normpath(posixpath.join(folder, name))
            _check(path, files.get(path, b"").decode(errors="replace"))
    return suite_files.select(files, tests, include, installed)


def _check(path: str, text: str) -> None:
    try:
        # What is not valid is left out by `suite_files.select`.
        with contextlib.suppress(tomllib.TOMLDecodeError, configparser.Error):
            (load_toml if path.endswith(".toml") else load_ini)(text)
    except HostileFileError as error:
        raise DistributionError(f"{path} {error}") from None


def has_tests(files: Collection[str], path: str) -> bool:
    """Whether a file is tests, or a directory has files with tests."""
    return path in files or any(
        suite_files.is_under(name, path) and fnmatch.fnmatch(PurePosixPath(name).name, form)
        for name in files
        for form in TEST_FILES
    )


def laid_over(files: Mapping[str, bytes], tests: str, installed: Collection[str]) -> dict[str, bytes]:
    """The tests of a source tree that belong inside an installed package and are not installed, with what they need.

    Args:
        files: The content of the tree, by path; see `needed_inside`.
        tests: The tests' place below `site-packages`.
        installed: The files that the distribution installs.

    Returns:
        By path below `site-packages`; pytest's configuration is at its top. Nothing when the tree has no such tests.

    Raises:
        DistributionError: pytest's configuration can't be read.
    """
    tops = {top for name in files for top in _tops(name) if suite_files.is_under(name.removeprefix(top), tests)}
    if not tops:
        return {}
    top = min(tops, key=lambda each: (len(each), each))
    chosen = select(files, top + tests, (), installed)
    moved = {_place(name, top): data for name, data in chosen.items()}
    return {name: data for name, data in moved.items() if name not in {*installed, "__init__.py"}}


def _tops(name: str) -> list[str]:
    """Everything with which a path may begin above the packages: nothing, or folders such as `src/`."""
    return ["", *(f"{parent}/" for parent in PurePosixPath(name).parents if parent.name)]


def _place(name: str, top: str) -> str:
    return (
        PurePosixPath(name).name if PurePosixPath(name).name in suite_files.CONFIGURATIONS else name.removeprefix(top)
    )
