"""Reads files that strangers wrote, or put something else in the place of."""

import os
import stat
from io import BufferedReader
from pathlib import Path


class UnreadableFileError(Exception):
    """A file that is not read: the message says what it is instead, without its name."""


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file; a link, a pipe, a folder or a device in its place is not followed, and never waited for.

    Raises:
        FileNotFoundError: There is nothing.
        UnreadableFileError: It is something else.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableFileError(f"it can't be opened: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnreadableFileError("it is no regular file")
    return open(descriptor, "rb")  # noqa: PTH123  a descriptor


def read_bounded(path: Path, most: int) -> bytes:
    """Read a regular file; see `open_regular`.

    Args:
        path: The file.
        most: The most bytes that it may have.

    Raises:
        FileNotFoundError: There is nothing.
        UnreadableFileError: It is something else, or larger.
    """
    with open_regular(path) as file:
        content = file.read(most + 1) if os.fstat(file.fileno()).st_size <= most else None
    if content is None or len(content) > most:
        raise UnreadableFileError(f"it is larger than {most >> 10} KiB")
    return content
