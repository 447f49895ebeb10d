"""The flow `check-tokens`: warns ahead of a token's expiry, and fails when one is missing or no longer works."""

import logging
from dataclasses import replace
from pathlib import Path

from prefect import flow, get_run_logger, task
from prefect.artifacts import acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State as RunState
from prefect.states import Completed, Failed

from blocks.find import find_access, find_roles
from flows.notifications import notify
from interlock.adapters.connections import open_connections
from interlock.model import family_file
from interlock.model.family import Family
from interlock.releases.checks import Check, State
from interlock.releases.checks import check_tokens as check_all_tokens
from interlock.reports.notifications import expiring

LEVELS = {State.OK: logging.INFO, State.FAILED: logging.ERROR}
ARTIFACT = "tokens"


@task(name="look-at-tokens", task_run_name="look-at-tokens", cache_policy=NO_CACHE, persist_result=False)
async def look_at_tokens(family: Family) -> tuple[Check, ...]:
    """Find the tokens as a release does, and check them on GitHub; no token leaves this task."""
    roles = await find_roles()
    access = replace(await find_access(family), read=roles.read, tell=roles.tell)
    async with open_connections(family, access) as connections:
        return await check_all_tokens(connections)


@task(name="show-tokens", task_run_name="show-tokens", cache_policy=NO_CACHE, persist_result=False)
async def show_tokens(found: tuple[Check, ...]) -> None:
    """Show what was found in the log, and as a table in the UI."""
    for check in found:
        hint = f" ({check.cure})" if check.cure else ""
        get_run_logger().log(
            LEVELS.get(check.state, logging.WARNING), "%s, %s: %s%s", check.subject, check.name, check.cause, hint
        )
    table = [
        {"state": check.state, "token": check.subject, "check": check.name, "cause": check.cause, "cure": check.cure}
        for check in found
    ]
    await acreate_table_artifact(key=ARTIFACT, table=table, description="The tokens that releases use.")


@flow(name="check-tokens", flow_run_name="check-tokens", persist_result=False)
async def check_tokens(family: str | None = None) -> RunState[None]:
    """Check the tokens that releases use: completed with a warning from ten days before one expires, else failed.

    Args:
        family: The family file. Default: that of the environment, else of the checkout.
    """
    loaded = family_file.load(Path(family) if family else None)
    found = await look_at_tokens(loaded)
    await show_tokens(found)
    await notify(expiring(loaded.name, found))
    return conclude(found)


def conclude(found: tuple[Check, ...]) -> RunState[None]:
    """The state that ends the run, with a message that a notification can show."""
    failures = _words(found, State.FAILED)
    if failures:
        return Failed(message=failures)
    if warnings := _words(found, State.WARNING, State.UNKNOWN):
        return Completed(name="Warning", message=warnings)
    return Completed(message="every token works")


def _words(found: tuple[Check, ...], *states: State) -> str:
    return "; ".join(f"{check.subject}, {check.name}: {check.cause}" for check in found if check.state in states)
