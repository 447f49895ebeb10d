"""Which of a cascade's verdicts are recorded: those of what a user gets, and no others."""

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from interlock.cascades.verify import remember
from interlock.model.cascade import Proven
from interlock.model.verdicts import CellKey, Verdict
from tests.support.ledgers import scratch_ledger

if TYPE_CHECKING:
    from interlock.cascades.context import CascadeContext

WHEEL = "a" * 64


def proven(suite: str, **how: object) -> Proven:
    cell = CellKey(
        upstream="core", upstream_version="2", downstream="app", downstream_version="1", suite=suite, python="3.11"
    )
    return Proven.model_validate({"cell": cell, "verdict": Verdict.COMPATIBLE, "run": "f", **how})


def test_a_candidate_counts_when_its_very_wheel_is_released_and_what_was_forced_never_does() -> None:
    ledger = scratch_ledger()
    context = cast("CascadeContext", SimpleNamespace(connections=SimpleNamespace(ledger=ledger)))
    cells = (
        proven("released"),
        proven("candidate", wheel=WHEEL),
        proven("other", wheel="b" * 64),
        proven("forced", forced=True),
        proven("forced-candidate", wheel=WHEEL, forced=True),
    )
    asyncio.run(remember(context, cells))
    assert {key.suite for key in ledger.cells_of("core", "2")} == {"released"}
    asyncio.run(remember(context, cells, {WHEEL}))
    known = ledger.cells_of("core", "2")
    assert {key.suite for key in known} == {"released", "candidate"}
    assert {cell.run for cell in known.values()} == {"f"}
