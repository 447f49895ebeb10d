"""A cascade from a maintenance branch, and followers whose versions move as the family file says."""

import asyncio
import os
import signal

import pytest

from interlock.adapters.connections import access_from, open_connections
from interlock.adapters.ledger import open_ledger
from interlock.cascades.context import open_cascade
from interlock.cascades.request import CascadeRequest
from interlock.cascades.workflow import plan
from interlock.model import family_file
from interlock.model.cascade import Cascade, Outcome
from interlock.model.release import Step
from interlock.releases import step_timer
from interlock.releases.step_timer import StepEvent
from tests.support.forks import forked
from tests.support.rehearsed_cascade import IBKR, ORCHESTRATOR, PIPELINE, STORE, RehearsedCascade, versions
from tests.support.rehearsed_release import CORE

pytestmark = pytest.mark.usefixtures("quick")


async def _die(step: Step, event: StepEvent) -> None:
    if (step, event) == (Step.BUILD, StepEvent.BEGINS):
        os.kill(os.getpid(), signal.SIGKILL)


async def _planned(**request: str) -> Cascade:
    family = family_file.load()
    async with open_connections(family, access_from(family)) as connections:
        return await plan(await open_cascade(CascadeRequest(root=CORE, **request), connections))


def test_a_cascade_of_a_maintenance_branch_leaves_the_other_line_alone(here: RehearsedCascade) -> None:
    here.git(CORE, "branch", "1.x", "main")
    here.release(CORE, version="2.0.0")
    here.replace(STORE, "pyproject.toml", ("market-data-core>=1.2.0,<2.0.0", "market-data-core>=2.0.0"))
    here.family_file(
        ('branch = "base"\n', 'branch = "base"\nbump = "minor"\n'),
        (f"[packages.{IBKR}]\n", f'[packages.{IBKR}]\nfollows = "always"\nbump = "commits"\n'),
        ('repository = "market_data_orchestrator"\n', 'repository = "market_data_orchestrator"\nbump = "contract"\n'),
    )
    here.commit(IBKR, {"more.txt": b"more"}, "feat: more")

    async def killed() -> None:
        step_timer.watcher.set(_die)
        await here.cascade_async(ref="1.x")

    os.waitpid(forked(killed), 0)
    assert [asyncio.run(_planned(**ref)).id for ref in ({"ref": "1.x"}, {})] == [f"{CORE}-1.2.11", f"{CORE}-2.0.0"]
    cascade = here.cascade(version="1.2.11")  # as `interlock cascade resume` does

    assert (cascade.plan.root_ref, cascade.id) == ("1.x", f"{CORE}-1.2.11")
    assert versions(cascade) == {CORE: "1.2.11", PIPELINE: "0.9.0", IBKR: "1.2.0"}
    assert STORE not in cascade.progress
    assert {str(each.package): str(each.next) for each in cascade.plan.packages if each.next} == {
        **versions(cascade),
    }
    assert "what commit" in cascade.progress[ORCHESTRATOR].reason
    assert cascade.outcome is Outcome.HELD
    with open_ledger() as ledger:
        (root,) = [each for each in ledger.releases(CORE) if str(each.version) == "1.2.11"]
    assert root.branch == "1.x"
    assert here.git(CORE, "merge-base", "--is-ancestor", "v1.2.11", "1.x") == ""
    assert here.git(CORE, "tag", "--merged", "main", "--list", "v1.2.11") == ""
