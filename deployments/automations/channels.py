"""Notification channels on a server: each is a block with its secret, and the automations that send to it."""

import contextlib
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.notifications import CustomWebhookNotificationBlock, SlackWebhook
from prefect.events.actions import ActionTypes, RunDeployment, SendNotification
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings
from prefect_email import EmailServerCredentials  # type: ignore[import-untyped]

from deployments.automations.apply import apply, with_prefix
from deployments.automations.channel import BLOCK, PREFIX, About, Channel
from deployments.automations.flow_filters import EVERY_RUN, FLOWS, OF_A_DEPLOYMENT, SENDER, of_flows
from interlock.errors import ServerError
from interlock.reports.notifications import NotificationKind

if TYPE_CHECKING:
    from prefect.blocks.core import Block
    from prefect.client.orchestration import PrefectClient

TRIED = "interlock.notify.test"
NOTIFICATIONS = {
    About.FAILURES: NotificationKind.FAILED,
    About.HELD: NotificationKind.HELD,
    About.TOKENS: NotificationKind.TOKEN,
    About.MATRIX: NotificationKind.INCOMPATIBLE,
    About.CONTRACTS: NotificationKind.REGRESSED,
}

KINDS: Mapping[str, "type[Block]"] = {
    "slack": SlackWebhook,
    "email": EmailServerCredentials,
    "webhook": CustomWebhookNotificationBlock,
}
"""The block type of each kind of channel; the commands in `cli/commands/notify.py` fill in its fields.

Prefect's server sends by notification blocks itself; for other blocks, the deployment `send-notice` sends.
"""

# The message of a run's end stays on one line, without characters that Slack or a mail program would interpret.
_WORDS = "| string | replace('<', '‹') | replace('>', '›') | replace('`', \"'\") | truncate(600, true)"
SUBJECT_OF_RUN = (
    "{{ (event.resource.name or 'a run').split() | join(' ') " + _WORDS + " }}: "
    "{{ event.resource['prefect.state-name'] | lower }}"
)
BODY_OF_RUN = "{{ (event.resource.get('prefect.state-message') or '').split() | join(' ') " + _WORDS + " }}"
LINK_OF_RUN = "/runs/flow-run/{{ event.resource.id.split('.')[-1] }}"


class NoSenderError(ServerError):
    """The deployment that sends e-mails is missing."""

    def __init__(self) -> None:
        super().__init__(
            f"the deployment {SENDER}/{SENDER}, which sends e-mails, is not on the server",
            hint="prefect --no-prompt deploy --all, then the same command again; a worker must run there",
        )


async def set_channel(client: "PrefectClient", channel: Channel, fields: Mapping[str, object]) -> tuple[str, ...]:
    """Make a channel, or change the existing one of this name.

    Args:
        client: The server's client.
        channel: The channel.
        fields: The fields of its block.

    Returns:
        A line for each change.

    Raises:
        NoSenderError: It is an e-mail channel, and the deployment that sends is missing.
    """
    block = KINDS[channel.kind](**fields)
    sender = None if isinstance(block, NotificationBlock) else await _sender(client)
    before = await _automations(client, channel.name)
    if (other := channel_of(before)) is not None and other.kind != channel.kind:
        await remove_channel(client, other.name)
        before = ()
    document = await block.asave(channel.block, overwrite=True)
    wanted = automations(channel, document, sender)
    for each in before:
        if each.name not in {every.name for every in wanted}:
            await client.delete_automation(each.id)
    saved = f"saved the block {block.get_block_type_slug()}/{channel.block}"
    return (saved, *await apply(client, wanted))


async def list_channels(client: "PrefectClient") -> tuple[Channel, ...]:
    """All channels, sorted by name."""
    found: dict[str, list[Automation]] = {}
    for each in await with_prefix(client, PREFIX):
        found.setdefault(each.name.removeprefix(PREFIX).partition(" ")[0], []).append(each)
    channels = (channel_of(each) for each in found.values())
    return tuple(channel for channel in channels if channel is not None)


