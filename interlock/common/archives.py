"""Reads zips and tars that strangers made: measured before they are read, bounded while they are.

Theory of operation. Three things of an archive can be larger than they look.

- Its contents. All sizes that it states are added up before the first member of a zip is read, and member by member in
  a tar, before the stream gets there. A member is read in small steps, and never beyond what was stated, so a size that
  is a lie costs nothing: what a decompressor gives at once is bounded by the step.
- Its structure: the directory of a zip, the extended headers of a tar. Both are read by the standard library in one
  piece, of a size that the archive states. So it gets files that refuse to be read in larger pieces.
- The number of its members, each of which costs about a kilobyte of memory.

A tar is read forwards only: each member is taken, or passed over, before the next is looked for.
"""

import bz2
import gzip
import hashlib
import io
import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from interlock.common.bounded_files import UnreadableFileError, open_regular

MIB = 1 << 20
# Every archive may unpack to this much, as a small one with a long table of zeros does.
FREE_TOTAL = 1024 * MIB
# Above that, to so many times its own size: code is packed to a fifth, regular data to a fiftieth, zeros to a
# thousandth.
MOST_TIMES = 100
# The largest wheels, with libraries for GPUs, have about 1 GiB and unpack to a few.
LARGEST_TOTAL = 16 * 1024 * MIB
# Sdists with 60,000 files exist.
MOST_MEMBERS = 150_000
# A zip's directory: for as many members, with names of a hundred characters.
LARGEST_DIRECTORY = 24 * MIB
# A tar's header before a member has its name and times: some hundred bytes.
LARGEST_HEADER = MIB
# A file that is held in memory as a whole. Larger ones are data, and no part of tests or sources.
LARGEST_MEMBER = 64 * MIB
# All files of one archive that are held at a time.
LARGEST_HELD = 512 * MIB
STEP = MIB // 4
# What packers of wheels and sdists use. Of the others, the decompressors of `zipfile` know no bound.
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class ArchiveError(Exception):
    """An archive that is larger than any honest one, or ambiguous; the message says why, without its name."""


