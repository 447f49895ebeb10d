"""A cascade as values: its plan, its progress, and the rules by which packages change state; nothing here acts."""

from interlock.model.cascade.advice import Advice, advice
from interlock.model.cascade.cascade import Cascade, Outcome, begun, cascade_id
from interlock.model.cascade.plan import CascadePlan, Planned, plan_cascade
from interlock.model.cascade.policy import HoldPolicy, held_together, parse_policy
from interlock.model.cascade.precedence import beside, released_with, upstreams_moved, who_goes_first
from interlock.model.cascade.states import (
    TRANSITIONS,
    Action,
    Candidate,
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
    ready,
    repaired,
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
    "Candidate",
    "Cascade",
    "CascadePlan",
    "HeldBy",
    "HoldPolicy",
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
    "held_together",
    "moved",
    "parse_policy",
    "plan_cascade",
    "ready",
    "released_with",
    "repaired",
    "resumed",
    "settle",
    "settled",
    "states_mermaid",
    "under_way",
    "unheld",
    "upstreams_moved",
    "who_goes_first",
]
