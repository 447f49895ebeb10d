"""The gate of a cascade: a root that is known to break a downstream begins none."""

import pytest

from interlock.adapters.ledger import open_ledger
from interlock.errors import RefusedError
from interlock.model.verdicts import Verdict
from tests.support.rehearsed_cascade import RehearsedCascade
from tests.support.rehearsed_release import CORE
from tests.support.release_evidence import TEST, require_evidence, saw


def test_a_root_that_breaks_a_downstream_is_refused_before_anything_begins(
    here: RehearsedCascade, quick: pytest.MonkeyPatch
) -> None:
    saw(here, Verdict.INCOMPATIBLE, TEST)
    before = here.refs(), here.writes()

    with pytest.raises(RefusedError, match="breaks its contracts"):
        here.cascade()

    assert (here.refs(), here.writes()) == before
    with open_ledger() as ledger:
        assert ledger.cascades() == ()


def test_those_that_follow_are_proved_and_not_asked_for_evidence(
    here: RehearsedCascade, quick: pytest.MonkeyPatch
) -> None:
    saw(here, Verdict.INCOMPATIBLE, TEST)
    require_evidence(here)
    path = here.world.directory.family_file
    more = "\n[packages.market-data-store.contract]\nevidence = 'required'\n"
    path.write_text(path.read_text("utf-8") + more)

    cascade = here.cascade(despite="it is urgent")

    assert cascade.released().keys() >= {CORE, "market-data-store"}
    with open_ledger() as ledger:
        (root,) = ledger.releases(CORE)
    assert any("released despite that: it is urgent" in remark for remark in root.remarks)
