"""Applies automations to a server: makes what is missing, corrects what differs, and leaves others alone."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from prefect.events.schemas.automations import Automation, AutomationCore

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient


async def apply(client: "PrefectClient", wanted: Iterable[AutomationCore]) -> tuple[str, ...]:
    """Make what is missing and correct what differs; a paused automation stays paused.

    Returns:
        A line for each change; empty if there was none.
    """
    done = [(await _apply_one(client, automation), automation.name) for automation in wanted]
    return tuple(f"{said} {name}" for said, name in done if said)


async def _apply_one(client: "PrefectClient", wanted: AutomationCore) -> str:
    found = await client.read_automations_by_name(wanted.name)
    if not found:
        await client.create_automation(wanted)
        return "made"
    first, *others = found  # two simultaneous commands may have made two
    for each in others:
        await client.delete_automation(each.id)
    wanted = wanted.model_copy(update={"enabled": first.enabled})
    if _as_wanted(first) != _as_wanted(wanted):
        await client.update_automation(first.id, wanted)
        return "corrected"
    return "removed a double of" if others else ""


def _as_wanted(automation: AutomationCore) -> dict[str, object]:
    """What two automations are compared by; lists that stand for sets are sorted."""
    said = automation.model_dump(mode="json", include=set(AutomationCore.model_fields))
    trigger = said["trigger"]
    said["trigger"] = {name: sorted(value) if _is_names(value) else value for name, value in trigger.items()}
    return said


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


async def with_prefix(client: "PrefectClient", prefix: str) -> tuple[Automation, ...]:
    """The automations with this prefix, sorted by name."""
    found: list[Automation] = []
    while page := await client.read_automations(limit=200, offset=len(found)):
        found.extend(page)
    return tuple(sorted((each for each in found if each.name.startswith(prefix)), key=lambda each: each.name))
