"""Rewrites archives so that equal contents make equal bytes, whenever and wherever they were packed."""

import gzip
import posixpath
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NamedTuple

from interlock.common.archives import (
    DAMAGE,
    LARGEST_MEMBER,
    STEP,
    ArchiveError,
    Total,
    leads_out,
    most_of,
    open_zip,
    tar_members,
    zip_chunks,
    zip_member,
    zip_names,
)
from interlock.common.bounded_files import open_regular
from interlock.errors import BuildError

# The earliest time that a zip can hold.
OLDEST_IN_A_ZIP = int(datetime(1980, 1, 1, tzinfo=UTC).timestamp())
HINT = "the files that a build makes must be plain archives: see what its backend packs, and from where"


def normalise(path: Path, epoch: int) -> None:
    """Rewrite an archive in place, with its contents in a fixed order, form, mode and time.

    Args:
        path: A wheel, or an sdist that is a gzipped tar; other files stay as they are.
        epoch: The time of every member, in seconds since 1970.

    Raises:
        BuildError: It is damaged, larger than archives are, holds a name twice or one that leads out of it; or there is
            something else than a file.
    """
    rewrite = _rewriter(path.name)
    try:
        with open_regular(path):
            pass
        if rewrite is not None:
            with tempfile.TemporaryFile(dir=path.parent) as made:
                rewrite(path, made, epoch)
                made.seek(0)
                with path.open("wb") as file:
                    shutil.copyfileobj(made, file, STEP)
    except DAMAGE as error:
        raise BuildError(f"{path.name} can't be read: {error}", hint=HINT) from None


def _rewriter(name: str) -> Callable[[Path, IO[bytes], int], None] | None:
    if name.endswith(".whl"):
        return _zip
    return _tar_gz if name.endswith(".tar.gz") else None


class _Spooled(NamedTuple):
    """A member, and where its content is in the file that holds all contents."""

    member: tarfile.TarInfo
    start: int
    size: int


def _tar_gz(path: Path, made: IO[bytes], epoch: int) -> None:
    # By default gzip puts the time and a file's name into its header.
    with (
        tempfile.TemporaryFile(dir=path.parent) as spool,
        gzip.GzipFile(filename="", fileobj=made, mode="wb", mtime=0) as packed,
        # PEP 625: sdists are in the pax format.
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member, start, size in sorted(_spooled(path, spool), key=lambda each: each.member.name):
            spool.seek(start)
            new.addfile(_tar_member(member, size, epoch), spool)


def _spooled(path: Path, spool: IO[bytes]) -> list[_Spooled]:
    """Take a tar apart in one pass: it is compressed, so it can't be read in another order than its own."""
    by_name, total = dict[str, _Spooled](), Total(most_of(path))
    for member, file in tar_members(path):
        name = posixpath.normpath(member.name)
        if leads_out(member.name) or not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
            raise ArchiveError(f"it has {member.name!r}, which leads out of it or is a device")
        if name in by_name and not (member.isdir() and by_name[name].member.isdir()):
            raise ArchiveError(f"it has {name!r} twice")
        by_name[name] = _spool(member, file, spool, by_name)
        total.add(by_name[name].size)  # again, since a hard link is as large as its target
    return list(by_name.values())


def _spool(member: tarfile.TarInfo, file: IO[bytes] | None, spool: IO[bytes], before: dict[str, _Spooled]) -> _Spooled:
    if member.islnk():
        # A hard link becomes a file of its own: in the new order it may come before its target.
        target = before.get(posixpath.normpath(member.linkname))
        if target is None or target.member.isdir() or target.member.issym():
            raise ArchiveError(f"{member.name!r} links to a file that is not before it")
        return target._replace(member=member)
    start = spool.tell()
    if file is not None:
        shutil.copyfileobj(file, spool, STEP)
    return _Spooled(member, start, spool.tell() - start)


def _tar_member(old: tarfile.TarInfo, size: int, epoch: int) -> tarfile.TarInfo:
    new = tarfile.TarInfo(old.name)
    new.type = tarfile.REGTYPE if old.islnk() else old.type
    new.linkname = old.linkname if old.issym() else ""
    new.size, new.mtime, new.mode = size, epoch, plain_mode(old.mode, folder=old.isdir())
    return new


def plain_mode(mode: int, *, folder: bool = False) -> int:
    """A file's permissions independent of a umask: 644, or 755 for executables and folders."""
    return 0o755 if folder or mode & stat.S_IXUSR else 0o644


def _zip(path: Path, made: IO[bytes], epoch: int) -> None:
    when = datetime.fromtimestamp(max(epoch, OLDEST_IN_A_ZIP), UTC).timetuple()[:6]
    with open_zip(path) as old, zipfile.ZipFile(made, "w") as new:
        zip_names(old)
        for info in sorted(old.infolist(), key=_order):
            member = _zip_member(info, when)
            if _is_record(info.filename):  # backends list the files in the order of the disk
                record = zip_member(old, info, LARGEST_MEMBER)
                new.writestr(member, b"".join(sorted(record.splitlines(keepends=True))))
                continue
            with new.open(member, "w") as file:
                for chunk in zip_chunks(old, info):
                    file.write(chunk)


def _zip_member(old: zipfile.ZipInfo, when: tuple[int, ...]) -> zipfile.ZipInfo:
    year, month, day, hour, minute, second = when
    new = zipfile.ZipInfo(old.filename, (year, month, day, hour, minute, second))
    mode = old.external_attr >> 16
    kind = stat.S_IFMT(mode) or (stat.S_IFDIR if old.is_dir() else stat.S_IFREG)
    new.create_system = 3  # Unix, wherever this runs
    new.external_attr = (kind | plain_mode(mode, folder=old.is_dir())) << 16
    new.compress_type = zipfile.ZIP_DEFLATED
    new.file_size = old.file_size  # by which the form for large files is chosen
    return new


def _order(info: zipfile.ZipInfo) -> tuple[bool, bool, str]:
    """The metadata comes last, as the wheel format recommends, and the record last of all."""
    return ".dist-info/" in info.filename, _is_record(info.filename), info.filename


def _is_record(name: str) -> bool:
    return name.endswith(".dist-info/RECORD")
