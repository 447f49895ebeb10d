"""The directories that outlive a command: for the ledger, caches, the embedded server's database, reports."""

import contextlib
import os
import stat
from pathlib import Path

import platformdirs

CACHE = "INTERLOCK_CACHE"


def home() -> Path:
    """Interlock's home: `$INTERLOCK_HOME`, or the user's data directory."""
    chosen = os.environ.get("INTERLOCK_HOME")
    path = Path(chosen).expanduser() if chosen else platformdirs.user_data_path("interlock", appauthor=False)
    return _private(path).resolve()


def cache() -> Path:
    """The directory of everything that can be fetched or made again: `$INTERLOCK_CACHE`, or `cache` in the home."""
    chosen = os.environ.get(CACHE)
    return _private(Path(chosen).expanduser() if chosen else home() / "cache").resolve()


def _private(path: Path) -> Path:
    """Make a folder that nobody else may enter; also of one that was there before, if it is ours."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    mode = path.stat().st_mode
    # A folder that belongs to everybody, as /tmp does, must stay so.
    if mode & 0o077 and not mode & stat.S_ISVTX:
        with contextlib.suppress(PermissionError):
            path.chmod(0o700)
    return path