# What reading a damaged or hostile archive can raise; RuntimeError: encrypted, an unknown packing, headers without end.
DAMAGE = (
    *(ArchiveError, UnreadableFileError, tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(EOFError, OSError, RuntimeError, ValueError, OverflowError, struct.error),
)


def most_of(path: Path) -> int:
    """How many bytes an archive may unpack to."""
    return min(LARGEST_TOTAL, max(FREE_TOTAL, MOST_TIMES * path.stat().st_size))


def leads_out(name: str) -> bool:
    """Whether a member's name is absolute, leads out of its folder, or means another file elsewhere."""
    return name.startswith("/") or "\\" in name or "\0" in name or ".." in name.split("/")


class Total:
    """Adds up members and their sizes.

    Args:
        most: How many bytes they may have.
    """

    def __init__(self, most: int) -> None:
        self._most, self._bytes, self._members = most, 0, 0

    def add(self, size: int) -> None:
        """Add a member.

        Raises:
            ArchiveError: They are too much, or too many.
        """
        self._bytes, self._members = self._bytes + size, self._members + 1
        if size < 0 or self._bytes > self._most:
            raise ArchiveError(f"it would unpack to more than {self._most // MIB} MiB")
        if self._members > MOST_MEMBERS:
            raise ArchiveError(f"it has more than {MOST_MEMBERS} members")


class _SmallReads(io.FileIO):
    """A file that gives no more at a time than a zip's directory may have."""

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = os.fstat(self.fileno()).st_size - self.tell() if size is None or size < 0 else size
        if wanted > LARGEST_DIRECTORY:
            raise ArchiveError(f"its directory has more than {LARGEST_DIRECTORY // MIB} MiB")
        return super().read(wanted) or b""


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip whose members are few, small and packed as usual, by what its directory states; see `zip_chunks`.

    Raises:
        One of `DAMAGE`, here and while members are read.
    """
    with (
        open_regular(path) as file,
        _SmallReads(file.fileno(), closefd=False) as small,
        zipfile.ZipFile(small) as archive,
    ):
        total = Total(most_of(path))
        for info in archive.infolist():
            total.add(info.file_size)
            if not info.filename:
                raise ArchiveError("it has a member without a name")
            if info.compress_type not in PACKINGS:
                raise ArchiveError(f"{info.filename} is packed otherwise than by deflate")
        yield archive


class _End(io.RawIOBase):
    """The end of a file; what is before it is not there."""

    def __init__(self, content: bytes, size: int) -> None:
        self._content, self._start, self._at = content, size - len(content), size

    @property
    def missing(self) -> int | None:
        """From which byte on more of the file is needed."""
        return self._at if self._at < self._start else None

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._at = offset + (self._start + len(self._content) if whence == io.SEEK_END else 0)
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        if self.missing is not None:
            raise ArchiveError("it is needed from further before its end")
        start = self._at - self._start
        found = self._content[start : start + size if size >= 0 else None]
        self._at += len(found)
        return found


def zip_names_at_end(content: bytes, size: int) -> frozenset[str] | int:
    """The names of a zip's members, which stand at its end.

    Args:
        content: The end of the zip.
        size: How many bytes it has in all.

    Returns:
        The names; or from which byte on more of it is needed.

    Raises:
        One of `DAMAGE`; see `zip_names`.
    """
    end = _End(content, size)
    try:
        with zipfile.ZipFile(cast("IO[bytes]", end)) as archive:
            return zip_names(archive)
    except DAMAGE:
        if end.missing is None or end.missing < 0:
            raise
        return end.missing


def zip_names(archive: zipfile.ZipFile) -> frozenset[str]:
    """The names of a zip's members, each of which is one file below the folder that it is unpacked to.

    Raises:
        ArchiveError: One leads out of it, or stands there twice: which one counts depends on who unpacks it.
    """
    names = [info.orig_filename for info in archive.infolist()]
    if name := next(filter(leads_out, names), None):
        raise ArchiveError(f"a member's name, {name!r}, leads out of it")
    if twice := next((name for name, count in Counter(names).items() if count > 1), None):
        raise ArchiveError(f"it has {twice!r} twice")
    return frozenset(names)


def zip_chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The content of a member in pieces that fit into memory."""
    with archive.open(info) as file:
        yield from _chunks(file)


def zip_sha256(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> str:
    """The hash of a member's content, in hex."""
    found = hashlib.sha256()
    for chunk in zip_chunks(archive, info):
        found.update(chunk)
    return found.hexdigest()


def zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """The content of a member that may have so many bytes.

    Raises:
        ArchiveError: It has more.
    """
    if info.file_size > most:
        raise ArchiveError(f"{info.filename} has more than {most // 1024} KiB")
    return b"".join(zip_chunks(archive, info))


def zip_contents(path: Path, wanted: Callable[[str], bool], largest: int | None = None) -> dict[str, bytes]:
    """The wanted files of a zip; see `tar_contents`."""
    held, found = Total(LARGEST_HELD), dict[str, bytes]()
    with open_zip(path) as archive:
        for info in archive.infolist():
            if info.is_dir() or info.file_size > (largest or LARGEST_MEMBER) or not wanted(info.filename):
                continue
            held.add(info.file_size)
            if info.filename in found:
                raise ArchiveError(f"it has {info.filename!r} twice")
            found[info.filename] = b"".join(zip_chunks(archive, info))
    return found


class _Forwards:
    """A stream as `tarfile` needs it: it goes forwards, in small steps, and not beyond a limit."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream, self._most, self._at = stream, most, 0

    def tell(self) -> int:
        return self._at

    def read(self, size: int) -> bytes:
        if size > LARGEST_HEADER:
            raise ArchiveError(f"a header in it has more than {LARGEST_HEADER // MIB} MiB")
        data = self._stream.read(size)
        self._at += len(data)
        if self._at > self._most:
            raise ArchiveError(f"it would unpack to more than {self._most // MIB} MiB")
        return data

    def seek(self, position: int) -> int:
        if position < self._at:
            raise ArchiveError("its members overlap")
        while self._at < position and self.read(min(STEP, position - self._at)):
            pass
        return self._at


def tar_members(path: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Each member of a tar, which may be compressed, with its content if it is a file; to be read before the next one.

    Raises:
        One of `DAMAGE`, here and while members are read.
    """
    # Headers and padding come on top of the contents.
    most = most_of(path)
    with open_regular(path) as file, _decompressed(path, file) as stream:
        forwards = cast("IO[bytes]", _Forwards(stream, most + 2048 * MOST_MEMBERS))
        with tarfile.open(fileobj=forwards, mode="r:") as archive:
            total = Total(most)
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # else all of them stay in memory
                total.add(member.size)
                yield member, archive.extractfile(member) if member.isreg() else None


def _decompressed(path: Path, file: IO[bytes]) -> IO[bytes]:
    openers: dict[str, Callable[[IO[bytes]], object]] = {
        ".gz": gzip.open,
        ".tgz": gzip.open,
        ".bz2": bz2.open,
        ".xz": lzma.open,
        ".tar": lambda plain: plain,
    }
    if path.suffix not in openers:
        raise ArchiveError("it is neither a tar nor a zip")
    return cast("IO[bytes]", openers[path.suffix](file))


def tar_contents(path: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """The wanted files of a tar by their names, without those that are larger than `LARGEST_MEMBER`.

    Raises:
        ArchiveError: A name stands there twice, or they are too much to be held.
        One of `DAMAGE`: It can't be read.
    """
    held, found = Total(LARGEST_HELD), dict[str, bytes]()
    for member, file in tar_members(path):
        if file is None or member.size > LARGEST_MEMBER or not wanted(member.name):
            continue
        held.add(member.size)
        if member.name in found:
            raise ArchiveError(f"it has {member.name!r} twice")
        found[member.name] = b"".join(_chunks(file))
    return found


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(STEP):
        yield chunk
