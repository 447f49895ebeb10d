"""Rewrites archives so that equal contents make equal bytes, whenever and wherever they were packed."""

import gzip
import io
import stat
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

# The earliest time that a zip can hold.
OLDEST_IN_A_ZIP = int(datetime(1980, 1, 1, tzinfo=UTC).timestamp())


def normalise(path: Path, epoch: int) -> None:
    """Rewrite an archive in place, with its contents in a fixed order, form, mode and time.

    Args:
        path: A wheel, or an sdist that is a gzipped tar; other files stay as they are.
        epoch: The time of every member, in seconds since 1970.
    """
    if path.suffix == ".whl":
        path.write_bytes(_zip(path.read_bytes(), epoch))
    elif path.name.endswith(".tar.gz"):
        path.write_bytes(_tar_gz(path.read_bytes(), epoch))


def _tar_gz(content: bytes, epoch: int) -> bytes:
    inner, outer = io.BytesIO(), io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(content)) as old,
        # PEP 625: sdists are in the pax format.
        tarfile.open(fileobj=inner, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            # A hard link becomes a file of its own: in the new order it may come before its target.
            file = old.extractfile(member) if member.isfile() or member.islnk() else None
            data = file.read() if file else b""
            new.addfile(_tar_member(member, len(data), epoch), io.BytesIO(data))
    # By default gzip puts the time and a file's name into its header.
    with gzip.GzipFile(filename="", fileobj=outer, mode="wb", mtime=0) as packed:
        packed.write(inner.getvalue())
    return outer.getvalue()


def _tar_member(old: tarfile.TarInfo, size: int, epoch: int) -> tarfile.TarInfo:
    new = tarfile.TarInfo(old.name)
    new.type = tarfile.REGTYPE if old.islnk() else old.type
    new.linkname = old.linkname if old.issym() else ""
    new.size, new.mtime, new.mode = size, epoch, plain_mode(old.mode, folder=old.isdir())
    return new


def plain_mode(mode: int, *, folder: bool = False) -> int:
    """A file's permissions independent of a umask: 644, or 755 for executables and folders."""
    return 0o755 if folder or mode & stat.S_IXUSR else 0o644


def _zip(content: bytes, epoch: int) -> bytes:
    packed = io.BytesIO()
    when = datetime.fromtimestamp(max(epoch, OLDEST_IN_A_ZIP), UTC).timetuple()[:6]
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(packed, "w") as new:
        for info in sorted(old.infolist(), key=_order):
            data = old.read(info)
            if _is_record(info.filename):  # backends list the files in the order of the disk
                data = b"".join(sorted(data.splitlines(keepends=True)))
            new.writestr(_zip_member(info, when), data)
    return packed.getvalue()


def _zip_member(old: zipfile.ZipInfo, when: tuple[int, ...]) -> zipfile.ZipInfo:
    year, month, day, hour, minute, second = when
    new = zipfile.ZipInfo(old.filename, (year, month, day, hour, minute, second))
    mode = old.external_attr >> 16
    kind = stat.S_IFMT(mode) or (stat.S_IFDIR if old.is_dir() else stat.S_IFREG)
    new.create_system = 3  # Unix, wherever this runs
    new.external_attr = (kind | plain_mode(mode, folder=old.is_dir())) << 16
    new.compress_type = zipfile.ZIP_DEFLATED
    return new


def _order(info: zipfile.ZipInfo) -> tuple[bool, bool, str]:
    """The metadata comes last, as the wheel format recommends, and the record last of all."""
    return ".dist-info/" in info.filename, _is_record(info.filename), info.filename


def _is_record(name: str) -> bool:
    return name.endswith(".dist-info/RECORD")
