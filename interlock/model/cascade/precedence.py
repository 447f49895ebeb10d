"""Precedence between cascades: of several with one package, the first to start releases it for all of them."""

from collections.abc import Iterable, Mapping, Sequence

from packaging.version import Version

from interlock.model.cascade.cascade import Cascade
from interlock.model.cascade.states import Progress, State


def beside(cascade: Cascade, known: Iterable[Cascade]) -> tuple[Cascade, ...]:
    """The other cascades that are under way, oldest start first."""
    others = (each for each in known if each.id != cascade.id and not each.aborted and each.ended_at is None)
    return tuple(sorted(others, key=_order))


def who_goes_first(cascade: Cascade, others: Sequence[Cascade], package: str) -> Cascade | None:
    """The cascade that started before this one, also has the package, and has not ended with it.

    A cascade waits only for cascades that started before it, so two never wait for each other.
    """
    before = (each for each in others if _order(each) < _order(cascade) and package in each.progress)
    return next((each for each in before if not each.state(package).is_end), None)


def upstreams_moved(cascade: Cascade, others: Sequence[Cascade], package: str) -> Mapping[str, Version]:
    """The upstreams that make a release necessary, in this cascade or in one that waits for the same package."""
    pins = dict(_beneath(cascade, package))
    for other in others:
        if package in other.progress and not other.state(package).is_end:
            for name, version in _beneath(other, package).items():
                pins[name] = max(version, pins.get(name, version))
    return pins


def _beneath(cascade: Cascade, package: str) -> Mapping[str, Version]:
    """The pins of a release; for a command, which has none, its released upstreams."""
    if cascade.plan.package(package).pins:
        return cascade.pins(package)
    released = cascade.released()
    return {name: released[name] for name in cascade.plan.package(package).after if name in released}


def released_with(progress: Progress, pins: Mapping[str, Version]) -> bool:
    """Whether a package was released, or has reacted, with at least these versions of its upstreams."""
    return progress.state is State.RELEASED and all(
        name in progress.pins and progress.pins[name] >= version for name, version in pins.items()
    )


def _order(cascade: Cascade) -> tuple[float, str]:
    return cascade.began_at.timestamp(), cascade.id
