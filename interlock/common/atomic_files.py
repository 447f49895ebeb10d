"""Writing files: a reader sees the old file or the new one, never half of one."""

import uuid
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file by way of a neighbour that is renamed over it; directories are made as needed.

    Raises:
        OSError: It can't be written there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not by `tempfile`, whose files nobody else may read: a report is there to be read.
    unfinished = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def move_whole(made: Path, target: Path) -> None:
    """Put a finished directory in its place, unless another process was first: then its work serves.

    Raises:
        OSError: It can't be moved there.
    """
    try:
        made.rename(target)
    except OSError:
        if not target.exists():
            raise
