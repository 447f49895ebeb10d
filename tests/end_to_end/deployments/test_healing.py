"""A run whose machine dies is found, and finished by another: a real server, a real runner, SIGKILL for all of it."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, PREFECT_HOME, temporary_settings

from deployments import embedded_server
from deployments.automations.healing import Healing, ensure_automations
from deployments.embedded_server import Policy
from tests.support.prefect_homes import begin_migrated
from tests.support.prefect_server import clean_up, eventually

PATIENCE = 240
FLOW = """
import asyncio, pathlib
from prefect import flow

@flow(name="release-package")
async def works():
    begun = pathlib.Path("begun")
    begun.open("a").write("x")
    if begun.read_text() == "x":
        await asyncio.sleep(1000)

if __name__ == "__main__":
    works.serve(name="works", print_starting_message=False)
"""


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The variables of processes that use this test's server."""
    place = begin_migrated(tmp_path / "prefect")
    try:
        with embedded_server.start(place, Policy()) as server:
            running = server.wait_until_ready()
            variables = embedded_server.environment(running)
            password = variables["PREFECT_API_AUTH_STRING"]
            with temporary_settings(
                {PREFECT_API_URL: running.api, PREFECT_API_AUTH_STRING: password, PREFECT_HOME: place.path}
            ):
                yield {**os.environ, **variables}
    finally:
        clean_up(place)


@contextlib.contextmanager
def machine(folder: Path, environ: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A runner with all that it starts, which dies as a whole."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        [sys.executable, "works.py"], cwd=folder, env=environ, stdout=quiet, stderr=quiet, start_new_session=True
    ) as runner:
        try:
            yield runner
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(runner.pid, signal.SIGKILL)


async def set_up() -> None:
    quick = timedelta(seconds=10)  # as quick as Prefect allows
    async with get_client() as client:
        await ensure_automations(client, Healing(silence=quick, claimed=quick))


async def start() -> FlowRun | None:
    async with get_client() as client:
        for deployment in await client.read_deployments():
            return await client.create_flow_run_from_deployment(deployment.id)
    return None


async def ended(run: FlowRun) -> FlowRun:
    deadline = time.monotonic() + PATIENCE
    async with get_client() as client:
        while time.monotonic() < deadline:
            found = await client.read_flow_run(run.id)
            if found.state and found.state.is_completed():
                return found
            await asyncio.sleep(0.5)
    raise AssertionError(f"it is {found.state}")


@pytest.mark.long
def test_a_run_whose_machine_dies_is_finished_by_another(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "works.py").write_text(FLOW)
    asyncio.run(set_up())
    begun = tmp_path / "begun"
    with machine(tmp_path, environ):
        run = eventually(lambda: asyncio.run(start()))
        assert run is not None
        eventually(begun.exists)
    with machine(tmp_path, environ):
        finished = asyncio.run(ended(run))
    assert (finished.run_count, begun.read_text()) == (2, "xx")
