"""Atomic writes: a reader sees the old file or the new one, never half of one."""

import hashlib
import uuid
from pathlib import Path

DIGITS = 64  # of a SHA-256 in hex


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under another name and rename it; directories are made as needed.

    Raises:
        OSError: It can't be written there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not by `tempfile`: only its owner may read such a file, and a report is for others too.
    unfinished = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def move_whole(made: Path, target: Path) -> None:
    """Rename a finished directory to its target; when another process was first, its directory stays.

    Raises:
        OSError: It can't be moved there.
    """
    try:
        made.rename(target)
    except OSError:
        if not target.exists():
            raise


def write_sealed(path: Path, content: bytes) -> None:
    """Write a file of a cache, with the hash of its content before it; the errors are those of `write_whole`."""
    write_whole(path, b"%s\n%s" % (hashlib.sha256(content).hexdigest().encode(), content))


def read_sealed(path: Path) -> bytes | None:
    """The content of such a file; None when there is none, or another than was written."""
    try:
        sealed = path.read_bytes()
    except OSError:
        return None
    content = sealed[DIGITS + 1 :]
    return content if sealed[:DIGITS] == hashlib.sha256(content).hexdigest().encode() else None
