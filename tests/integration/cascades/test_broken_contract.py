"""A core with a broken contract: what no longer fits is held with the test that says so, and the rest goes on."""

from interlock.contracts.admission import Answer
from interlock.model.cascade import Outcome, unheld
from interlock.releases.plan import Timeouts
from rehearsal.index import IndexStore
from tests.support.rehearsed_cascade import (
    IBKR,
    INFRA,
    ORCHESTRATOR,
    PIPELINE,
    STORE,
    RehearsedCascade,
    states,
    versions,
)
from tests.support.rehearsed_release import CORE
from tests.support.release_values import NOON

TELEMETRY = "src/market_data_core/telemetry.py"
CONFORMANCE = "tests/contracts/test_protocol_conformance.py"
# Nothing here is waited for in vain, however slow the machine is.
PATIENT = Timeouts(index=120, receipt=120, run=120)
NAMED = f"{CONFORMANCE}::test_levels_have_the_values_that_are_sent"


def test_what_no_longer_fits_is_held_and_goes_on_once_it_is_fixed(here: RehearsedCascade) -> None:
    here.family_file(('[[packages.market-data-ibkr.suites]]\nname = "imports"\nimports = true\n', ""))
    # Whoever writes `BackpressureLevel.soft` still can; whoever compares all names with a list finds another one.
    here.replace("market-data-core", TELEMETRY, ('    soft = "soft"\n', '    gentle = "soft"\n    soft = "soft"\n'))

    cascade = here.cascade(patience=PATIENT)

    assert cascade.outcome is Outcome.HELD, cascade.progress
    assert states(cascade) == {
        CORE: "released",
        PIPELINE: "held",
        STORE: "released",
        IBKR: "unchanged",
        ORCHESTRATOR: "held",
        INFRA: "held",
    }
    reason = cascade.progress[PIPELINE].reason
    assert reason.startswith(f"contracts: {NAMED} is red with market-data-core 1.2.11")
    assert "contracts:" not in reason[1:], "one test has regressed"
    for name in (ORCHESTRATOR, INFRA):
        assert cascade.progress[name].reason == f"{PIPELINE} is held: {reason}"
    assert here.tagged() == ["market-data-core v1.2.11", "market-data-store v0.6.4"]
    assert newest(here.serving.index, PIPELINE) == "0.8.1"
    known = {cell.evidence.cell.downstream: (cell.says, cell.why) for cell in here.check(CORE, "1.2.11").cells}
    assert known == {
        STORE: (Answer.YES, "every test passes"),
        IBKR: (Answer.UNKNOWN, "unproven: no suite; installs and imports"),
        PIPELINE: (Answer.UNKNOWN, "never run"),
        ORCHESTRATOR: (Answer.UNKNOWN, "never run"),
    }
    assert cascade.progress[IBKR].reason.endswith(f"; unproven with {CORE}: no suite; installs and imports")

    # Its own people mend it on their branch: that is what would be released, and so what is proved.
    here.replace("market_data_pipeline", CONFORMANCE, ('"soft": "soft"', '"gentle": "soft"'))
    here.decide(unheld(cascade, PIPELINE, NOON))
    fixed = here.cascade(version="1.2.11", patience=PATIENT)

    assert fixed.id == cascade.id
    assert fixed.outcome is Outcome.DONE
    assert versions(fixed) == {CORE: "1.2.11", PIPELINE: "0.8.2", STORE: "0.6.4", ORCHESTRATOR: "0.8.5"}
    shown = {
        (proven.cell.downstream, proven.cell.upstream, proven.verdict.value)
        for progress in fixed.progress.values()
        for proven in progress.proof
    }
    assert shown == {
        *((name, CORE, "compatible") for name in (PIPELINE, STORE, IBKR, ORCHESTRATOR)),
        *((ORCHESTRATOR, name, "compatible") for name in (PIPELINE, STORE)),
    }
    # It has recorded what it has proved.
    found = [here.check(name, version) for name, version in versions(fixed).items()]
    unproven = {cell.evidence.cell.downstream for each in found for cell in each.saying(Answer.UNKNOWN)}
    assert unproven == {IBKR}
    assert here.check(STORE, "0.6.4").answer is Answer.YES
    assert '+  "market-data-pipeline==0.8.2",' in here.lines("market_data_orchestrator", "v0.8.5")


def newest(index: IndexStore, project: str) -> str:
    return max(record.version for record in index.files(project) or ())
