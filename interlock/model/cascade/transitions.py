"""What follows from what: how the end of one package, a hold or an abort moves the others."""

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
    """Everything that follows for the packages from where each of them is; nothing more follows afterwards.

    - A package that a person holds is held, and one whose upstream is held or failed; what is released already, or
      is being released, stays.
    - When a release has made what is out impossible to install together, that package holds everybody else.
    - A package none of whose upstreams was released, though all have ended, is unchanged.
    - A package that is held for a reason that holds no more is planned again.
    - In an aborted cascade, everything that isn't being released yet is held.

    Returns:
        The packages that go elsewhere, in dependency order. Write these, and no others.
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
    """The packages that can be begun now, in dependency order; expects a cascade that is settled."""
    return tuple(
        planned.package
        for planned in cascade.plan.packages
        if cascade.state(planned.package) in BEFORE and not _awaited(cascade, planned.after)
    )


def under_way(cascade: Cascade) -> tuple[str, ...]:
    """The packages that have been begun and have not ended: who resumes a cascade begins these again."""
    return tuple(name for name, each in cascade.progress.items() if each.state in BEGUN)


def held(cascade: Cascade, package: str, why: str, at: datetime) -> Cascade:
    """The cascade with a package that a person holds, and what follows.

    Raises:
        UsageError: The package takes no part, or has been released.
    """
    progress = _member(cascade, package)
    if progress.state in {State.RELEASING, State.RELEASED, State.UNCHANGED}:
        raise UsageError(f"{package} is {progress.state} in {cascade.id}: it is too late to hold it")
    return settled(cascade.model_copy(update={"holds": {**cascade.holds, package: why}}), at)


def unheld(cascade: Cascade, package: str, at: datetime) -> Cascade:
    """The cascade with a package that is tried again, whatever held it, and what follows.

    Of a package that is out and holds all the others: they go on nevertheless.

    Raises:
        UsageError: The package takes no part, or nothing holds it, or what holds it is an upstream or the abort.
    """
    progress = _member(cascade, package)
    if progress.breaks:
        let_go = progress.model_copy(update={"breaks": False, "accepted": True})
        return settled(cascade.with_progress(let_go), at)
    if progress.state is not State.HELD and package not in cascade.holds:
        raise UsageError(f"{package} is {progress.state} in {cascade.id}: nothing holds it")
    if package not in cascade.holds and progress.held_by is not HeldBy.ITSELF:
        raise UsageError(f"{package} is held since {progress.reason}", hint=_cure(cascade, package))
    holds = {name: why for name, why in cascade.holds.items() if name != package}
    free = cascade.model_copy(update={"holds": holds})
    if progress.held_by is HeldBy.ITSELF:
        free = free.with_progress(moved(progress, State.PLANNED, "", at))
    return settled(free, at)


def mended(cascade: Cascade, package: str, version: Version, at: datetime) -> Cascade:
    """The cascade in which a later version of what broke the family takes its place, and what follows."""
    progress = _member(cascade, package)
    why = f"{version} mended what {progress.version} broke"
    newer = progress.model_copy(update={"breaks": False, "version": version, "reason": why, "link": None})
    return settled(cascade.with_progress(newer), at)


def aborted(cascade: Cascade, at: datetime) -> Cascade:
    """The cascade as a person ended it: what was released stays released, and nothing new starts."""
    return settled(cascade.model_copy(update={"aborted": True}), at)


def resumed(cascade: Cascade, at: datetime) -> Cascade:
    """The cascade as it goes on: not aborted any more, and what failed is tried again; holds stay."""
    again = [moved(each, State.PLANNED, "", at) for each in cascade.progress.values() if each.state is State.FAILED]
    open_again = cascade.model_copy(update={"aborted": False, "ended_at": None})
    return settled(open_again.with_progress(*again), at)


def _followed(cascade: Cascade, planned: Planned, at: datetime) -> Progress:
    """The package as the others, a person and the abort leave it."""
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
    return (HeldBy.UPSTREAM, "; ".join(map(_told, found))) if found else None


def causes(cascade: Cascade, package: str) -> tuple[Progress, ...]:
    """Where what holds a package began, in dependency order: descendants of descendants name the same."""
    found: set[str] = {each.package for each in cascade.breakers()} - {package}
    ahead = [package]
    while ahead:
        for upstream in cascade.plan.package(ahead.pop()).after:
            if cascade.state(upstream).blocks and upstream not in found:
                found.add(upstream)
                ahead.append(upstream)
    members = (each for name, each in cascade.progress.items() if name in found)
    return tuple(each for each in members if each.held_by is not HeldBy.UPSTREAM)


def _told(progress: Progress) -> str:
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


def _cure(cascade: Cascade, package: str) -> str:
    if cascade.progress[package].held_by is HeldBy.ABORT:
        return f"interlock cascade resume {cascade.id}"
    return f"begin with {', '.join(each.package for each in causes(cascade, package))}"
