"""Wheels and sdists, made on the spot: valid, small, and equal whenever they are made of the same."""

import base64
import hashlib
import importlib.metadata
import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

LONG_AGO = (2020, 1, 1, 0, 0, 0)
# Files that an installer wrote, or that hold this machine's paths.
INSTALLED = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "WHEEL"})


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    files: Mapping[str, str],
    requires: Sequence[str] = (),
    requires_python: str | None = None,
    entry_points: str = "",
    tag: str = "py3-none-any",
    extras: Sequence[str] = (),
) -> Path:
    """Write a valid wheel (METADATA, WHEEL, RECORD) into a folder, and say where it is.

    Args:
        folder: Where it goes; made when it is not there.
        name: The distribution's name, in any form.
        version: Its version, in normal form.
        files: Its files by path, as `{"core/__init__.py": "..."}`.
        requires: Lines of `Requires-Dist`.
        requires_python: The value of `Requires-Python`.
        entry_points: The text of `entry_points.txt`; the file is left out when this is empty.
        tag: The wheel's compatibility tag.
        extras: Values of `Provides-Extra`.
    """
    info = f"{_escaped(name)}-{version}.dist-info"
    own = {
        f"{info}/METADATA": _metadata(name, version, requires, requires_python, extras),
        f"{info}/WHEEL": _wheel(tag),
    }
    if entry_points:
        own[f"{info}/entry_points.txt"] = entry_points
    contents = {path: text.encode() for path, text in {**files, **own}.items()}
    return _write_wheel(folder / f"{_escaped(name)}-{version}-{tag}.whl", info, contents)


def make_sdist(folder: Path, name: str, version: str, files: Mapping[str, str]) -> Path:
    """Write an sdist (`.tar.gz` with PKG-INFO) into a folder, and say where it is.

    Args:
        folder: Where it goes; made when it is not there.
        name: The distribution's name, in any form.
        version: Its version, in normal form.
        files: Its files by their path inside the top directory, as `{"tests/test_x.py": "..."}`.
    """
    top = f"{_escaped(name)}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{top}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for inner, text in {"PKG-INFO": _metadata(name, version, (), None, ()), **files}.items():
            member = tarfile.TarInfo(f"{top}/{inner}")
            data = text.encode()
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def repack(folder: Path, distribution: str) -> Path:
    """Write a wheel of a distribution that is installed beside these tests, and say where it is.

    So pytest and what it needs can be served without a network. Scripts are made anew from the entry points by
    whoever installs it; byte code is left out.
    """
    found = importlib.metadata.distribution(distribution)
    info = f"{_escaped(distribution)}-{found.version}.dist-info"
    contents = {f"{info}/WHEEL": _wheel("py3-none-any").encode()}
    for file in found.files or ():
        if ".." in file.parts or file.suffix == ".pyc" or file.name in INSTALLED:
            continue
        path = file.as_posix()
        inside = f"{info}/{path.partition('/')[2]}" if file.parts[0].endswith(".dist-info") else path
        contents[inside] = Path(str(file.locate())).read_bytes()
    return _write_wheel(folder / f"{_escaped(distribution)}-{found.version}-py3-none-any.whl", info, contents)


def _escaped(name: str) -> str:
    return canonicalize_name(name).replace("-", "_")


def _metadata(
    name: str, version: str, requires: Sequence[str], requires_python: str | None, extras: Sequence[str]
) -> str:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Python: {requires_python}"] if requires_python else []
    lines += [f"Provides-Extra: {extra}" for extra in extras]
    lines += [f"Requires-Dist: {line}" for line in requires]
    return "\n".join([*lines, "", ""])


def _wheel(tag: str) -> str:
    return f"Wheel-Version: 1.0\nGenerator: interlock-tests\nRoot-Is-Purelib: true\nTag: {tag}\n"


def _write_wheel(path: Path, info: str, contents: Mapping[str, bytes]) -> Path:
    record = [f"{name},sha256={_record_hash(data)},{len(data)}" for name, data in contents.items()]
    record.append(f"{info}/RECORD,,")
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**contents, f"{info}/RECORD": "\n".join([*record, ""]).encode()}.items():
            member = zipfile.ZipInfo(name, LONG_AGO)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, data)
    return path


def _record_hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
