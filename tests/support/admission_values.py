"""What is known of cells, for admission."""

from datetime import UTC, datetime

from interlock.contracts.admission.models import Shown
from interlock.model.verdicts import CellKey, Verdict

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_cell(number: int = 0) -> CellKey:
    return CellKey(
        upstream="core",
        upstream_version="1.1",
        downstream=f"pipeline{number}",
        downstream_version="2.0",
        suite="contracts",
        python="3.11",
    )


def shown(verdict: Verdict, *red: str) -> Shown:
    return Shown(verdict=verdict, at=NOON, red=dict.fromkeys(red, "E"))
