"""Writing a report to a path that a person chose."""

from pathlib import Path

from interlock.common.atomic_files import write_whole
from interlock.errors import UsageError


def write_atomically(path: Path, text: str) -> None:
    """Write a text file whole or not at all; directories are made as needed.

    Raises:
        UsageError: The file cannot be written there.
    """
    try:
        write_whole(path, text.encode(errors="replace"))
    except OSError as error:
        raise UsageError(
            f"cannot write the report {path}: {error.strerror or error}",
            hint="name a file in a directory that you may write to",
        ) from error
