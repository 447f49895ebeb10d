"""Archives that are larger than they look, made in milliseconds."""

import gzip
import io
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

MIB = 1 << 20
GIB = 1 << 30
METADATA = b"Metadata-Version: 2.1\nName: core\nVersion: 1.0\n"


def zeros(size: int) -> bytes:
    """So many zeros, a multiple of a MiB, deflated without a header: blocks that each stand for themselves."""
    packer = zlib.compressobj(wbits=-15)
    block = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * (size // MIB) + packer.flush()


def wheel(folder: Path, files: Mapping[str, bytes], change: Callable[[zipfile.ZipFile], object] = id) -> Path:
    """A wheel `core` 1.0 with these files beside its metadata.

    Args:
        folder: Where it goes.
        files: Its files by name.
        change: What happens to the archive before its directory is written.
    """
    path = folder / "core-1.0-py3-none-any.whl"
    own = {"core-1.0.dist-info/METADATA": METADATA, "core-1.0.dist-info/RECORD": b""}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**own, **files}.items():
            archive.writestr(zipfile.ZipInfo(name), content)
        change(archive)
    return path


def bomb_wheel(folder: Path, size: int, *, stated: int | None = None, name: str = "core/data.bin") -> Path:
    """A wheel with a file of zeros, and what its directory says of the file's size."""

    def lie(archive: zipfile.ZipFile) -> None:
        info = archive.getinfo(name)
        info.compress_type, info.file_size = zipfile.ZIP_DEFLATED, size if stated is None else stated
        info.CRC = zlib.crc32(bytes(stated)) if stated is not None else info.CRC

    return wheel(folder, {name: zeros(size)}, lie)


def tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A tar of members as they are."""
    file = io.BytesIO()
    for info, content in members:
        file.write(info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512))
    file.write(bytes(1024))
    return file.getvalue()


def member(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, link
    return info


def sdist(folder: Path, content: bytes) -> Path:
    """An sdist `core` 1.0 that is this tar."""
    path = folder / "core-1.0.tar.gz"
    path.write_bytes(gzip.compress(content, 1, mtime=0))
    return path


def bomb_sdist(folder: Path, header: tarfile.TarInfo) -> Path:
    """An sdist with one header, and as many zeros after it as the header says."""
    path = folder / "core-1.0.tar.gz"
    first = zlib.compressobj(wbits=-15)
    start = first.compress(header.tobuf(tarfile.GNU_FORMAT)) + first.flush(zlib.Z_FULL_FLUSH)
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    path.write_bytes(head + start + zeros(header.size) + struct.pack("<II", 0, (header.size + 512) & 0xFFFFFFFF))
    return path


@contextmanager
def memory_below(most: int) -> Iterator[None]:
    """Fails when what Python holds at a time is more than so many bytes."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()
