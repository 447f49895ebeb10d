"""Writing a report: a reader sees the old file or the new one, never half of one."""

import uuid
from pathlib import Path

from interlock.errors import UsageError


def write_atomically(path: Path, text: str) -> None:
    """Write a text file by way of a neighbour that is renamed over it; directories are made as needed.

    Raises:
        UsageError: The file cannot be written there.
    """
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(text, encoding="utf-8", errors="replace", newline="\n")  # a log may hold any bytes
        unfinished.replace(path)
    except OSError as error:
        raise UsageError(
            f"cannot write the report {path}: {error.strerror or error}",
            hint="name a file in a directory that you may write to",
        ) from error
    finally:
        _remove(unfinished)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:  # its directory is no directory: then nothing was left there either
        return
