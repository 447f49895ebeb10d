"""The gate of a cascade: a root that is known to break a downstream begins none."""

import pytest

from interlock.adapters.ledger import open_ledger
from interlock.errors import RefusedError
from interlock.model.cascade import State
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


def test_those_that_follow_need_the_evidence_of_the_cascade_itself_where_it_is_required(
    here: RehearsedCascade, quick: pytest.MonkeyPatch
) -> None:
    saw(here, Verdict.INCOMPATIBLE, TEST)
    require_evidence(here)
    path = here.world.directory.family_file
    more = "\n[packages.market-data-store.contract]\nevidence = 'required'\n"
    path.write_text(path.read_text("utf-8") + more)

    cascade = here.cascade(despite="it is urgent")

    assert cascade.released().keys() >= {CORE, "market-data-pipeline"}
    store = cascade.progress["market-data-store"]
    assert store.state is State.HELD
    assert "no suite has shown that it works" in store.reason
    with open_ledger() as ledger:
        (root,) = ledger.releases(CORE)
    assert any("released despite that: it is urgent" in remark for remark in root.remarks)
