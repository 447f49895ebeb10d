"""A matrix on a Dask cluster of two processes finds what it finds without, also when one of them is killed."""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from unittest import mock

import psutil  # type: ignore[import-untyped]
import pytest

from flows.dask_cells import cells_on_dask
from interlock.adapters.connections import open_connections
from interlock.errors import EnvironmentUnavailableError, UsageError
from interlock.matrix.report import Sheet
from interlock.model.family_file import load
from interlock.model.verdicts import Verdict
from tests.support.example_family import Command, command_in, publish
from tests.support.universe import Universe, open_universe

PATIENCE = 240

Found = TypeVar("Found")


def eventually(what: Callable[[], Found]) -> Found:
    deadline = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.1)
    return found


@pytest.fixture
def world(friends: Path, tmp_path: Path) -> Iterator[Universe]:
    with open_universe(tmp_path / "index", friends) as opened:
        publish(opened)
        yield opened


@pytest.fixture
def interlock(world: Universe, tmp_path: Path) -> Iterator[Command]:
    with command_in(tmp_path / "command", UV_DEFAULT_INDEX=world.index.url) as command:
        yield command


def waiting_suite(command: Command) -> psutil.Process | None:
    """The sandbox of the suite that waits."""
    if not command.answers.waiting.is_set():
        return None
    for process in command.processes():
        with contextlib.suppress(psutil.Error):
            if "ANSWERS" in process.environ():
                return process
    return None


@pytest.mark.long
def test_a_matrix_on_a_cluster_is_the_same_and_a_killed_workers_cells_run_elsewhere(interlock: Command) -> None:
    which = ("--downstream", "board", "--downstream", "waiter")
    answers = interlock.answers
    assert interlock.run("server", "start").code == 0
    with interlock.begin_matrix("dask", *which, "--on", "dask", "--jobs", "4") as running:
        suite = eventually(lambda: waiting_suite(interlock))
        assert suite is not None
        worker = suite.parent()
        assert worker is not None
        assert worker.pid != running.pid
        answers.waiting.clear()
        worker.send_signal(signal.SIGKILL)
        suite.kill()
        eventually(answers.waiting.is_set)
        answers.gate.set()
        dask = interlock.end(running, interlock.folder / "dask.json")
    here = interlock.matrix("here", *which, "--fresh")
    assert (dask.code, dask.err.count("Traceback")) == (here.code, 0), dask.err
    assert dask.matrix.totals.verdicts == here.matrix.totals.verdicts
    assert dask.matrix.totals.runs == here.matrix.totals.runs
    for downstream in ("board", "waiter"):
        assert without_folders(dask.sheet(downstream)) == without_folders(here.sheet(downstream))
    assert {cell.verdict for cell in dask.row("waiter", "1.0")} == {Verdict.COMPATIBLE}


def without_folders(sheet: Sheet) -> Sheet:
    """An error names the folder of its environment, which is another each time."""
    found = (each.model_copy(update={"error": ""}) for each in sheet.regressions)
    return sheet.model_copy(update={"regressions": tuple(found)})


# ---- what is said when it can't be ------------------------------------------------------------------------------


async def opened(command: Command, scheduler: str | None) -> None:
    async with open_connections(load(command.family)) as context, cells_on_dask(context, scheduler, jobs=2):
        raise AssertionError("there is no cluster")


def test_without_the_library_the_error_names_how_to_install_it(interlock: Command) -> None:
    with mock.patch.dict(sys.modules, {"prefect_dask.client": None}), pytest.raises(UsageError) as error:
        asyncio.run(opened(interlock, None))
    assert "[dask]" in str(error.value.hint)


def test_a_scheduler_that_is_not_there_is_named(interlock: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.dask_cells.ANSWERS_WITHIN", 1)
    with pytest.raises(EnvironmentUnavailableError, match=r"answers at tcp://127\.0\.0\.1:9"):
        asyncio.run(opened(interlock, "tcp://127.0.0.1:9"))
