"""Pointers of Git LFS: what is in a clone in place of a large file, and must not be published in place of it.

The form is the specification's (git-lfs, docs/spec.md): lines of key and value, the version first, below 1024 bytes.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from interlock.common.archives import DAMAGE, open_zip, tar_members, zip_chunks
from interlock.errors import BuildError

LONGEST = 1024  # bytes
# As many as a message names.
NAMED = 5
_POINTER = re.compile(rb"version https?://(git-lfs|hawser)[^\s]+\r?\n(?:[^\n]+\n)*?oid sha256:[0-9a-f]{64}\r?\n")
HINT = (
    "install git-lfs on this machine: Interlock then fetches the files (git lfs ls-files names them); "
    "or leave them out of what is built"
)


def is_pointer(content: bytes) -> bool:
    """Whether a file's whole content is a pointer."""
    return len(content) < LONGEST and _POINTER.match(content) is not None


def check_no_pointers(folder: Path) -> None:
    """Check that no built file holds a pointer.

    Raises:
        BuildError: One does, or it can't be read.
    """
    found = [f"{path.name}: {name}" for path in sorted(folder.iterdir()) for name in _pointers(path)]
    if found:
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        raise BuildError(
            f"the build would publish pointers of Git LFS in place of files: {', '.join(found[:NAMED])}{more}",
            hint=HINT,
        )


def _pointers(path: Path) -> Iterator[str]:
    try:
        if path.name.endswith(".whl"):
            yield from _in_wheel(path)
        elif path.name.endswith(".tar.gz"):
            small = ((member, file) for member, file in tar_members(path) if file and member.size < LONGEST)
            yield from (member.name for member, file in small if is_pointer(file.read(LONGEST)))
    except DAMAGE as error:
        raise BuildError(f"{path.name} can't be read: {error}") from None


def _in_wheel(path: Path) -> Iterator[str]:
    with open_zip(path) as archive:
        for info in archive.infolist():
            if not info.is_dir() and info.file_size < LONGEST and is_pointer(b"".join(zip_chunks(archive, info))):
                yield info.filename
