"""Advice on a cascade that is held or has failed, with the commands."""

from interlock.common.frozen_model import FrozenModel
from interlock.model.cascade.cascade import Cascade, Outcome
from interlock.model.cascade.states import HeldBy, Progress, State


class Advice(FrozenModel):
    """One piece of advice.

    Attributes:
        about: The package or the cascade that it is about.
        says: What to do, and when.
        command: The command to type; None when it is done elsewhere.
    """

    about: str
    says: str
    command: str | None = None


def advice(cascade: Cascade) -> tuple[Advice, ...]:
    """The ways out of a half-released family, in order; nothing for a cascade that is done."""
    if cascade.outcome is Outcome.DONE:
        return ()
    resume = Advice(
        about=cascade.id,
        says="go on from where it stands: what is released stays, what failed is tried again",
        command=f"interlock cascade resume {cascade.id}",
    )
    roots = tuple(each for each in cascade.progress.values() if _is_cause(each))
    return (*(_about(each) for each in roots), resume, *_ways_back(cascade, bool(roots)))


def _is_cause(progress: Progress) -> bool:
    inherited = progress.held_by in {HeldBy.UPSTREAM, HeldBy.ABORT}
    return progress.breaks or (progress.state.blocks and not inherited)


def _about(progress: Progress) -> Advice:
    name = progress.package
    if progress.state is State.FAILED:
        return Advice(about=name, says=f"cure what made it fail, then go on: {progress.reason}")
    unhold = f"interlock cascade unhold {name}"
    if progress.breaks:
        says = f"release a fix of it, and go on; or let the others go on as it is: {progress.reason}"
        return Advice(about=name, says=says, command=unhold)
    if progress.held_by is HeldBy.PERSON:
        return Advice(about=name, says=f"a person holds it ({progress.reason}); let it go", command=unhold)
    return Advice(about=name, says=f"cure what holds it, then let it go: {progress.reason}", command=unhold)


def _ways_back(cascade: Cascade, stuck: bool) -> tuple[Advice, ...]:
    released = cascade.released()
    if not stuck or not released:
        return ()
    fix = Advice(
        about=cascade.root,
        says=f"or release a fix of {cascade.root}: a cascade of its own, which takes everybody beyond this one",
        command=f"interlock cascade {cascade.root}",
    )
    names = ", ".join(f"{name} {version}" for name, version in reversed(list(released.items())))
    yank = Advice(
        about=cascade.root,
        says=f"or yank what nobody should install, on the index's own pages, the last released first: {names}",
    )
    return (fix, yank)
