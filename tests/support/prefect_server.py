"""What the tests of the embedded server look at: its processes, all of them."""

import contextlib
import time
from collections.abc import Callable
from typing import TypeVar

import psutil  # type: ignore[import-untyped]

from deployments import embedded_server
from deployments.embedded_server import Record, ServerDirectory
from deployments.embedded_server.processes import Identity

PATIENCE = 180.0

Found = TypeVar("Found")


def eventually(what: Callable[[], Found], patience: float = PATIENCE, pause: float = 0.05) -> Found:
    deadline = time.monotonic() + patience
    while not (found := what()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(pause)
    return found


def processes_of(place: ServerDirectory) -> list[psutil.Process]:
    """Every live process of the server in this place, orphans and strays included."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("PREFECT_HOME") == str(place.path) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def clean_up(place: ServerDirectory) -> None:
    embedded_server.stop(place, force=True, timeout=5)
    for process in processes_of(place):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def server_of(record: Record | None) -> Identity:
    assert record is not None
    assert record.server is not None
    return record.server
