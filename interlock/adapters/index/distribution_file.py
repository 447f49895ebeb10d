"""A wheel or an sdist as an index sees it: its name, its size, its members and its metadata."""

import zipfile
from pathlib import Path
from typing import Literal

from interlock.adapters.distributions import LARGEST_METADATA
from interlock.common import archives
from interlock.common.frozen_model import FrozenModel
from interlock.errors import DistributionError


class DistributionFile(FrozenModel):
    """A file that is to be uploaded.

    Attributes:
        name: Its name, which the caller has found to be that of a wheel or an sdist.
        size: In bytes.
        unpacked: The size of all members, in bytes.
        members: The paths of its members, as they stand in the archive.
        sparse: Whether a member of a tar is stored without its holes.
        metadata: METADATA or PKG-INFO; empty when it has none where an index looks for it.
        entry_points: `entry_points.txt` of a wheel; None when it has none.
    """

    name: str
    kind: Literal["wheel", "sdist"]
    size: int
    unpacked: int
    members: frozenset[str]
    sparse: bool = False
    metadata: bytes = b""
    entry_points: bytes | None = None

    @property
    def top(self) -> str:
        """The directory in which an index looks for metadata: of a wheel by its name, of an sdist its only one."""
        if self.kind == "wheel":
            return f"{'-'.join(self.name.split('-', 2)[:2])}.dist-info"
        tops = {member.removeprefix("./").partition("/")[0] for member in self.members}
        return tops.pop() if len(tops) == 1 else ""


def read_distribution(path: Path) -> DistributionFile:
    """Read a file; this reads the whole archive, but holds little of it.

    Raises:
        DistributionError: It is damaged, or larger than any honest one.
    """
    kind: Literal["wheel", "sdist"] = "wheel" if path.suffix == ".whl" else "sdist"
    try:
        return _of_tar(path) if path.name.endswith(".tar.gz") else _of_zip(path, kind)
    except archives.DAMAGE as error:
        what = "a wheel" if kind == "wheel" else "an sdist"
        raise DistributionError(f"{path.name} can't be read as {what}: {error}") from None


def _of_zip(path: Path, kind: Literal["wheel", "sdist"]) -> DistributionFile:
    with archives.open_zip(path) as archive:
        found = DistributionFile(
            name=path.name,
            kind=kind,
            size=path.stat().st_size,
            unpacked=sum(info.file_size for info in archive.infolist()),
            members=archives.zip_names(archive),
        )
        metadata = _member(archive, f"{found.top}/{'METADATA' if kind == 'wheel' else 'PKG-INFO'}")
        entry_points = _member(archive, f"{found.top}/entry_points.txt") if kind == "wheel" else None
        return found.model_copy(update={"metadata": metadata or b"", "entry_points": entry_points})


def _member(archive: zipfile.ZipFile, name: str) -> bytes | None:
    try:
        info = archive.getinfo(name)
    except KeyError:
        return None
    return archives.zip_member(archive, info, LARGEST_METADATA)


def _of_tar(path: Path) -> DistributionFile:
    members: set[str] = set()
    unpacked, sparse, metadata = 0, False, b""
    for member, file in archives.tar_members(path):
        members.add(member.name)
        unpacked += member.size
        sparse = sparse or member.issparse()
        if file is not None and member.name.count("/") == 1 and member.name.endswith("/PKG-INFO"):
            metadata = file.read(LARGEST_METADATA)
    return DistributionFile(
        name=path.name,
        kind="sdist",
        size=path.stat().st_size,
        unpacked=unpacked,
        members=frozenset(members),
        sparse=sparse,
        metadata=metadata,
    )