async def remove_channel(client: "PrefectClient", name: str) -> bool:
    """Remove a channel with its secret; False if there is none of this name."""
    made = await _automations(client, name)
    for each in made:
        await client.delete_automation(each.id)
    for kind in KINDS.values():
        with contextlib.suppress(ObjectNotFound):
            slug = kind.get_block_type_slug()
            block = await client.read_block_document_by_name(f"{BLOCK}{name}", slug, include_secrets=False)
            await client.delete_block_document(block.id)
    return bool(made)


def channel_of(automations: Iterable[Automation]) -> Channel | None:
    """The channel that has these automations; None for other automations with a similar name."""
    made = tuple(automations)
    found = re.fullmatch(rf"{PREFIX}(\S+) \((\w+)\) of .*", made[0].name) if made else None
    if found is None or found[2] not in KINDS:
        return None
    expected = {event for each in made if isinstance(each.trigger, EventTrigger) for event in each.trigger.expect}
    sent = [action.parameters or {} for each in made for action in each.actions if isinstance(action, RunDeployment)]
    return Channel(
        name=found[1],
        kind=found[2],
        about=frozenset(about for about, news in NOTIFICATIONS.items() if news in expected),
        to=tuple(sent[0].get("to", ())) if sent else (),
        sender=sent[0].get("sender") if sent else None,
        paused=not all(each.enabled for each in made),
    )


async def _automations(client: "PrefectClient", name: str) -> tuple[Automation, ...]:
    return await with_prefix(client, f"{PREFIX}{name} (")


async def _sender(client: "PrefectClient") -> UUID:
    try:
        return (await client.read_deployment_by_name(f"{SENDER}/{SENDER}")).id
    except ObjectNotFound:
        raise NoSenderError from None


def automations(channel: Channel, block: UUID, sender: UUID | None) -> tuple[AutomationCore, ...]:
    """The automations of a channel: one for Interlock's own events, one for failed runs of deployments.

    Args:
        channel: The channel.
        block: The id of its block document.
        sender: The id of the deployment that sends e-mails, for an e-mail channel.
    """
    news = {str(NOTIFICATIONS[about]) for about in channel.about} | {f"{TRIED}.{channel.name}"}
    subject, body = "{{ event.payload.subject }}", "{{ event.payload.body }}"
    notified = _automation(channel, "news", _reactive(news), _action(channel, block, sender, subject, body))
    if About.FAILURES not in channel.about:
        return (notified,)
    ends = {f"prefect.flow-run.{state}" for state in ("Failed", "Crashed", "TimedOut")}
    failed = _reactive(ends, match=EVERY_RUN, match_related=[of_flows(*FLOWS), OF_A_DEPLOYMENT])
    link = f"\n{ui.rstrip('/')}{LINK_OF_RUN}" if (ui := get_current_settings().ui_url) else ""
    act = _action(channel, block, sender, SUBJECT_OF_RUN, BODY_OF_RUN + link)
    return (notified, _automation(channel, "failed runs", failed, act))


def _automation(channel: Channel, of: str, trigger: EventTrigger, act: ActionTypes) -> AutomationCore:
    about = f"Made by: interlock notify {channel.kind}. Change it by the same command."
    return AutomationCore(name=f"{channel.prefix} of {of}", description=about, trigger=trigger, actions=[act])


def _reactive(expect: set[str], **match: Any) -> EventTrigger:  # noqa: ANN401  Prefect's own
    return EventTrigger(posture=Posture.Reactive, expect=expect, threshold=1, within=timedelta(0), **match)


def _action(channel: Channel, block: UUID, sender: UUID | None, subject: str, body: str) -> ActionTypes:
    if sender is None:
        return SendNotification(block_document_id=block, subject=subject, body=body)
    said = {"subject": subject, "body": body}
    # Without its kind, a template is rendered as JSON, and the run fails if the result isn't JSON.
    rendered = {name: {"__prefect_kind": "jinja", "template": template} for name, template in said.items()}
    settings = {"to": list(channel.to), "sender": channel.sender, "credentials": channel.block}
    return RunDeployment(source="selected", deployment_id=sender, parameters={**rendered, **settings})
