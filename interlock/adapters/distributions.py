"""Wheels and sdists: their contents and their requirements."""

import ast
import contextlib
import posixpath
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from email.parser import BytesHeaderParser
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from interlock.common import archives, python_source
from interlock.common.digest import names_digest
from interlock.common.frozen_model import FrozenModel
from interlock.errors import DistributionError
from interlock.model.versions import VersionField

# Files of *.dist-info that can change what code does. The others only describe, and a run records reads of them.
EFFECTIVE_METADATA = ("entry_points.txt", "top_level.txt")
# The folders of `*.data` whose content is installed beside the other modules (PEP 427).
CODE_PLACES = ("purelib", "platlib")
# Where an sdist has its code, if not at its top; and what is code there, but not of its wheel.
SOURCE_FOLDERS = ("src/", "lib/", "python/")
NOT_INSTALLED = frozenset(
    ("setup", "conftest", "noxfile", "tasks", "doc", "docs", "test", "tests", "examples", "benchmarks", "tools")
)
# A description as long as a book, and ten thousand requirements.
LARGEST_METADATA = 4 * archives.MIB
# The longest lists, of packages that are made of hundreds of providers, have about two thousand.
MOST_REQUIREMENTS = 20_000
# A requirement with extras and markers has some hundred characters. From 4,300 digits on, Python reads no number.
LONGEST_REQUIREMENT = 4_000


class Wheel(FrozenModel):
    """A wheel's facts.

    Attributes:
        name: The distribution's canonical name.
        requires: Its `Requires-Dist` lines, as they stand.
        content: The digest of its files, without what only names the version.
        modules: The names that it makes importable: packages and modules, also those inside a namespace.
    """

    path: Path
    name: str
    version: VersionField
    requires: tuple[str, ...]
    requires_python: str | None
    content: str
    modules: tuple[str, ...]


def read_wheel(path: Path) -> Wheel:
    """Read a wheel's facts from its metadata and its files.

    Raises:
        DistributionError: It is damaged, or not a wheel.
    """
    try:
        name, version, _build, _tags = parse_wheel_filename(path.name)
        with archives.open_zip(path) as archive:
            names = archives.zip_names(archive)
            metadata = BytesHeaderParser().parsebytes(_metadata(archive))
            requires = tuple(map(str, metadata.get_all("Requires-Dist", [])))
            python = metadata.get("Requires-Python")
            _check_requirements(requires)
            files = [info for info in archive.infolist() if not info.is_dir()]
            # All files are read, since damage anywhere is an error; one at a time, since together they may be large.
            hashes = {info.filename: archives.zip_sha256(archive, info) for info in files}
        if not any(name.endswith(".dist-info/RECORD") for name in names):
            raise DistributionError(f"{path.name} has no RECORD, and no installer takes it")
    except (InvalidWheelFilename, InvalidRequirement, *archives.DAMAGE) as error:
        raise DistributionError(f"{path.name} can't be read as a wheel: {error}") from None
    return Wheel(
        path=path,
        name=canonicalize_name(name),
        version=version,
        requires=requires,
        requires_python=None if python is None else str(python),
        content=names_digest(_content(hashes)),
        modules=module_names(hashes),
    )


def read_metadata(wheel: Path) -> bytes:
    """The METADATA of a wheel.

    Raises:
        DistributionError: It has none that can be read.
    """
    with _opened(wheel) as archive:
        return _metadata(archive)


def wheel_names(wheel: Path) -> frozenset[str]:
    """The paths in a wheel.

    Raises:
        DistributionError: It can't be read.
    """
    with _opened(wheel) as archive:
        return archives.zip_names(archive)


def installed_files(wheel: Path) -> frozenset[str]:
    """The paths below `site-packages` that a wheel installs, without its metadata.

    Raises:
        DistributionError: It can't be read.
    """
    return frozenset(path for name in wheel_names(wheel) if (path := installed_path(name)))


