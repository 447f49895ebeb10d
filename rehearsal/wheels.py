"""Wheels of installed distributions, so that builds and tests in a world find their requirements without a network."""

import base64
import hashlib
import importlib.metadata
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from interlock.common.atomic_files import write_whole
from interlock.errors import RehearsalError

LONG_AGO = (2020, 1, 1, 0, 0, 0)
# Files that an installer wrote, or that contain this machine's paths.
INSTALLED = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"})


def pack_closure(folder: Path, names: Iterable[str]) -> tuple[Path, ...]:
    """Wheels of installed distributions and of their requirements, sorted; each is made once and cached.

    Args:
        folder: The cache; other processes may use it at the same time.
        names: The distributions' names, in any form.

    Raises:
        RehearsalError: One of them is not installed.
    """
    return tuple(sorted(repack(folder, name) for name in closure(names)))


def closure(names: Iterable[str]) -> tuple[str, ...]:
    """The canonical names of installed distributions and of all that they require on this machine, sorted.

    Extras count if a requirement names them.

    Raises:
        RehearsalError: One of them is not installed.
    """
    reached: dict[str, set[str]] = {}
    waiting = [Requirement(name) for name in names]
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), {"", *requirement.extras}
        if new := extras - reached.get(name, set()):
            reached[name] = reached.get(name, set()) | new
            waiting += _required(_installed(name), new)
    return tuple(sorted(reached))


def _required(distribution: Distribution, extras: Iterable[str]) -> Iterator[Requirement]:
    for line in distribution.requires or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
            yield requirement


def _installed(name: str) -> Distribution:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        raise RehearsalError(
            f"{name} is not installed beside Interlock, and a rehearsal has no other place to take it from",
            hint="install Interlock again, with all of its requirements",
        ) from None


def repack(folder: Path, distribution: str) -> Path:
    """A wheel of an installed distribution in a folder, made unless it exists.

    Installers make scripts from the entry points. Byte code is left out, and so are files outside of `site-packages`
    (manual pages, programs that are not entry points).

    Raises:
        RehearsalError: It is not installed.
    """
    found = _installed(distribution)
    lines = (found.read_text("WHEEL") or "Root-Is-Purelib: true\nTag: py3-none-any\n").splitlines()
    stem = f"{escaped(distribution)}-{found.version}"
    path = folder / f"{stem}-{_name_of_tags(lines)}.whl"
    if not path.exists():
        write_wheel(path, f"{stem}.dist-info", _contents(found, stem, lines), compression=zipfile.ZIP_STORED)
    return path


def escaped(name: str) -> str:
    """A distribution's name in the form that file names have."""
    return canonicalize_name(name).replace("-", "_")


def _name_of_tags(lines: Iterable[str]) -> str:
    """The compressed tags of a wheel's file name (PEP 425)."""
    tags = [line.partition(":")[2].strip().split("-") for line in lines if line.startswith("Tag:")]
    return "-".join(".".join(dict.fromkeys(part)) for part in zip(*tags, strict=True))


def _contents(found: Distribution, stem: str, lines: Iterable[str]) -> dict[str, bytes]:
    own = [line for line in lines if line.startswith(("Root-Is-Purelib:", "Tag:"))]
    wheel = "\n".join(["Wheel-Version: 1.0", "Generator: interlock", *own, ""])
    contents = {f"{stem}.dist-info/WHEEL": wheel.encode()}
    for file in found.files or ():
        if ".." in file.parts or file.suffix == ".pyc" or file.name in INSTALLED:
            continue
        top, _, rest = file.as_posix().partition("/")
        inside = f"{stem}.dist-info/{rest}" if top.endswith(".dist-info") else file.as_posix()
        contents.setdefault(inside, Path(str(file.locate())).read_bytes())
    return contents


def write_wheel(path: Path, info: str, contents: Mapping[str, bytes], *, compression: int) -> Path:
    """Write a wheel whole, with its RECORD; the same contents make the same bytes.

    Args:
        path: The wheel's path; directories are made as needed.
        info: The name of its `.dist-info` directory.
        contents: Its files by their path inside, without RECORD.
        compression: A compression of `zipfile`.
    """
    record = [f"{name},sha256={_record_hash(data)},{len(data)}" for name, data in contents.items()]
    record.append(f"{info}/RECORD,,")
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", compression) as archive:
        for name, data in {**contents, f"{info}/RECORD": "\n".join([*record, ""]).encode()}.items():
            member = zipfile.ZipInfo(name, LONG_AGO)
            member.compress_type = compression
            member.external_attr = 0o644 << 16
            archive.writestr(member, data)
    write_whole(path, written.getvalue())
    return path


def _record_hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
