"""The process in which a worker runs a flow: it loads its secrets, and shows that it lives."""

import fcntl
import os
from pathlib import Path

from interlock.common.credentials import prepare_process

VARIABLE = "PREFECT__FLOW_RUN_ID"
"""Prefect's variable for the process of a deployment's run. A flow that a person starts and watches has none."""

RUNS = "INTERLOCK_RUNS"
"""Names the directory in which `interlock up` looks for the runs that live."""


def begin(run: str) -> None:
    """Load the secrets of this process and close it to others; show that it lives, where somebody looks.

    A closed process hides its variables, also the one that names its run. So it holds a lock, which ends with it, on a
    file with the run's name, and writes its own number into it.
    """
    if folder := os.environ.get(RUNS):
        _lock(Path(folder) / run)
    prepare_process()


def _lock(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # open as long as this process lives
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:  # a process that the run has started, or the run again beside its dying predecessor
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    fcntl.flock(descriptor, fcntl.LOCK_SH)
