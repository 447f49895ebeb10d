"""Automations that find dead runs by their missing heartbeat and start them again, a few times.

No release depends on them: any later run finishes it. At night, these automations start that run.
"""

from datetime import timedelta
from typing import TYPE_CHECKING

from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from deployments.automations.apply import apply
from deployments.automations.flow_filters import EVERY_RUN, FLOWS, OF_A_DEPLOYMENT, SENDER, of_flows
from interlock.common.frozen_model import FrozenModel

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

RUN = "prefect.flow-run"
HEARTBEAT = f"{RUN}.heartbeat"
# Events are named after states; the last three are Interlock's own. A missing name does no harm: the change of state
# is not forced, and Prefect lets no run crash that has ended.
ENDS = {
    f"{RUN}.{state}"
    for state in ("Completed", "Failed", "Cancelled", "Crashed", "TimedOut", "Warning", "Planned", "Refused")
}
PAUSES = {f"{RUN}.{state}" for state in ("Paused", "Suspended", "AwaitingRetry", "Scheduled", "Cancelling")}
BEGINS = {f"{RUN}.{state}" for state in ("Running", "Retrying", "AwaitingConcurrencySlot", "Late")}


class Healing(FrozenModel):
    """The limits of the automations.

    Attributes:
        silence: The time without a heartbeat after which a run counts as dead. Our deployments send one every 30 s,
            Prefect's default is 180 s, and a busy server is late: a run that lives must not be doubled.
        claimed: The time between a worker's claim and the run's start after which the worker counts as dead.
        attempts: How often a run is started at most.
        flows: The names of the flows.
    """

    silence: timedelta = timedelta(minutes=4)
    claimed: timedelta = timedelta(minutes=10)
    attempts: int = 5
    flows: tuple[str, ...] = (*FLOWS, SENDER)


async def ensure_automations(client: "PrefectClient", healing: Healing | None = None) -> tuple[str, ...]:
    """Make or correct the automations; running it again changes nothing.

    Returns:
        A line for each change; empty if there was none.
    """
    return await apply(client, automations(healing or Healing()))


def automations(healing: Healing) -> tuple[AutomationCore, ...]:
    """The three automations."""
    return (_silent(healing), _crashed(healing), _claimed(healing))


def _silent(healing: Healing) -> AutomationCore:
    """The start counts as a heartbeat: the process may have died before its first one."""
    return AutomationCore(
        name="Interlock: a silent run is dead",
        description="A run that sends no heartbeat any more has crashed with its machine.",
        trigger=EventTrigger(
            posture=Posture.Proactive,
            match=EVERY_RUN,
            match_related=[of_flows(*healing.flows), OF_A_DEPLOYMENT],
            after={HEARTBEAT, f"{RUN}.Running"},
            expect={HEARTBEAT} | ENDS | PAUSES,
            for_each={"prefect.resource.id"},
            threshold=1,
            within=healing.silence,
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message="its process is gone: it sends no heartbeat")],
    )


def _crashed(healing: Healing) -> AutomationCore:
    """A run that crashed before its start is left out: its attempts are not counted."""
    started = [str(count) for count in range(1, healing.attempts)]
    why = f"Each step looks at the world before it acts, so the run goes on. {healing.attempts} attempts at most."
    return AutomationCore(
        name="Interlock: a crashed run is started again",
        description=why,
        trigger=EventTrigger(
            posture=Posture.Reactive,
            match=ResourceSpecification.model_validate({**EVERY_RUN.model_dump(), "prefect.run-count": started}),
            match_related=[of_flows(*healing.flows), OF_A_DEPLOYMENT],
            expect={f"{RUN}.Crashed"},
            for_each={"prefect.resource.id"},
            threshold=1,
            within=timedelta(0),
        ),
        actions=[_again("its process died, and it goes on")],
    )


def _claimed(healing: Healing) -> AutomationCore:
    return AutomationCore(
        name="Interlock: a run that a worker claimed begins",
        description="A worker that dies between its claim and the run's beginning leaves a run that nobody looks for.",
        trigger=EventTrigger(
            posture=Posture.Proactive,
            match=EVERY_RUN,
            match_related=[of_flows(*healing.flows), OF_A_DEPLOYMENT],
            after={f"{RUN}.Pending"},
            expect={HEARTBEAT} | BEGINS | ENDS | PAUSES,
            for_each={"prefect.resource.id"},
            threshold=1,
            within=healing.claimed,
        ),
        actions=[_again("the worker that claimed it is gone")],
    )


def _again(why: str) -> ChangeFlowRunState:
    return ChangeFlowRunState(state=StateType.SCHEDULED, name="AwaitingRetry", message=why, force=True)
