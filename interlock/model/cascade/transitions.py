"""Transitions that follow from others: how the end of one package, a hold or an abort moves the others."""

from collections.abc import Iterable
from datetime import datetime

from packaging.version import Version

from interlock.common.validation import nearest
from interlock.errors import UsageError
from interlock.model.cascade.cascade import Cascade
from interlock.model.cascade.plan import Planned
from interlock.model.cascade.states import BEGUN, NOT_RELEASING, HeldBy, Progress, State, moved

BEFORE = frozenset({State.PLANNED, State.WAITING})
ABORTED = "aborted"
READY = "they have all ended"


def settle(cascade: Cascade, at: datetime) -> tuple[Progress, ...]:
    """All transitions that follow from the states of the packages.

    - A package is held when a person holds it, or when an upstream is held or has failed; a package that is released
      or being released stays.
    - When the released packages can't be installed together since one release, that package holds all others.
    - A package is unchanged when all its upstreams have ended and none was released.
    - A package that was held for a reason that is gone is planned again.
    - In an aborted cascade, every package that isn't being released yet is held.

    One pass in dependency order is enough: a package's next state depends on upstreams, which come before it, and on
    holds, aborts and breakers, which the pass does not change. So a second pass would change nothing.

    Returns:
        The packages that change state, in dependency order. Record these, and no others.
    """
    now = cascade
    for planned in cascade.plan.packages:
        followed = _followed(now, planned, at)
        if followed != now.progress[planned.package]:
            now = now.with_progress(followed)
    return tuple(each for name, each in now.progress.items() if each != cascade.progress[name])


def settled(cascade: Cascade, at: datetime) -> Cascade:
    """The cascade after `settle`."""
    return cascade.with_progress(*settle(cascade, at))


def ready(cascade: Cascade) -> tuple[str, ...]:
    """The packages that can be started now, in dependency order; expects a settled cascade."""
    return tuple(
        planned.package
        for planned in cascade.plan.packages
        if cascade.state(planned.package) in BEFORE and not _awaited(cascade, planned.after)
    )


def under_way(cascade: Cascade) -> tuple[str, ...]:
    """The packages that were started and have not ended; a resumed cascade starts them again."""
    return tuple(name for name, each in cascade.progress.items() if each.state in BEGUN)


def held(cascade: Cascade, package: str, why: str, at: datetime) -> Cascade:
    """The cascade with a package that a person holds, settled.

    Raises:
        UsageError: The package takes no part, or has been released.
    """
    progress = _member(cascade, package)
    if progress.state in {State.RELEASING, State.RELEASED, State.UNCHANGED}:
        raise UsageError(f"{package} is {progress.state} in {cascade.id}: it is too late to hold it")
    return settled(cascade.model_copy(update={"holds": {**cascade.holds, package: why}}), at)


def unheld(cascade: Cascade, package: str, at: datetime) -> Cascade:
    """The cascade with a package that is not held any more and is tried again, settled.

    If the package is released and holds all others, these continue nevertheless.

    Raises:
        UsageError: The package takes no part, or nothing holds it, or an upstream or the abort holds it.
    """
    progress = _member(cascade, package)
    if progress.breaks:
        let_go = progress.model_copy(update={"breaks": False, "accepted": True})
        return settled(cascade.with_progress(let_go), at)
    if progress.state is not State.HELD and package not in cascade.holds:
        raise UsageError(f"{package} is {progress.state} in {cascade.id}: nothing holds it")
    if package not in cascade.holds and progress.held_by is not HeldBy.ITSELF:
        raise UsageError(f"{package} is held since {progress.reason}", hint=_hint(cascade, package))
    holds = {name: why for name, why in cascade.holds.items() if name != package}
    free = cascade.model_copy(update={"holds": holds})
    if progress.held_by is HeldBy.ITSELF:
        free = free.with_progress(moved(progress, State.PLANNED, "", at))
    return settled(free, at)


