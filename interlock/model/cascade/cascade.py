"""A cascade: its plan, the progress of each package, and the decisions of people."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Self

from packaging.version import Version
from pydantic import AwareDatetime, model_validator

from interlock.common.frozen_model import FrozenModel
from interlock.common.validation import fault
from interlock.model.cascade.plan import CascadePlan
from interlock.model.cascade.states import Action, Progress, State
from interlock.model.versions import VersionField


class Outcome(StrEnum):
    """The state of a cascade as a whole."""

    RUNNING = "running"
    DONE = "done"
    HELD = "held"
    FAILED = "failed"


def cascade_id(root: str, version: Version) -> str:
    """The id of a cascade: the same root and version are the same cascade."""
    return f"{root}-{version}"


class Cascade(FrozenModel):
    """One root release and every release that it makes necessary.

    Attributes:
        progress: By package, for every package of the plan, in its order.
        ended_at: When nothing was left to do; None while it runs, or after an interruption.
        aborted: Whether a person aborted it.
        holds: By package, why a person holds it; also for packages that it hasn't reached yet.
        repeated: Whether it was done before this run, which has done nothing.
    """

    id: str
    root: str
    version: VersionField
    plan: CascadePlan
    progress: Mapping[str, Progress]
    began_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    aborted: bool = False
    holds: Mapping[str, str] = {}
    repeated: bool = False

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if list(self.progress) != [planned.package for planned in self.plan.packages]:
            raise fault(f'the progress of "{self.id}" is not that of its plan')
        return self

    def with_progress(self, *progress: Progress) -> Self:
        """A copy with the new progress of some packages.

        Raises:
            KeyError: A package takes no part.
        """
        changed = {each.package: each for each in progress}
        if strangers := changed.keys() - self.progress.keys():
            raise KeyError(*strangers)
        return self.model_copy(update={"progress": {**self.progress, **changed}})

    def state(self, package: str) -> State:
        """The state of a package."""
        return self.progress[package].state

    def released(self) -> Mapping[str, Version]:
        """The released packages, with their new versions."""
        found = (each for each in self.progress.values() if each.state is State.RELEASED)
        return {each.package: each.version for each in found if each.version is not None}

    def pins(self, package: str) -> Mapping[str, Version]:
        """The upstreams that make a release of this package necessary, with the versions that they were released as."""
        released = self.released()
        return {name: released[name] for name in self.plan.package(package).pins if name in released}

    def action(self, package: str) -> Action:
        """What to do with a package when its upstreams have ended: as planned, or a test if no release is necessary."""
        planned = self.plan.package(package)
        unneeded = planned.action is Action.RELEASE and planned.pins and not self.pins(package)
        return Action.TEST if unneeded else planned.action

    def breakers(self) -> tuple[Progress, ...]:
        """The released packages that can't be installed together with the others that were released."""
        return tuple(each for each in self.progress.values() if each.breaks)

    @property
    def is_over(self) -> bool:
        """Whether every package has ended in one way or another."""
        return all(each.state.is_end for each in self.progress.values())

    @property
    def is_done(self) -> bool:
        """Whether it has ended well, and nobody holds anything."""
        return self.ended_at is not None and self.outcome is Outcome.DONE

    @property
    def outcome(self) -> Outcome:
        """The state of the whole: one failure makes it failed, else one hold makes it held."""
        states = {each.state for each in self.progress.values()}
        if not self.is_over:
            return Outcome.RUNNING
        if State.FAILED in states:
            return Outcome.FAILED
        return Outcome.HELD if State.HELD in states or self.breakers() else Outcome.DONE


def begun(plan: CascadePlan, at: datetime) -> Cascade:
    """A new cascade, of which nothing is done yet."""
    return Cascade(
        id=cascade_id(plan.root, plan.root_version),
        root=plan.root,
        version=plan.root_version,
        plan=plan,
        progress={each.package: Progress(package=each.package, since=at) for each in plan.packages},
        began_at=at,
    )
