"""The gate of a release: what is known to break a downstream is refused while nothing has happened yet."""

from datetime import UTC, datetime

import pytest

from interlock.adapters.ledger import KnownContract, open_ledger
from interlock.errors import RefusedError
from interlock.model.bump import Part
from interlock.model.release import Step
from interlock.model.verdicts import Verdict
from tests.support.interrupted_releases import begin
from tests.support.rehearsed_release import CORE, RehearsedRelease
from tests.support.release_evidence import PIPELINE, TEST, head, require_evidence, saw


def changed(here: RehearsedRelease, part: Part) -> None:
    text = "BackpressureLevel changed: member soft removed"
    with open_ledger() as ledger:
        ledger.record_contract(
            KnownContract(package=CORE, sha=head(here), part=part, text=text, at=datetime.now(UTC)),
        )


def test_a_commit_that_breaks_a_downstream_is_refused_and_released_when_somebody_says_why(
    here: RehearsedRelease,
) -> None:
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


def test_what_is_not_known_is_refused_where_evidence_is_required(here: RehearsedRelease) -> None:
    require_evidence(here)
    before = here.refs(), here.writes()

    with pytest.raises(RefusedError, match="evidence is required, and whether its downstreams work") as refused:
        here.release()

    assert f"interlock contracts {head(here)} --of {CORE}" in (refused.value.hint or "")
    assert (here.refs(), here.writes()) == before


def test_a_release_that_is_to_be_finished_is_not_asked_again_and_keeps_its_remarks(here: RehearsedRelease) -> None:
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
