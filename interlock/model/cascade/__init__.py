"""A cascade as values: what it will do, how far it has come, and what follows from what; nothing here acts."""

from interlock.model.cascade.advice import Advice, advice
from interlock.model.cascade.cascade import Cascade, Outcome, begun, cascade_id
from interlock.model.cascade.plan import CascadePlan, Planned, plan_cascade
from interlock.model.cascade.precedence import beside, released_with, upstreams_moved, who_goes_first
from interlock.model.cascade.states import (
    TRANSITIONS,
    Action,
    HeldBy,
    Progress,
    Proven,
    State,
    moved,
    states_mermaid,
)
from interlock.model.cascade.transitions import (
    aborted,
    causes,
    held,
    mended,
    ready,
    resumed,
    settle,
    settled,
    under_way,
    unheld,
)

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
    "beside",
    "cascade_id",
    "causes",
    "held",
    "mended",
    "moved",
    "plan_cascade",
    "ready",
    "released_with",
    "resumed",
    "settle",
    "settled",
    "states_mermaid",
    "under_way",
    "unheld",
    "upstreams_moved",
    "who_goes_first",
]
