"""The plan of a cascade names members that their own workflows would release as well."""

import asyncio
import io

from rich.console import Console

from interlock.adapters.connections import access_from, open_connections
from interlock.cascades import planner
from interlock.cascades.context import open_cascade
from interlock.cascades.request import CascadeRequest
from interlock.model import family_file
from interlock.model.cascade import CascadePlan
from interlock.reports import plan_markdown
from interlock.reports.cascade import print_plan
from tests.support.rehearsed_cascade import STORE, RehearsedCascade
from tests.support.rehearsed_release import CORE

PATH = ".github/workflows/auto_release_on_merge.yml"
TEXT = b"on: {push: {branches: [main, master, base]}}\njobs: {out: {steps: [{run: twine upload dist/*}]}}\n"


async def _plan() -> CascadePlan:
    family = family_file.load()
    async with open_connections(family, access_from(family)) as connections:
        context = await open_cascade(CascadeRequest(root=CORE), connections)
        return (await planner.plan(context)).plan


def test_the_plan_names_a_member_that_its_own_workflow_would_release_too(here: RehearsedCascade) -> None:
    here.commit(STORE, {PATH: TEXT})

    plan = asyncio.run(_plan())

    (remark,) = plan.remarks
    assert remark.startswith(f"{STORE} may be released twice: {PATH}:2 runs twine upload on the push of a release's ")
    shown = io.StringIO()
    print_plan(plan, Console(file=shown, width=300))
    assert remark in shown.getvalue()
    assert "auto" in plan_markdown(plan).partition("may be released twice")[2]
