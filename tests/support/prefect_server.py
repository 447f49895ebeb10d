"""What the tests of the embedded server look at: its processes, all of them."""

import base64
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TypeVar
from uuid import uuid4

import httpx
import psutil  # type: ignore[import-untyped]

from deployments import embedded_server
from deployments.embedded_server import Record, ServerDirectory
from deployments.embedded_server.password import password_of
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


@contextlib.contextmanager
def api_client(place: ServerDirectory) -> Iterator[httpx.Client]:
    """The API of the server in this place, with its password and a token for requests that change something."""
    running = embedded_server.status(place).server
    assert running is not None
    password = base64.b64encode(password_of(running).get_secret_value().encode()).decode()
    headers = {"Authorization": f"Basic {password}", "Prefect-Csrf-Client": str(uuid4())}
    with httpx.Client(base_url=running.api, headers=headers, trust_env=False, timeout=PATIENCE) as client:
        found = client.get("/csrf-token", params={"client": headers["Prefect-Csrf-Client"]})
        client.headers["Prefect-Csrf-Token"] = found.raise_for_status().json()["token"]
        yield client


def server_of(record: Record | None) -> Identity:
    assert record is not None
    assert record.server is not None
    return record.server
