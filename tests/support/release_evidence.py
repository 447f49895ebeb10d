"""What the ledger knows of a commit that is released, and whether that is required."""

from datetime import UTC, datetime

from interlock.adapters.ledger import open_ledger
from interlock.model.verdicts import CellKey, Run, RunStatus, TestOutcome, TestResult, Verdict
from tests.support.rehearsed_release import CORE, RehearsedRelease

PIPELINE = "market-data-pipeline"
TEST = "tests/contracts/test_core_install.py::test_it"


def head(here: RehearsedRelease) -> str:
    return here.git(CORE, "rev-parse", "main")


def saw(here: RehearsedRelease, verdict: Verdict, *red: str) -> None:
    """Let the ledger know what pipeline's suite shows with the commit on core's branch."""
    key = CellKey(
        upstream=CORE,
        upstream_version=f"1.2.10+g{head(here)[:12]}",
        downstream=PIPELINE,
        downstream_version="0.8.1",
        suite="contracts",
        python="3.11",
    )
    tests = tuple(TestResult(id=name, outcome=TestOutcome.FAILED, error="E: \x1b[31mno") for name in red)
    now = datetime.now(UTC)
    with open_ledger() as ledger:
        ledger.record(Run(fingerprint="f", status=RunStatus.FAILED, tests=tests, started_at=now))
        ledger.record_cells({key: verdict}, now, {key: "f"})


def require_evidence(here: RehearsedRelease) -> None:
    path = here.world.directory.family_file
    wanted = f"[packages.{CORE}.contract]\nevidence = 'required'\n"
    path.write_text(path.read_text("utf-8").replace(f"[[packages.{CORE}.dis", f"{wanted}\n[[packages.{CORE}.dis", 1))
