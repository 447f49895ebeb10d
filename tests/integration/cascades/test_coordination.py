"""Two cascades that meet are joined: each package is released once, with what both have moved."""

import asyncio
import time
from pathlib import Path

import pytest

from interlock.model.cascade import Cascade, Outcome, State
from interlock.releases.plan import Timeouts
from tests.support.rehearsed_cascade import IBKR, INFRA, ORCHESTRATOR, PIPELINE, RehearsedCascade, at, states, versions
from tests.support.rehearsed_release import CORE

LONG = Timeouts(index=5, receipt=5, run=120)


def cascades(here: RehearsedCascade, root: str) -> tuple[Cascade, ...]:
    with here.ledger() as ledger:
        return ledger.cascades(root)


def is_released(here: RehearsedCascade, root: str) -> bool:
    return any(each.state(root) is State.RELEASED for each in cascades(here, root))


async def both(here: RehearsedCascade) -> tuple[Cascade, Cascade]:
    """A cascade of core, and one of ibkr that begins while core's goes on and has released its root before it ends."""

    def wait(_cascade: Cascade) -> None:
        for _ in range(1200):
            if is_released(here, IBKR):
                return
            time.sleep(0.05)

    first = asyncio.create_task(here.cascade_async(patience=LONG, watch=at(PIPELINE, State.TESTING, wait)))
    while not cascades(here, CORE):  # noqa: ASYNC110  another task makes it
        await asyncio.sleep(0.05)
    second = asyncio.create_task(here.cascade_async(IBKR, patience=LONG))
    return await first, await second


@pytest.mark.usefixtures("quick")
def test_what_both_would_release_is_released_once_with_what_both_have_moved(
    here: RehearsedCascade, interlock_home: Path
) -> None:
    core, ibkr = asyncio.run(both(here))

    assert (core.outcome, ibkr.outcome) == (Outcome.DONE, Outcome.DONE)
    assert versions(ibkr)[IBKR] == "1.1.2"
    assert versions(ibkr)[ORCHESTRATOR] == versions(core)[ORCHESTRATOR] == "0.8.5"
    assert [tag for tag in here.tagged() if "orchestrator" in tag] == ["market_data_orchestrator v0.8.5"]
    changed = here.lines("market_data_orchestrator", "v0.8.5")
    assert '+  "market-data-core==1.2.11",' in changed
    assert '+  "market-data-ibkr==1.1.2",' in changed
    assert ibkr.progress[ORCHESTRATOR].reason == f"in {core.id}"
    assert states(ibkr)[INFRA] == "released"
    assert sorted(path.parent.name for path in interlock_home.glob("logs/*/*.log")) == [core.id]


@pytest.mark.usefixtures("quick")
@pytest.mark.long
def test_who_began_first_and_does_not_go_on_is_named(here: RehearsedCascade) -> None:
    first = here.cascade()
    with here.ledger() as ledger:  # as if it had been killed before its orchestrator
        waiting = first.progress[ORCHESTRATOR].model_copy(update={"state": State.WAITING, "version": None})
        begun = first.model_copy(update={"id": "another", "ended_at": None})
        ledger.begin_cascade(begun.model_copy(update={"progress": {**first.progress, ORCHESTRATOR: waiting}}))
        ledger.record_progress("another", waiting)

    second = here.cascade(IBKR, patience=Timeouts(index=5, receipt=5, run=1))

    assert states(second)[ORCHESTRATOR] == "failed"
    assert second.progress[ORCHESTRATOR].reason.startswith("another has market-data-orchestrator too, goes first")
