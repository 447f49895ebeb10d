"""Wheels and sdists, made on the spot: valid, small, and equal whenever they are made of the same."""

import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rehearsal.wheels import escaped, write_wheel


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
    info = f"{escaped(name)}-{version}.dist-info"
    own = {
        f"{info}/METADATA": _metadata(name, version, requires, requires_python, extras),
        f"{info}/WHEEL": _wheel(tag),
    }
    if entry_points:
        own[f"{info}/entry_points.txt"] = entry_points
    contents = {path: text.encode() for path, text in {**files, **own}.items()}
    path = folder / f"{escaped(name)}-{version}-{tag}.whl"
    return write_wheel(path, info, contents, compression=zipfile.ZIP_DEFLATED)


def make_sdist(folder: Path, name: str, version: str, files: Mapping[str, str], *, metadata: str | None = None) -> Path:
    """Write an sdist (`.tar.gz` with PKG-INFO) into a folder, and say where it is.

    Args:
        folder: Where it goes; made when it is not there.
        name: The distribution's name, in any form.
        version: Its version, in normal form.
        files: Its files by their path inside the top directory, as `{"tests/test_x.py": "..."}`.
        metadata: PKG-INFO; default: name and version alone.
    """
    top = f"{escaped(name)}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{top}.tar.gz"
    own = {"PKG-INFO": metadata or _metadata(name, version, (), None, ())}
    with tarfile.open(path, "w:gz") as archive:
        for inner, text in {**own, **files}.items():
            member = tarfile.TarInfo(f"{top}/{inner}")
            data = text.encode()
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


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
