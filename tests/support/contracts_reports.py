"""Reports of verifications as they are published: one of a change that breaks a downstream, and variations of it."""

from datetime import UTC, datetime, timedelta

from interlock.contracts.schema import ContractChange, ElementChange, Use
from interlock.contracts.schema.models import Kind, What
from interlock.contracts.verify.report import CellResult, ContractsReport, DownstreamResult, RedTest
from interlock.model.bump import Part
from interlock.model.suites import UNPROVEN
from interlock.model.verdicts import Verdict

UPSTREAM = "market-data-core"
PIPELINE, STORE, IBKR = "market-data-pipeline", "market-data-store", "market-data-ibkr"
SHA = "0123456789abcdef0123456789abcdef01234567"
BEGAN = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LEVEL = "market_data_core.telemetry.BackpressureLevel"
RED = (
    RedTest(id="tests/contracts/test_feedback.py::test_levels_are_three", error="AttributeError: soft"),
    RedTest(
        id="tests/contracts/test_feedback.py::test_soft_slows_down", error="AttributeError: type object has no 'soft'"
    ),
    RedTest(id="tests/contracts/test_rates.py::TestRates::test_half_at_soft[redis]", error="KeyError: 'soft'"),
)


def a_cell(downstream: str = PIPELINE, side: str = "0.8.70", **facts: object) -> CellResult:
    command = ["interlock", "contracts", SHA[:12], "--of", UPSTREAM, "--downstream", downstream, "--against", "1.4.61"]
    fields = {
        "downstream": downstream,
        "downstream_version": side.partition(" ")[0],
        "side": side,
        "suite": "contracts",
        "python": "3.11",
        "verdict": Verdict.COMPATIBLE,
        "baseline": Verdict.COMPATIBLE,
        "reproduce": " ".join([*command, "--python", "3.11", "--no-tell"]),
    }
    return CellResult.model_validate({**fields, **facts})


def a_red_cell(downstream: str = PIPELINE, side: str = "0.8.70", **facts: object) -> CellResult:
    return a_cell(downstream, side, **{"verdict": Verdict.INCOMPATIBLE, "regressed": RED, **facts})


BRANCH = "branch base (89abcdef0123)"
CHANGE = ContractChange(
    before="1.4.61",
    after="1.4.62+g0123456789ab",
    changes=(
        ElementChange(
            name=LEVEL,
            kind=Kind.ENUM,
            what=What.CHANGED,
            details=('member "soft" removed', 'member "gentle" added'),
            breaks_readers=True,
            breaks_writers=True,
        ),
        ElementChange(
            name="market_data_core.events.Tick",
            kind=Kind.MODEL,
            what=What.CHANGED,
            details=('field "venue" added, optional',),
        ),
        ElementChange(name="market_data_core.clock.Clock", kind=Kind.PROTOCOL, what=What.ADDED),
    ),
    api=("market_data_core/telemetry.py:12: BackpressureLevel.soft: Public object was removed",),
    part=Part.MAJOR,
    uses={
        PIPELINE: {LEVEL: Use.COVERED, "market_data_core.events.Tick": Use.NOT_USED},
        STORE: {LEVEL: Use.UNTESTED, "market_data_core.events.Tick": Use.COVERED},
    },
)
DOWNSTREAMS = (
    DownstreamResult(
        downstream=PIPELINE,
        cells=(
            a_red_cell(side="0.8.70", point={"bus_backend": "redis"}),
            a_cell(side="0.8.70", point={"bus_backend": "memory"}),
            a_red_cell(side=BRANCH, point={"bus_backend": "redis"}),
            a_cell(side=BRANCH, point={"bus_backend": "memory"}),
        ),
    ),
    DownstreamResult(
        downstream=STORE,
        cells=(a_cell(STORE, "0.6.73"), a_cell(STORE, BRANCH, verdict="broken-before", baseline="incompatible")),
    ),
    DownstreamResult(downstream=IBKR, cells=(a_cell(IBKR, "1.1.7", suite="imports"),)),
)


def a_report(**facts: object) -> ContractsReport:
    fields = {
        "family": "market-data",
        "upstream": UPSTREAM,
        "repository": "alice/core",
        "ref": "pull request 12 (0123456789ab)",
        "sha": SHA,
        "version": "1.4.62+g0123456789ab",
        "baseline": "merge base with base (fedcba987654)",
        "downstreams": DOWNSTREAMS,
        "change": CHANGE,
        "notes": ("market-data-orchestrator has no suite: nothing is known of it",),
        "started_at": BEGAN,
        "finished_at": BEGAN + timedelta(seconds=133),
    }
    return ContractsReport.model_validate({**fields, **facts})


def an_unproven(side: str = "1.1.7", trouble: str | None = None, **facts: object) -> DownstreamResult:
    """A downstream without a suite, with one cell."""
    cell = a_cell(IBKR, side, suite=UNPROVEN.name, **facts)
    return DownstreamResult(downstream=IBKR, unproven=True, cells=(cell,), trouble=trouble)


def green(report: ContractsReport) -> ContractsReport:
    """The same where nothing regressed."""
    results = tuple(
        each.model_copy(update={"cells": tuple(a_cell(cell.downstream, cell.side) for cell in each.cells)})
        for each in report.downstreams
    )
    return report.model_copy(
        update={"downstreams": results, "change": CHANGE.model_copy(update={"changes": (), "api": ()})}
    )
