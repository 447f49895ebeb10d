"""Runs whose process died are found by their silence and started again, a few times.

Nothing of it is needed for a release to be right: whoever runs it again finishes it. At night, this is who does.
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
# Events are called by the names of states; the last three are our own. An end that is not among these does no harm:
# nothing is forced, and Prefect lets no run that has ended crash.
ENDS = {
    f"{RUN}.{state}"
    for state in ("Completed", "Failed", "Cancelled", "Crashed", "TimedOut", "Warning", "Planned", "Refused")
}
PAUSES = {f"{RUN}.{state}" for state in ("Paused", "Suspended", "AwaitingRetry", "Scheduled", "Cancelling")}
BEGINS = {f"{RUN}.{state}" for state in ("Running", "Retrying", "AwaitingConcurrencySlot", "Late")}


class Healing(FrozenModel):
    """How patient the healing is.

    Attributes:
        silence: After so long without a heartbeat a run is dead. They come every 30 s as we deploy, every 180 s by
            Prefect's own default, and later from a busy server: a run that lives must not be doubled.
        claimed: After so long between a worker's claim and the run's beginning the worker is dead.
        attempts: How often a run begins at most.
        flows: Whose runs.
    """

    silence: timedelta = timedelta(minutes=4)
    claimed: timedelta = timedelta(minutes=10)
    attempts: int = 5
    flows: tuple[str, ...] = (*FLOWS, SENDER)


async def ensure_automations(client: "PrefectClient", healing: Healing | None = None) -> tuple[str, ...]:
    """Make or correct the automations that heal; running it again changes nothing.

    Args:
        client: The server's.
        healing: How patient they are.

    Returns:
        What was done, a line for each; empty when all was there.
    """
    return await apply(client, automations(healing or Healing()))


def automations(healing: Healing) -> tuple[AutomationCore, ...]:
    """The three of them."""
    return (_silent(healing), _crashed(healing), _claimed(healing))


def _silent(healing: Healing) -> AutomationCore:
    """Its beginning counts too: the first heartbeat may have died with its process."""
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
    """Not what crashed before it began: nothing would count those attempts."""
    begun = [str(count) for count in range(1, healing.attempts)]
    why = f"Each step looks at the world before it acts, so the run goes on. {healing.attempts} attempts at most."
    return AutomationCore(
        name="Interlock: a crashed run is started again",
        description=why,
        trigger=EventTrigger(
            posture=Posture.Reactive,
            match=ResourceSpecification.model_validate({**EVERY_RUN.model_dump(), "prefect.run-count": begun}),
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
