"""A cascade as values: what it will do, how far it has come, and what follows from what; nothing here acts."""

from interlock.cascade_plan.advice import Advice, advice
from interlock.cascade_plan.cascade import Cascade, Outcome, begun, cascade_id
from interlock.cascade_plan.plan import CascadePlan, Planned, plan_cascade
from interlock.cascade_plan.states import (
    TRANSITIONS,
    Action,
    HeldBy,
    Progress,
    Proven,
    State,
    moved,
    states_mermaid,
)
from interlock.cascade_plan.walk import aborted, held, ready, resumed, settle, settled, under_way, unheld

__all__ = [
    "TRANSITIONS",
    "Action",
    "Advice",
    "Cascade",
    "CascadePlan",
    "HeldBy",
    "Outcome",
    "Planned",
    "Progress",
    "Proven",
    "State",
    "aborted",
    "advice",
    "begun",
    "cascade_id",
    "held",
    "moved",
    "plan_cascade",
    "ready",
    "resumed",
    "settle",
    "settled",
    "states_mermaid",
    "under_way",
    "unheld",
]
