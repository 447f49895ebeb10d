"""The files of a source tree that a suite may need: of an sdist, a commit or a folder; no others are held in memory."""

import configparser
import contextlib
import posixpath
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath

from interlock.cells import suite_files
from interlock.common.archives import LARGEST_HELD, LARGEST_MEMBER, ArchiveError, Total
from interlock.common.bounded_files import UnreadableFileError, read_bounded
from interlock.common.configuration_files import HostileFileError, load_ini, load_toml
from interlock.errors import DistributionError

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


def select(files: Mapping[str, bytes], tests: str, include: Collection[str]) -> dict[str, bytes]:
    """The files of a suite; see `suite_files.select`.

    Raises:
        DistributionError: pytest's configuration can't be read.
    """
    for folder in (tests, *map(str, PurePosixPath(tests).parents)):
        for name in suite_files.CONFIGURATIONS:
            path = posixpath.normpath(posixpath.join(folder, name))
            _check(path, files.get(path, b"").decode(errors="replace"))
    return suite_files.select(files, tests, include)


def _check(path: str, text: str) -> None:
    try:
        # What is not valid is left out by `suite_files.select`.
        with contextlib.suppress(tomllib.TOMLDecodeError, configparser.Error):
            (load_toml if path.endswith(".toml") else load_ini)(text)
    except HostileFileError as error:
        raise DistributionError(f"{path} {error}") from None
