"""The flow `sweep-deliveries`: finds what GitHub could not deliver to the gateway, and makes GitHub send it again."""

import os
from pathlib import Path

from prefect import flow, get_run_logger
from prefect.artifacts import acreate_table_artifact
from prefect.client.schemas.objects import State as RunState
from prefect.states import Completed, Failed

from blocks.find import load_github_credentials
from flows.retrying_task import patient_task
from interlock.adapters.connections import Access, Connections, open_connections
from interlock.common.clock import now
from interlock.model import family_file
from interlock.webhooks import redelivery
from interlock.webhooks.redelivery import MissedDeliveries, SweepResult

GATEWAY = "INTERLOCK_GATEWAY_URL"
ARTIFACT = "swept-deliveries"


@patient_task("look-for-missed")
async def look_for_missed(connections: Connections, gateway: str | None) -> MissedDeliveries:
    """Find the deliveries of the last three days that the gateway does not have."""
    return await redelivery.look(connections, now(), gateway=gateway)


@patient_task("send-again")
async def send_again(connections: Connections, looked: MissedDeliveries) -> SweepResult:
    """Ask GitHub to send each of them again."""
    return await redelivery.send_again(looked, connections)


@patient_task("show-swept")
async def show_swept(swept: SweepResult) -> None:
    """Show errors in the log, and what was sent again as a table in the UI."""
    for trouble in swept.troubles:
        get_run_logger().warning("%s", trouble)
    table = [
        {"repository": each.hook.subject, "event": each.event, "delivery": str(each.guid), "said": each.said}
        for each in swept.sent
    ]
    await acreate_table_artifact(key=ARTIFACT, table=table, description=swept.outcome)


@flow(name="sweep-deliveries", flow_run_name="sweep-deliveries", persist_result=False)
async def sweep_deliveries(family: str | None = None, gateway: str | None = None) -> RunState[None]:
    """Send again everything that GitHub could not deliver to the gateway in the last three days.

    Args:
        family: The family file. Default: that of the environment, else of the checkout.
        gateway: The gateway's address, as the webhooks name it. Default: INTERLOCK_GATEWAY_URL, else every webhook
            whose address ends in /webhooks/github.
    """
    found = family_file.load(Path(family) if family else None)
    access = Access(credentials=await load_github_credentials(found))
    async with open_connections(found, access) as connections:
        looked = await look_for_missed(connections, gateway or os.environ.get(GATEWAY) or None)
        swept = await send_again(connections, looked)
    await show_swept(swept)
    return conclude(swept)


def conclude(swept: SweepResult) -> RunState[None]:
    """The state that ends the run, with a message that a notification can show."""
    return Failed(message=swept.outcome) if swept.troubles else Completed(message=swept.outcome)