def repaired(cascade: Cascade, package: str, version: Version, at: datetime) -> Cascade:
    """The cascade in which a later version replaces the one that broke the family, settled."""
    progress = _member(cascade, package)
    why = f"{version} mended what {progress.version} broke"
    newer = progress.model_copy(update={"breaks": False, "version": version, "reason": why, "link": None})
    return settled(cascade.with_progress(newer), at)


def aborted(cascade: Cascade, at: datetime) -> Cascade:
    """The aborted cascade: released packages stay released, and nothing new starts."""
    return settled(cascade.model_copy(update={"aborted": True}), at)


def resumed(cascade: Cascade, at: datetime) -> Cascade:
    """The resumed cascade: not aborted any more, and failed packages are tried again; holds stay."""
    again = [moved(each, State.PLANNED, "", at) for each in cascade.progress.values() if each.state is State.FAILED]
    open_again = cascade.model_copy(update={"aborted": False, "ended_at": None})
    return settled(open_again.with_progress(*again), at)


def _followed(cascade: Cascade, planned: Planned, at: datetime) -> Progress:
    """The progress of a package that follows from the others, from holds and from the abort."""
    progress = cascade.progress[planned.package]
    derived = progress.state is State.HELD and progress.held_by is not HeldBy.ITSELF
    if progress.state not in NOT_RELEASING and not derived:
        return progress
    if hold := _hold(cascade, planned):
        by, why = hold
        return moved(progress, State.HELD, why, at, held_by=by)
    if derived:
        progress = moved(progress, State.PLANNED, "", at)
    return _waiting(cascade, progress, planned.after, at) if progress.state in BEFORE else progress


def _hold(cascade: Cascade, planned: Planned) -> tuple[HeldBy, str] | None:
    if planned.package in cascade.holds:
        return HeldBy.PERSON, cascade.holds[planned.package]
    if cascade.aborted:
        return HeldBy.ABORT, ABORTED
    found = causes(cascade, planned.package)
    return (HeldBy.UPSTREAM, "; ".join(map(_cause, found))) if found else None


def causes(cascade: Cascade, package: str) -> tuple[Progress, ...]:
    """The first causes that hold a package, in dependency order; its own downstreams have the same ones."""
    found: set[str] = {each.package for each in cascade.breakers()} - {package}
    ahead = [package]
    while ahead:
        for upstream in cascade.plan.package(ahead.pop()).after:
            if cascade.state(upstream).blocks and upstream not in found:
                found.add(upstream)
                ahead.append(upstream)
    members = (each for name, each in cascade.progress.items() if name in found)
    return tuple(each for each in members if each.held_by is not HeldBy.UPSTREAM)


def _cause(progress: Progress) -> str:
    if progress.breaks:
        return f"{progress.package} {progress.version} is out: {progress.reason}"
    return f"{progress.package} {'is held' if progress.state is State.HELD else 'failed'}: {progress.reason}"


def _waiting(cascade: Cascade, progress: Progress, after: tuple[str, ...], at: datetime) -> Progress:
    if awaited := _awaited(cascade, after):
        return moved(progress, State.WAITING, ", ".join(awaited), at)
    if after and all(cascade.state(upstream) is State.UNCHANGED for upstream in after):
        return moved(progress, State.UNCHANGED, f"none of its upstreams was released: {', '.join(after)}", at)
    named_them = progress.state is State.WAITING and set(progress.reason.split(", ")) <= set(after)
    return moved(progress, State.WAITING, READY, at) if named_them else progress


def _awaited(cascade: Cascade, after: Iterable[str]) -> list[str]:
    return [upstream for upstream in after if not cascade.state(upstream).is_end]


def _member(cascade: Cascade, package: str) -> Progress:
    try:
        return cascade.progress[package]
    except KeyError:
        message = f'"{package}" takes no part in {cascade.id}'
        raise UsageError(message, hint=nearest(package, cascade.progress)) from None


def _hint(cascade: Cascade, package: str) -> str:
    if cascade.progress[package].held_by is HeldBy.ABORT:
        return f"interlock cascade resume {cascade.id}"
    return f"begin with {', '.join(each.package for each in causes(cascade, package))}"
