"""Which packages stay when some of them can't leave: decided before the root does.

**Theory.** What is found of a member before anything is released (a red test, a cap, a build that fails) holds that
member, and everything below it in the plan. Whether it also holds the root, and so all of the cascade, is the policy's
answer: `all`, where any held member does; `independent`, where none does, and the rest leaves; or the names of those
that do. A root that is out already, since somebody else released it, can't be held any more.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from interlock.errors import UsageError
from interlock.model.cascade.plan import CascadePlan

HoldPolicy = Literal["all", "independent"] | tuple[str, ...]
ALL: HoldPolicy = "all"
INDEPENDENT: HoldPolicy = "independent"


def parse_policy(text: str) -> HoldPolicy:
    """Parse `all`, `independent`, or names with commas between them.

    Raises:
        UsageError: It is none of them.
    """
    if text in {"all", "independent"}:
        return "all" if text == "all" else "independent"
    names = tuple(name.strip() for name in text.split(","))
    if not all(names) or {"all", "independent"} & set(names):
        raise UsageError(f'"{text}" is no policy', hint="write all, independent, or the names of packages: core,store")
    return names


def policy_text(policy: HoldPolicy) -> str:
    """The policy as it is parsed."""
    return policy if isinstance(policy, str) else ",".join(policy)


def held_together(
    plan: CascadePlan, reasons: Mapping[str, str], policy: HoldPolicy, *, root_is_out: bool = False
) -> Mapping[str, str]:
    """Every package that stays, with the reason, in dependency order; pure.

    Args:
        plan: The plan of the cascade.
        reasons: By package, why it can't leave itself.
        policy: Which of them hold the root.
        root_is_out: Whether the root was released already.
    """
    own = dict(reasons)
    if root_is_out:
        own.pop(plan.root, None)
    elif plan.root not in own and (holders := tuple(_holders(own, policy))):
        own[plan.root] = "; ".join(f"{name} would be held" for name in holders)
    held: dict[str, str] = {}
    for planned in plan.packages:
        if planned.package in own:
            held[planned.package] = own[planned.package]
        elif blocking := [name for name in planned.after if name in held]:
            held[planned.package] = "; ".join(f"{name} is held" for name in blocking)
    return held


def _holders(held: Collection[str], policy: HoldPolicy) -> Iterator[str]:
    for name in held:
        if policy == "all" or (policy != "independent" and name in policy):
            yield name
