"""Wheels and sdists: their contents and their requirements."""

import ast
import posixpath
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from email.parser import BytesHeaderParser
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from interlock.common.digest import files_digest
from interlock.common.frozen_model import FrozenModel
from interlock.errors import DistributionError
from interlock.model.versions import VersionField

# Files of *.dist-info that can change what code does. The others only describe, and a run records reads of them.
EFFECTIVE_METADATA = ("entry_points.txt", "top_level.txt")
# CPython 3.11 has one depth counter for the parsers of all threads: two at a time can end in a SystemError.
PARSING = threading.Lock()
LARGEST_MEMBER = 64 * 1024 * 1024
# The errors of reading a damaged archive; RuntimeError for an encrypted one or an unknown compression.
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError)


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
        with zipfile.ZipFile(path) as archive:
            files = {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
        metadata = BytesHeaderParser().parsebytes(next(_metadata(files)))
        requires = tuple(metadata.get_all("Requires-Dist", []))
        for line in requires:
            Requirement(line)
        if not any(name.endswith(".dist-info/RECORD") for name in files):
            raise DistributionError(f"{path.name} has no RECORD, and no installer takes it")
    except (InvalidWheelFilename, InvalidRequirement, StopIteration, *DAMAGE) as error:
        raise DistributionError(f"{path.name} can't be read as a wheel: {error}") from None
    return Wheel(
        path=path,
        name=canonicalize_name(name),
        version=version,
        requires=requires,
        requires_python=metadata.get("Requires-Python"),
        content=files_digest(_content(files)),
        modules=_modules(files),
    )


def _metadata(files: Mapping[str, bytes]) -> Iterator[bytes]:
    return (data for name, data in files.items() if name.endswith(".dist-info/METADATA") and name.count("/") == 1)


def _content(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """The files that can change what code does, under names that don't hold the version."""
    for name, data in files.items():
        top, _, rest = name.partition("/")
        if top.endswith(".dist-info"):
            if rest in EFFECTIVE_METADATA:
                yield f".dist-info/{rest}", data
        elif top.endswith(".data"):
            yield f".data/{rest}", data
        else:
            yield name, data


def _modules(files: Collection[str]) -> tuple[str, ...]:
    """The importable names of a wheel's code; a directory without `__init__.py` is a shared namespace."""
    packages = {file.rpartition("/")[0] for file in files if file.endswith("/__init__.py")}
    return tuple(sorted({name for file in files if (name := _owned_name(file, packages))}))


def _owned_name(file: str, packages: Collection[str]) -> str | None:
    """The shortest dotted name that holds a file of code and belongs to this wheel alone."""
    stem, _, suffix = file.rpartition("/")[2].partition(".")
    is_code = suffix == "py" or suffix.endswith(("so", "pyd"))
    if file.partition("/")[0].endswith((".dist-info", ".data")) or not is_code:
        return None
    parts = [*file.split("/")[:-1], *([] if stem == "__init__" else [stem])]
    owned = next((n for n in range(1, len(parts)) if "/".join(parts[:n]) in packages), len(parts))
    return ".".join(parts[:owned]) if parts and all(part.isidentifier() for part in parts[:owned]) else None


def modules_importing(wheel: Path, names: Collection[str]) -> tuple[str, ...]:
    """The modules of a wheel that import one of the names, or from it, anywhere in their code; sorted.

    `__main__`, which runs when it is imported, and modules that are not valid Python are left out.
    """
    with zipfile.ZipFile(wheel) as archive:
        sources = {name: archive.read(name) for name in archive.namelist() if name.endswith(".py")}
    return tuple(
        sorted(
            module
            for name, source in sources.items()
            if (module := _module_name(name)) and _imports(source, frozenset(names))
        )
    )


def _module_name(file: str) -> str | None:
    parts = PurePosixPath(file).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    if not parts or parts[-1] == "__main__" or not all(part.isidentifier() for part in parts):
        return None
    return ".".join(parts)


def _imports(source: bytes, names: frozenset[str]) -> bool:
    try:
        with PARSING:
            tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return any(_is_in(name, names) for node in ast.walk(tree) for name in _imported(node))


def _is_in(name: str, names: frozenset[str]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in names)


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sdist_files(path: Path) -> dict[str, bytes]:
    """The regular files of an sdist, by their path inside its one top directory.

    Raises:
        DistributionError: It is damaged, or in a form other than tar or zip.
    """
    try:
        pairs = list(_zip_members(path) if path.suffix == ".zip" else _tar_members(path))
    except (tarfile.TarError, *DAMAGE) as error:
        raise DistributionError(f"{path.name} can't be read as an sdist: {error}") from None
    inner = ((name.partition("/")[2], data) for name, data in pairs)
    return {posixpath.normpath(name): data for name, data in inner if _stays_inside(name)}


def _stays_inside(name: str) -> bool:
    return bool(name) and not name.startswith("/") and ".." not in name.split("/")


def _tar_members(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile() and member.size <= LARGEST_MEMBER and (file := archive.extractfile(member)):
                yield member.name, file.read()


def _zip_members(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir() and info.file_size <= LARGEST_MEMBER:
                yield info.filename, archive.read(info)
