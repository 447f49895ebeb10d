"""The gate of a release: what is known to break a downstream is refused while nothing has happened yet."""

from datetime import UTC, datetime

import pytest

from interlock.adapters.ledger import KnownContract, open_ledger
from interlock.errors import RefusedError
from interlock.model.bump import Part
from interlock.model.release import Step
from interlock.model.verdicts import CellKey, Run, RunStatus, TestOutcome, TestResult, Verdict
from tests.integration.releases.test_release_corners import begin
from tests.support.rehearsed_release import CORE, Rehearsed

PIPELINE = "market-data-pipeline"
TEST = "tests/contracts/test_core_install.py::test_it"


def head(here: Rehearsed) -> str:
    return here.git(CORE, "rev-parse", "main")


def saw(here: Rehearsed, verdict: Verdict, *red: str) -> None:
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


def changed(here: Rehearsed, part: Part) -> None:
    text = "BackpressureLevel changed: member soft removed"
    with open_ledger() as ledger:
        ledger.record_contract(
            KnownContract(package=CORE, sha=head(here), part=part, text=text, at=datetime.now(UTC)),
        )


def require_evidence(here: Rehearsed) -> None:
    path = here.world.directory.family_file
    wanted = f"[packages.{CORE}.contract]\nevidence = 'required'\n"
    path.write_text(path.read_text("utf-8").replace(f"[[packages.{CORE}.dis", f"{wanted}\n[[packages.{CORE}.dis", 1))


def test_a_commit_that_breaks_a_downstream_is_refused_and_released_when_somebody_says_why(here: Rehearsed) -> None:
    saw(here, Verdict.INCOMPATIBLE, TEST)
    before = here.refs(), here.writes()

    with pytest.raises(RefusedError) as refused:
        here.release()

    assert f"✗ {PIPELINE} 0.8.1, contracts, Python 3.11: incompatible" in refused.value.message
    assert f"{TEST}: E: no" in refused.value.message
    assert f'interlock release {CORE} --despite "…"' in (refused.value.hint or "")
    assert (here.refs(), here.writes()) == before

    release = here.release(despite="it is urgent")

    assert release.is_finished
    assert [remark for remark in release.remarks if "released despite that: it is urgent" in remark]
    with open_ledger() as ledger:
        assert ledger.releases(CORE)[0].remarks == release.remarks


def test_what_is_not_known_is_refused_where_evidence_is_required(here: Rehearsed) -> None:
    require_evidence(here)
    before = here.refs(), here.writes()

    with pytest.raises(RefusedError, match="evidence is required, and whether its downstreams work") as refused:
        here.release()

    assert f"interlock contracts {head(here)} --of {CORE}" in (refused.value.hint or "")
    assert (here.refs(), here.writes()) == before


def test_a_release_that_is_to_be_finished_is_not_asked_again_and_keeps_its_remarks(here: Rehearsed) -> None:
    changed(here, Part.MAJOR)
    begin(here, Step.PUBLISH)
    saw(here, Verdict.INCOMPATIBLE, TEST)
    require_evidence(here)

    release = here.release()

    assert release.resumed
    assert release.is_finished
    unknown, less = release.remarks
    assert unknown.startswith("whether its downstreams work with commit ")
    assert less == (
        "1.2.10 to 1.2.11 is a patch version, and what changed in its contract asks for major: "
        "BackpressureLevel changed: member soft removed"
    )
