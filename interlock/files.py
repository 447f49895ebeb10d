"""Writing files: a reader sees the old file or the new one, never half of one."""

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file by way of a neighbour that is renamed over it; directories are made as needed.

    Raises:
        OSError: It can't be written there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
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
