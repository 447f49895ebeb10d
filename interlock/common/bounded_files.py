"""Reads files that strangers wrote, or put something else in the place of."""

import os
import stat
from pathlib import Path


class UnreadableFileError(Exception):
    """A file that is not read: the message says what it is instead, without its name."""


def read_bounded(path: Path, most: int) -> bytes:
    """Read a regular file; a link, a pipe, a folder or a device in its place is not followed, and never waited for.

    Args:
        path: The file.
        most: The most bytes that it may have.

    Raises:
        FileNotFoundError: There is nothing.
        UnreadableFileError: It is something else, or larger.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableFileError(f"it can't be opened: {error.strerror}") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnreadableFileError("it is no regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(most + 1)
    finally:
        os.close(descriptor)
    if len(content) > most:
        raise UnreadableFileError(f"it is larger than {most >> 10} KiB")
    return content
