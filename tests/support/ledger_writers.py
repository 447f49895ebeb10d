"""What tests put into a ledger, and what other processes do to it while a test looks on."""

import itertools
import multiprocessing
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Final, Protocol
from uuid import UUID

from pydantic import SecretStr

from interlock.adapters.ledger import open_ledger
from interlock.model.verdicts import CellKey, Run, RunStatus, TestOutcome, TestResult, Verdict
from interlock.webhooks import Condition, Delivery, DeliveryState, Source, Start
from tests.support.release_values import NOON

WRITERS: Final = 4
ROUNDS: Final = 5
START: Final = datetime(2026, 11, 20, 8, tzinfo=UTC)
_SPAWN: Final = multiprocessing.get_context("spawn")


class Barrier(Protocol):
    def wait(self, timeout: float) -> int: ...


_together: Barrier | None = None


def a_run(fingerprint: str, *, minutes: float = 0, log: str = "") -> Run:
    return Run(
        fingerprint=fingerprint,
        status=RunStatus.FAILED,
        reason="1 failed",
        tests=(TestResult(id="t.py::test_x", outcome=TestOutcome.FAILED, seconds=0.25, error="NameError: x"),),
        seconds=1.5,
        lock=("market-data-core==1.4.61",),
        reads=frozenset({"market-data-core"}),
        log=log,
        started_at=START + timedelta(minutes=minutes),
    )


def some_keys(count: int) -> list[CellKey]:
    names = {"upstream": "core", "downstream": "pipeline", "suite": "contracts", "python": "3.11"}
    return [
        CellKey(upstream_version=f"1.{n % 90}", downstream_version=f"0.{n // 90}", point=f"p={n % 3}", **names)
        for n in range(count)
    ]


def a_delivery(number: int = 0, *, at: datetime = NOON, **fields: object) -> Delivery:
    known = {
        "guid": UUID(int=number),
        "source": Source.GITHUB,
        "event": "push",
        "repository": "alice/core",
        "at": at,
        "state": DeliveryState.ACCEPTED,
        "start": Start(
            deployment="a/b",
            parameters={"request": {"upstream": "core", "pull": 3}},
            key="a/b:core",
            package="core",
            condition=Condition.NOT_OURS,
        ),
        "due_at": at,
        "body": '{"nul": "\\u0000"}',
    }
    return Delivery.model_validate({**known, **fields})


def write_with_others(url: str, writer: int) -> None:
    """Write what the other writers write too, in another order."""
    assert _together is not None
    keys = some_keys(300)
    random.Random(writer).shuffle(keys)
    with open_ledger(SecretStr(url)) as ledger:
        _together.wait(timeout=60)
        for turn in range(ROUNDS):
            ledger.record(a_run(f"f{turn}", minutes=writer, log=f"{writer}"))
            ledger.record_version_reader("base", frozenset({"core", f"w{writer}-{turn}"}))
            ledger.record_cells(dict.fromkeys(keys, Verdict.FLAKY), START + timedelta(seconds=turn))


def open_with_others(urls: list[str], writer: int) -> None:
    """Open ledgers that do not exist yet, each at the moment when the other writers open it."""
    assert _together is not None
    for url in urls:
        _together.wait(timeout=60)
        with open_ledger(SecretStr(url)) as ledger:
            ledger.record(a_run("f", log=f"{writer}", minutes=writer))


def _be_writer(barrier: Barrier) -> None:
    global _together  # noqa: PLW0603 - a pool's worker has no other place for what it is given at its start
    _together = barrier


@contextmanager
def writers() -> Iterator[ProcessPoolExecutor]:
    """Processes that begin each piece of work together."""
    barrier = _SPAWN.Barrier(WRITERS)
    with ProcessPoolExecutor(WRITERS, _SPAWN, initializer=_be_writer, initargs=(barrier,)) as pool:
        yield pool


def write_until_killed(url: str, recorded: Connection) -> None:
    """Record runs for ever, and tell of each when it is recorded."""
    with open_ledger(SecretStr(url)) as ledger:
        for number in itertools.count():
            ledger.record(a_run(f"f{number}", log="x" * 65536))
            recorded.send(number)


@contextmanager
def endless_writer(url: str) -> Iterator[tuple[SpawnProcess, Connection]]:
    """A process of `write_until_killed`, and what it tells."""
    receive, send = _SPAWN.Pipe(duplex=False)
    process = _SPAWN.Process(target=write_until_killed, args=(url, send))
    process.start()
    send.close()
    try:
        yield process, receive
    finally:
        process.kill()
        process.join()
        process.close()
        receive.close()
