"""A family on the session's index, and an empty ledger: what was found out is written by the tests."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from interlock.adapters.connections import Connections
from interlock.adapters.ledger import SqlLedger
from interlock.model.family import Family
from interlock.model.verdicts import CellKey, Run, RunStatus, TestOutcome, TestResult, Verdict
from tests.support.ledgers import scratch_ledger
from tests.support.universe import Universe
from tests.support.universe.connected import connected

PYTHON = ".".join(map(str, sys.version_info[:2]))
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CORE, PIPELINE, BOARD = "gate-core", "gate-pipeline", "gate-board"
SHA = "0123456789abcdef0123456789abcdef01234567"
CANDIDATE = "1.2+g0123456789ab"
T = TypeVar("T")

SUITE = {"name": "contracts", "sdist": "tests"}
AXES = {
    **SUITE,
    "axes": {"bus": ["old", "new"]},
    "allowed_to_fail": [{"point": {"bus": "new"}, "reason": "not yet"}],
}


def a_family(*, pipeline: Mapping[str, object] = SUITE, **core: object) -> Family:
    packages = {
        CORE: core,
        PIPELINE: {"upstreams": [CORE], "suites": [pipeline]},
        BOARD: {"upstreams": [CORE], "suites": [{"name": "imports", "imports": True}]},
    }
    return Family.model_validate({"name": "gate", "owner": "acme", "python": [PYTHON], "packages": packages})


@dataclass
class Table:
    """The family with its index, and a pen for its ledger."""

    universe: Universe
    folder: Path
    family: Family = field(default_factory=a_family)
    ledger: SqlLedger = field(default_factory=scratch_ledger)

    def run(self, does: Callable[[Connections], Awaitable[T]]) -> T:
        """Do something with the connections."""

        async def done() -> T:
            async with connected(self.universe, self.family, self.folder, ledger=self.ledger) as connections:
                return await does(connections)

        return asyncio.run(done())

    def key(
        self,
        version: str,
        downstream: str = PIPELINE,
        downstream_version: str = "2.1",
        point: str = "",
        python: str = PYTHON,
    ) -> CellKey:
        """A cell."""
        return CellKey(
            upstream=CORE,
            upstream_version=version,
            downstream=downstream,
            downstream_version=downstream_version,
            suite="contracts" if downstream == PIPELINE else "imports",
            python=python,
            point=point,
        )

    def saw(self, version: str, verdict: Verdict, *red: str, hours: int = 0, **where: str) -> None:
        """Write what a cell has shown."""
        key, at = self.key(version, **where), NOON + timedelta(hours=hours)
        fingerprint = f"{key.model_dump()} {hours}"
        tests = tuple(TestResult(id=test, outcome=TestOutcome.FAILED, error=f"E {test}") for test in red)
        status = RunStatus.FAILED if red else RunStatus.PASSED
        self.ledger.record(Run(fingerprint=fingerprint, status=status, tests=tests, started_at=at))
        self.ledger.record_cells({key: verdict}, at, {key: fingerprint})

    def all_works(self, version: str) -> None:
        """Both newest downstreams work with a version."""
        self.saw(version, Verdict.COMPATIBLE)
        self.saw(version, Verdict.COMPATIBLE, downstream=BOARD, downstream_version="1.0")


def publish(universe: Universe) -> None:
    """Put the family on the index: the newest are core 1.2, pipeline 2.1 and board 1.0; 1.3rc1 and 2.2 don't count."""
    for version in ("1.0", "1.1", "1.2", "1.3rc1"):
        universe.wheel(CORE, version)
    for version in ("2.0", "2.1", "2.2"):
        universe.wheel(PIPELINE, version, requires=[CORE])
    universe.index.yanked[universe.wheel(PIPELINE, "2.2", requires=[CORE]).name] = "a mistake"
    universe.wheel(BOARD, "1.0", requires=[CORE])