@contextmanager
def _opened(wheel: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with archives.open_zip(wheel) as archive:
            yield archive
    except archives.DAMAGE as error:
        raise DistributionError(f"{wheel.name} can't be read as a wheel: {error}") from None


def _metadata(archive: zipfile.ZipFile) -> bytes:
    for info in archive.infolist():
        if info.filename.endswith(".dist-info/METADATA") and info.filename.count("/") == 1:
            return archives.zip_member(archive, info, LARGEST_METADATA)
    raise archives.ArchiveError("it has no METADATA")


def _check_requirements(requires: Collection[str]) -> None:
    if len(requires) > MOST_REQUIREMENTS:
        raise archives.ArchiveError(f"it has more than {MOST_REQUIREMENTS} requirements")
    for line in requires:
        if len(line) > LONGEST_REQUIREMENT:
            raise archives.ArchiveError(f"a requirement has more than {LONGEST_REQUIREMENT} characters")
        requirement = Requirement(line)
        if requirement.marker is not None:
            requirement.marker.evaluate({"extra": ""})  # a ValueError here, and not later, for one that says nothing


def _content(hashes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The files that can change what code does, under names that don't hold the version."""
    for name, sha256 in hashes.items():
        top, _, rest = name.partition("/")
        if top.endswith(".dist-info"):
            if rest in EFFECTIVE_METADATA:
                yield f".dist-info/{rest}", sha256
        elif top.endswith(".data"):
            yield f".data/{rest}", sha256
        else:
            yield name, sha256


def module_names(files: Collection[str]) -> tuple[str, ...]:
    """The importable names of a wheel's code, sorted; a directory without `__init__.py` is a shared namespace.

    Args:
        files: The paths in a wheel.
    """
    found = {path for file in files if (path := installed_path(file))}
    packages = {file.rpartition("/")[0] for file in found if file.endswith("/__init__.py")}
    return tuple(sorted({name for file in found if (name := _owned_name(file, packages))}))


def installed_path(file: str) -> str | None:
    """Where below `site-packages` a wheel's file is installed; None for what is installed elsewhere, and metadata."""
    top, _, rest = file.partition("/")
    if top.endswith(".data"):
        place, _, path = rest.partition("/")
        return path if place in CODE_PLACES else None
    return None if top.endswith(".dist-info") else file


def _owned_name(file: str, packages: Collection[str]) -> str | None:
    """The shortest dotted name that holds a file of code and belongs to this wheel alone."""
    stem, _, suffix = file.rpartition("/")[2].partition(".")
    if not (suffix == "py" or suffix.endswith(("so", "pyd"))):
        return None
    parts = [*file.split("/")[:-1], *([] if stem == "__init__" else [stem])]
    owned = next((n for n in range(1, len(parts)) if "/".join(parts[:n]) in packages), len(parts))
    return ".".join(parts[:owned]) if parts and all(part.isidentifier() for part in parts[:owned]) else None


def sdist_module_names(sdist: Path) -> tuple[str, ...]:
    """The names that an sdist's wheel makes importable, as far as its layout tells: some may not be installed.

    Raises:
        DistributionError: It can't be read.
    """
    files = set[str]()
    sdist_files(sdist, lambda file: bool(files.add(file)))  # type: ignore[func-returns-value]
    inside = (file.partition("/")[2] if file.startswith(SOURCE_FOLDERS) else file for file in files)
    return module_names([file for file in inside if file.partition("/")[0].partition(".")[0] not in NOT_INSTALLED])


def modules_importing(wheel: Path, names: Collection[str]) -> tuple[str, ...]:
    """The modules of a wheel that import one of the names, or from it, anywhere in their code; sorted.

    `__main__`, which runs when it is imported, and modules that are not valid Python are left out.
    """
    sources = wheel_files(wheel, (".py",))
    return tuple(
        sorted(
            module
            for name, source in sources.items()
            if (path := installed_path(name)) and (module := _module_name(path)) and _imports(source, frozenset(names))
        )
    )


def imported_packages(wheel: Path) -> frozenset[str]:
    """The first parts of all names that the code of a wheel imports anywhere.

    Raises:
        DistributionError: It can't be read.
    """
    sources = wheel_files(wheel, (".py",))
    return frozenset(name.partition(".")[0] for source in sources.values() for name in _all_imported(source))


def wheel_files(wheel: Path, suffixes: tuple[str, ...]) -> dict[str, bytes]:
    """The sources of a wheel with such a suffix, by their paths; without those that are too large to be parsed.

    Raises:
        DistributionError: It is damaged, or has more of them than can be held.
    """
    try:
        return archives.zip_contents(wheel, lambda name: name.endswith(suffixes), python_source.LARGEST_SOURCE)
    except archives.DAMAGE as error:
        raise DistributionError(f"{wheel.name} can't be read as a wheel: {error}") from None


def _module_name(file: str) -> str | None:
    parts = PurePosixPath(file).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    if not parts or parts[-1] == "__main__" or not all(part.isidentifier() for part in parts):
        return None
    return ".".join(parts)


def _imports(source: bytes, names: frozenset[str]) -> bool:
    return any(_is_in(name, names) for name in _all_imported(source))


def _all_imported(source: bytes) -> Iterator[str]:
    with contextlib.suppress(SyntaxError):
        yield from (name for node in ast.walk(python_source.parse(source)) for name in _imported(node))


def _is_in(name: str, names: frozenset[str]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in names)


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sdist_files(path: Path, wanted: Callable[[str], bool] = lambda _: True) -> dict[str, bytes]:
    """The regular files of an sdist, by their path inside its one top directory.

    Args:
        path: A tar, which may be compressed, or a zip.
        wanted: Whether a file with this path is needed: the others are not held in memory.

    Raises:
        DistributionError: It is damaged, larger than can be read, or in a form other than tar or zip.
    """

    def inside(name: str) -> bool:
        return not archives.leads_out(name) and (path := _path(name)) != "." and wanted(path)

    read = archives.zip_contents if path.suffix == ".zip" else archives.tar_contents
    try:
        found = read(path, inside)
    except archives.DAMAGE as error:
        raise DistributionError(f"{path.name} can't be read as an sdist: {error}") from None
    files = {_path(name): data for name, data in found.items()}
    if len(files) < len(found):
        raise DistributionError(f"{path.name} can't be read as an sdist: a path in it is written in two ways")
    return files


def _path(name: str) -> str:
    """A member's path below the top directory; `.` for the directory itself, and for what is beside it."""
    rest = name.partition("/")[2]
    return "." if rest.startswith("/") else posixpath.normpath(rest)
