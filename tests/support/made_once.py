"""What takes long to make and is only read afterwards: made once for all workers of a test run."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

# Names the folder that all workers of a test run share.
SHARED = "TESTS_SHARED"


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """A file or folder that the first who asks makes, while the others wait."""
    made = Path(os.environ[SHARED]) / name
    with made.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            draft = made.with_name(f"{name}.draft")
            make(draft)
            draft.rename(made)
    return made
