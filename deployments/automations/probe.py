"""Tests a channel end to end: emits an event, and reads from Prefect's own events whether it was delivered."""

import asyncio
import time
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from prefect.events import Event, Resource
from prefect.events.clients import get_events_client

from deployments.automations.channel import Channel
from deployments.automations.channels import TRIED
from interlock.common.frozen_model import FrozenModel

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

SUBJECT = "Interlock: a test"
BODY = "Whoever reads this will be told what Interlock has to tell."
RUN = "prefect.flow-run."
LOOKS = 0.5


class Trial(FrozenModel):
    """The outcome of a test.

    Attributes:
        delivered: Whether it was delivered.
        said: How far it came, in words.
    """

    delivered: bool
    said: str


async def try_channel(client: "PrefectClient", channel: Channel, patience: float = 60) -> Trial:
    """Emit a test event and wait for its outcome.

    Args:
        client: The server's client.
        channel: The channel.
        patience: The seconds to wait, including a worker's start.
    """
    event = Event(
        event=f"{TRIED}.{channel.name}",
        resource=Resource({"prefect.resource.id": f"{TRIED}.{channel.name}"}),
        payload={"subject": SUBJECT, "body": BODY},
        id=uuid4(),
    )
    async with get_events_client() as events:
        await events.emit(event)
    deadline = time.monotonic() + patience
    trial = Trial(delivered=False, said="nothing says that it was delivered: the Prefect server's log has why")
    while time.monotonic() < deadline:
        over, trial = await _look(client, event.id, trial)
        if over:
            break
        await asyncio.sleep(LOOKS)
    return trial


async def _look(client: "PrefectClient", test: UUID, before: Trial) -> tuple[bool, Trial]:
    """Whether the test is over, and its outcome so far."""
    for said in await _outcomes(client, test):
        if said["event"].endswith(".failed"):
            payload = said["payload"]
            why = payload.get("notification_log") or payload.get("reason") or "the server's log says why"
            return True, Trial(delivered=False, said=f"it failed: {str(why).strip()}")
        if said["event"].endswith(".executed"):
            return await _sending(client, said)
    return False, before


async def _sending(client: "PrefectClient", said: dict[str, Any]) -> tuple[bool, Trial]:
    """The outcome so far when a flow run sends, and not the server itself."""
    ids = [each["prefect.resource.id"] for each in said["related"]]
    if (sending := next((each.removeprefix(RUN) for each in ids if each.startswith(RUN)), None)) is None:
        return True, Trial(delivered=True, said="delivered")
    run = await client.read_flow_run(UUID(sending))
    assert run.state is not None
    if run.state.is_completed():
        return True, Trial(delivered=True, said="handed to the mail server")
    state = f"the run {run.name} is {run.state.type.value.lower()}"
    if run.state.is_final():
        return True, Trial(delivered=False, said=f"{state}: {run.state.message}")
    return False, Trial(delivered=False, said=f"{state}: does a worker run?")


async def _outcomes(client: "PrefectClient", test: UUID) -> list[dict[str, Any]]:
    """The events of the actions that automations took for this test."""
    wanted = {
        "filter": {
            "event": {"prefix": ["prefect.automation.action."]},
            "related": {"id": [f"prefect.event.{test}"]},
        },
        "limit": 50,
    }
    answer = await client.request("POST", "/events/filter", json=wanted)
    found: list[dict[str, Any]] = answer.json()["events"]
    return found
