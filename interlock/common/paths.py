"""The directories that outlive a command: for the ledger, caches, the embedded server's database, reports."""

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """Interlock's home: `$INTERLOCK_HOME`, or the user's data directory."""
    chosen = os.environ.get("INTERLOCK_HOME")
    path = Path(chosen).expanduser() if chosen else platformdirs.user_data_path("interlock", appauthor=False)
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path.resolve()


def cache() -> Path:
    """The directory of everything that can be fetched or made again."""
    path = home() / "cache"
    path.mkdir(exist_ok=True)
    return path
