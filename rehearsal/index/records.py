"""The index's record of a file: read from the file itself, as PyPI does."""

import hashlib
import tarfile
import zipfile
import zlib
from datetime import datetime
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from interlock.common.frozen_model import FrozenModel

# The exceptions of reading a file that is not an archive, or has no metadata.
DAMAGE = (zipfile.BadZipFile, zlib.error, tarfile.TarError, StopIteration, EOFError, OSError, KeyError, RuntimeError)

Kind = Literal["bdist_wheel", "sdist"]


class Record(FrozenModel):
    """A file of a project.

    Attributes:
        project: The project's canonical name.
        version: In normal form; empty for a file whose name has none.
        blake2: BLAKE2b with 256 bits, as on PyPI.
        metadata_sha256: The hash of the wheel's METADATA (PEP 658); None for files without.
        uploaded: When, in UTC.
        by: The user that uploaded it; None for a file that was added without an upload.
        yanked: The reason, which may be empty; None if it is not yanked (PEP 592).
        deleted: Whether it is no longer served; its name is refused for ever.
    """

    filename: str
    project: str
    version: str
    kind: Kind
    size: int
    sha256: str
    blake2: str
    md5: str
    summary: str = ""
    requires_python: str | None = None
    metadata_sha256: str | None = None
    uploaded: datetime
    by: str | None = None
    yanked: str | None = None
    deleted: bool = False

    @property
    def path(self) -> str:
        """Its path from the index's root."""
        return f"/files/{self.sha256}/{self.filename}"


class IndexStorage(Protocol):
    """A collection of files that pages are made from."""

    def projects(self) -> tuple[str, ...]:
        """The canonical names of all projects, sorted."""
        ...

    def files(self, project: str, *, fresh: bool = False) -> tuple[Record, ...] | None:
        """The files of a project as its page shows them, or as they are now; None if there is no such project."""
        ...

    def status(self, project: str) -> str | None:
        """The status of a project (PEP 792); None for `active`."""
        ...

    def owners(self, project: str) -> tuple[str, ...]:
        """The users who may upload to it."""
        ...

    def content(self, sha256: str, filename: str) -> Path | None:
        """The path of a file that may be downloaded."""
        ...


class Named(NamedTuple):
    """The facts in a file's name."""

    project: str
    version: Version
    kind: Kind


def parse_filename(filename: str) -> Named:
    """Read a file's name.

    Raises:
        ValueError: It is not that of a wheel or an sdist.
    """
    if "/" in filename or "\\" in filename:
        raise ValueError("Cannot upload a file with '/' or '\\' in its name.")
    try:
        if filename.endswith(".whl"):
            name, version, _build, _tags = parse_wheel_filename(filename)
            return Named(name, version, "bdist_wheel")
        return Named(*parse_sdist_filename(filename), "sdist")
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        raise ValueError(f"Invalid distribution filename: {error}") from None


def describe(path: Path, named: Named, *, uploaded: datetime, by: str | None = None) -> Record:
    """The record of a file that can be read.

    Raises:
        ValueError: It is damaged, or has no metadata.
    """
    try:
        metadata = read_metadata(path)
    except DAMAGE as error:
        raise ValueError(f"Invalid distribution file. {type(error).__name__}: {error}") from None
    record = bare(path, named.project, str(named.version), uploaded=uploaded)
    return with_metadata(record, metadata).model_copy(update={"by": by})


def bare(path: Path, project: str, version: str, *, uploaded: datetime) -> Record:
    """The record of any file, without its metadata."""
    content = path.read_bytes()
    return Record(
        filename=path.name,
        project=canonicalize_name(project),
        version=version,
        kind="bdist_wheel" if path.suffix == ".whl" else "sdist",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        blake2=hashlib.blake2b(content, digest_size=32).hexdigest(),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        uploaded=uploaded,
    )


def with_metadata(record: Record, metadata: bytes) -> Record:
    """The record with the facts of its metadata."""
    fields = parse_metadata(metadata)
    own = hashlib.sha256(metadata).hexdigest() if record.kind == "bdist_wheel" else None
    return record.model_copy(
        update={
            "summary": fields.get("Summary", ""),
            "requires_python": fields.get("Requires-Python"),
            "metadata_sha256": own,
        }
    )


def parse_metadata(metadata: bytes) -> Message:
    """The fields of METADATA or PKG-INFO."""
    return BytesHeaderParser().parsebytes(metadata)


def read_metadata(path: Path) -> bytes:
    """METADATA of a wheel, PKG-INFO of an sdist.

    Raises:
        Exception: One of `DAMAGE`.
    """
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            return archive.read(next(name for name in archive.namelist() if _is_metadata(name)))
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return archive.read(next(name for name in archive.namelist() if _is_pkg_info(name)))
    with tarfile.open(path) as tar:
        file = tar.extractfile(next(member for member in tar if _is_pkg_info(member.name)))
        return file.read() if file else b""


def _is_metadata(name: str) -> bool:
    return name.endswith(".dist-info/METADATA") and name.count("/") == 1


def _is_pkg_info(name: str) -> bool:
    return name.count("/") == 1 and name.endswith("/PKG-INFO")
