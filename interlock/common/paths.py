"""The directories that outlive a command: for the ledger, caches, the embedded server's database, reports."""

import os
from pathlib import Path

import platformdirs

CACHE = "INTERLOCK_CACHE"


def home() -> Path:
    """Interlock's home: `$INTERLOCK_HOME`, or the user's data directory."""
    chosen = os.environ.get("INTERLOCK_HOME")
    path = Path(chosen).expanduser() if chosen else platformdirs.user_data_path("interlock", appauthor=False)
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path.resolve()


def cache() -> Path:
    """The directory of everything that can be fetched or made again: `$INTERLOCK_CACHE`, or `cache` in the home."""
    chosen = os.environ.get(CACHE)
    path = Path(chosen).expanduser() if chosen else home() / "cache"
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()
