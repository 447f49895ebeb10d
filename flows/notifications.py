"""Emits notifications as Prefect events, which the automations of `interlock notify` send to channels."""

import os
from collections.abc import Iterable

import httpx
from prefect import get_client, get_run_logger
from prefect.events import emit_event
from prefect.exceptions import PrefectHTTPStatusError
from prefect.runtime import flow_run

from flows.run_process import VARIABLE
from interlock.reports.notifications import Notification


async def notify(notifications: Iterable[Notification]) -> None:
    """Emit an event for each notification that the server does not have yet, so that nobody is notified twice.

    The server forgets events (after a week, unless set otherwise); what still holds then is notified again. A
    notification that can't be emitted fails no run.
    """
    if VARIABLE not in os.environ:
        return
    link = f"\n{url}" if (url := flow_run.ui_url) else ""
    for notification in notifications:
        if not await _is_known(notification):
            get_run_logger().info("notifies: %s", notification.subject)
            emit_event(
                notification.kind,
                resource={
                    "prefect.resource.id": f"{notification.kind}.{notification.of}",
                    "prefect.resource.name": notification.of,
                },
                payload={"subject": notification.subject, "body": f"{notification.body}{link}"},
                id=notification.id,
            )


async def _is_known(notification: Notification) -> bool:
    wanted = {"filter": {"id": {"id": [str(notification.id)]}}, "limit": 1}
    try:
        async with get_client() as client:
            answer = await client.request("POST", "/events/filter", json=wanted)
            return bool(answer.json()["events"])
    except (httpx.HTTPError, PrefectHTTPStatusError) as error:
        get_run_logger().warning("it is not known whether this was notified already: %s", type(error).__name__)
        return False
