"""Folders for strangers' code to work in, and those of runs that were killed.

Each is held by a lock on the folder as long as its process lives, so a folder without one belongs to nobody.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

YOUNG_SECONDS = 60.0


@contextlib.contextmanager
def work_folder(prefix: str) -> Iterator[Path]:
    """A new folder, removed at the end with all that is in it; its path is resolved, so that paths can be compared.

    Args:
        prefix: What its name begins with; folders of this prefix that nobody holds any more are removed first.
    """
    _sweep(prefix, os.getpid())
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name, _held(Path(name)):
        yield Path(name).resolve()


@cache
def _sweep(prefix: str, _process: int) -> None:
    """Remove what killed runs left behind; once in each process, as far as it is this user's."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with contextlib.suppress(OSError), _held(folder):
            found = folder.stat()
            # A younger one may be about to be held.
            if found.st_uid == os.geteuid() and found.st_mtime < time.time() - YOUNG_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the folder's lock.

    Raises:
        OSError: Another process holds it, or there is no such folder.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
