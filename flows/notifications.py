"""Tells what people must know as events of Prefect; the automations of `interlock notify` send them on."""

import os
from collections.abc import Iterable

import httpx
from prefect import get_client, get_run_logger
from prefect.events import emit_event
from prefect.exceptions import PrefectHTTPStatusError
from prefect.runtime import flow_run

from interlock.reports.notifications import Notification

# Prefect's own way to tell a process which run it is for. Who starts a flow by hand has no such variable, and watches.
STARTED_FOR_A_RUN = "PREFECT__FLOW_RUN_ID"


async def notify(notifications: Iterable[Notification]) -> None:
    """Emit an event for each notice that the server doesn't have yet: nobody is told twice.

    The server forgets events (after a week, unless set otherwise): what is still so then is told again. What can't be
    told ends no run.
    """
    if STARTED_FOR_A_RUN not in os.environ:
        return
    for notification in notifications:
        if not await _is_known(notification):
            get_run_logger().info("tells: %s", notification.subject)
            emit_event(
                notification.kind,
                resource={
                    "prefect.resource.id": f"{notification.kind}.{notification.of}",
                    "prefect.resource.name": notification.of,
                },
                payload={"subject": notification.subject, "body": _with_link(notification.body)},
                id=notification.id,
            )


async def _is_known(notification: Notification) -> bool:
    wanted = {"filter": {"id": {"id": [str(notification.id)]}}, "limit": 1}
    try:
        async with get_client() as client:
            answer = await client.request("POST", "/events/filter", json=wanted)
            return bool(answer.json()["events"])
    except (httpx.HTTPError, PrefectHTTPStatusError) as error:
        get_run_logger().warning("whether it was told already is not known: %s", type(error).__name__)
        return False


def _with_link(body: str) -> str:
    return f"{body}\n{url}" if (url := flow_run.ui_url) else body
