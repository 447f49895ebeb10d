"""The plan of a cascade with what proves it: the answer before anything is released.

It says for each member what will be published, what proves it, what nothing proves, and what is held and why. Its
digest names all of that: a person approves this very plan, and what is published later is what it says.
"""

from collections.abc import Mapping

from packaging.version import Version

from interlock.cascades.family_resolution import FamilyResolution
from interlock.common.digest import digest
from interlock.common.frozen_model import FrozenModel
from interlock.model.cascade import Action, Candidate, CascadePlan, HoldPolicy, Proven, held_together
from interlock.model.cascade.policy import ALL
from interlock.releases.preflight import Preview

HELD = 1
DIGITS = 12


class ProvenMember(FrozenModel):
    """What was found of a member before anything was released.

    Attributes:
        candidate: What would be published, as it was built; None for a member that Interlock does not release.
        preview: What its release would do; None likewise.
        proof: The verdicts that decide: of the candidate, of the newest release, of the branch that is only tested.
        held: Why it can't leave; empty where nothing holds it.
        unproven: What nothing has shown, in words.
        by_others: Whether its own workflows publish it, so that its release is verified when it is there.
        nothing_new: Why it needs no release after all; empty where it does.
    """

    package: str
    candidate: Candidate | None = None
    preview: Preview | None = None
    proof: tuple[Proven, ...] = ()
    held: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    by_others: bool = False
    nothing_new: str = ""


class ProvenPlan(FrozenModel):
    """The plan of a cascade, and what proves it.

    Attributes:
        id: The cascade's id.
        plan: What is done with each member, with the versions that were built.
        members: By package, in the order of the plan, what was found of it.
        resolutions: For each Python of the family, whether all members resolve together afterwards.
        policy: Which held members hold the root.
        override: Why the root leaves though members are held; None where nobody said so.
        unasked: What could not be checked for want of credentials, which a plan does not need.
        was_done: Whether nothing would be done: the cascade was done before, and nothing is new since.
    """

    id: str
    plan: CascadePlan
    members: Mapping[str, ProvenMember] = {}
    resolutions: tuple[FamilyResolution, ...] = ()
    policy: HoldPolicy = ALL
    override: str | None = None
    unasked: tuple[str, ...] = ()
    was_done: bool = False

    @property
    def held(self) -> Mapping[str, str]:
        """Every member that stays, with the reason, in dependency order."""
        own = {name: "; ".join(each.held) for name, each in self.members.items() if each.held}
        is_out = self.plan.package(self.plan.root).action is Action.DISPATCH
        policy: HoldPolicy = "independent" if self.override else self.policy
        return held_together(self.plan, own, policy, root_is_out=is_out)

    @property
    def leaves(self) -> bool:
        """Whether the root may leave."""
        return self.plan.root not in self.held

    @property
    def publishes(self) -> Mapping[str, Version]:
        """What would be released, with the versions, in order."""
        members = (each for name, each in self.members.items() if name not in self.held)
        return {each.package: each.candidate.version for each in members if each.candidate and not each.nothing_new}

    @property
    def unproven(self) -> tuple[str, ...]:
        """What nothing has shown, of all that leaves, in words."""
        lines = [f"{name}: {line}" for name, each in self.members.items() for line in each.unproven]
        return (*lines, *(line for each in self.resolutions for line in each.unproven))

    @property
    def digest(self) -> str:
        """Names the whole plan: equal for equal commits, files, verdicts and decisions."""
        members = {
            name: [
                each.candidate.model_dump(mode="json") if each.candidate else None,
                sorted(proven.model_dump_json() for proven in each.proof),
                [*each.held],
                [*each.unproven],
            ]
            for name, each in self.members.items()
        }
        what = {each.package: [each.action.value, *each.after] for each in self.plan.packages}
        resolved = [each.model_dump(mode="json") for each in self.resolutions]
        return digest(self.id, what, members, resolved, self.held, self.override)[:DIGITS]

    @property
    def exit_code(self) -> int:
        """0 when everything leaves; that of the root's first refusal; else 1."""
        root = self.members.get(self.plan.root)
        refused = root.preview.exit_code if root and root.preview else 0
        return refused or (HELD if self.held else 0)
