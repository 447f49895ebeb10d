"""The plan of a cascade: which packages follow a release, in which order, why, and their suites."""

from collections.abc import Iterator, Mapping
from typing import Self

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version
from pydantic import Field, model_validator

from interlock.common.frozen_model import FrozenModel
from interlock.common.validation import fault
from interlock.errors import UsageError
from interlock.model.bump import PATCH, Bump
from interlock.model.calver import CalVerOn
from interlock.model.cascade.states import Action
from interlock.model.family import Edge, Family, Follows, Reaction
from interlock.model.requirements import admits, written
from interlock.model.suites import UNPROVEN
from interlock.model.versions import VersionField


class Planned(FrozenModel):
    """What a cascade will do with a package.

    Attributes:
        after: The upstreams in this cascade that it waits for.
        current: Its newest release; None when it has none, or publishes nothing.
        next: The version that it will be released as; None when it won't be released, or that is not known yet.
        why: The reasons, one for each upstream that has one.
        suites: The suites that it will be tested with; `unproven` for an upstream that no suite tests.
        pins: The upstreams that make its release necessary, with the version that its requirement is moved to (None:
            not known yet). `Cascade.pins` has the versions that were really released.
    """

    package: str
    action: Action
    after: tuple[str, ...] = ()
    current: VersionField | None = None
    next: VersionField | None = None
    why: str
    suites: tuple[str, ...] = ()
    pins: Mapping[str, VersionField | None] = {}


class CascadePlan(FrozenModel):
    """A root's release and everything that it makes necessary, in dependency order, the root first.

    Attributes:
        root_ref: The branch that the root is released from; None for that of the family file.
        root_text: The root's version as its files and tag will have it; None where it is not written otherwise.
        remarks: What a person should know before it starts.
    """

    root: str
    root_version: VersionField
    root_ref: str | None = None
    root_text: str | None = None
    packages: tuple[Planned, ...] = Field(min_length=1)
    remarks: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        placed: set[str] = set()
        for planned in self.packages:
            if planned.package in placed or not placed.issuperset(planned.after):
                raise fault(f'"{planned.package}" is planned twice, or before one that it waits for')
            placed.add(planned.package)
        return self

    def package(self, name: str) -> Planned:
        """The plan for a package.

        Raises:
            KeyError: It takes no part.
        """
        return self.by_name[name]

    @property
    def by_name(self) -> Mapping[str, Planned]:
        """Each package that takes part, in dependency order."""
        return {planned.package: planned for planned in self.packages}


Declared = Mapping[tuple[str, str], SpecifierSet | None]


def plan_cascade(  # noqa: PLR0913  what is known of each package comes from several places
    family: Family,
    root: str,
    root_version: Version,
    *,
    current: Mapping[str, Version | None],
    declared: Declared,
    already: Mapping[str, Version] | None = None,
    bumps: Mapping[str, Bump | CalVerOn | None] | None = None,
    follow: bool = False,
) -> CascadePlan:
    """Plan what follows from a release of `root`.

    Args:
        family: The members, their upstreams, and the policies by which they follow.
        root: The package that is released first.
        root_version: Its version.
        current: The newest release of each package.
        declared: By downstream and upstream, the versions that the downstream's files admit; None where they don't
            require it.
        already: What this cascade has released before, by the tags: planned as released, whatever is declared now.
        bumps: How the version of a downstream moves, where it is no patch; None where that is not known.
        follow: Whether the root is released outside of the cascade.

    Raises:
        UsageError: The family has no such package, or the root publishes nothing.
    """
    planner = _Planner(family, current, declared, already or {}, bumps or {})
    planner.place(_root(family, root, root_version, current.get(root), follow=follow))
    for name in family.order():
        if name != root and (planned := planner.planned(name)):
            planner.place(planned)
    return CascadePlan(root=root, root_version=root_version, packages=tuple(planner.placed.values()))


def _root(family: Family, root: str, version: Version, current: Version | None, *, follow: bool) -> Planned:
    if not family.package(root).publishes:
        raise UsageError(
            f'"{root}" publishes nothing, so no cascade begins with it', hint="name the package that is released first"
        )
    why = "somebody else releases it: the cascade begins after it" if follow else "the cascade begins with it"
    action = Action.DISPATCH if follow else Action.RELEASE
    return Planned(package=root, action=action, current=current, next=version, why=why)


class _Planner:
    """Plans one package after the other, by the plans of its upstreams."""

    def __init__(
        self,
        family: Family,
        current: Mapping[str, Version | None],
        declared: Declared,
        already: Mapping[str, Version],
        bumps: Mapping[str, Bump | CalVerOn | None],
    ) -> None:
        self._family = family
        self._current = current
        self._declared = declared
        self._already = already
        self._bumps = bumps
        self.placed: dict[str, Planned] = {}

    def place(self, planned: Planned) -> None:
        self.placed[planned.package] = planned

    def planned(self, name: str) -> Planned | None:
        """The plan for a package after those of its upstreams; None when none of them has a new version."""
        package = self._family.package(name)
        moving = self._moving(name)
        if not moving:
            return None
        if package.reaction is not Reaction.RELEASE:
            return self._reacting(name, moving)
        return self._following(name, moving) if package.publishes else self._idle(name, moving)

    def _moves(self, name: str) -> bool:
        """Whether it will have a new version; a command makes none that others could require."""
        planned = self.placed.get(name)
        return planned is not None and planned.action in {Action.RELEASE, Action.DISPATCH}

    def _reacting(self, name: str, moving: list[str]) -> Planned:
        package = self._family.package(name)
        causes = [upstream for upstream in moving if package.follows_of(upstream) is not Follows.NEVER]
        if not causes:
            return self._tested(name, moving, [_never(upstream) for upstream in moving])
        by_itself = package.publishes and package.reaction is Reaction.DISPATCH
        return self._planned(
            name,
            Action(package.reaction.value),
            self._event_or_command(name, causes),
            next=self._next(name) if by_itself else None,
        )

    def _event_or_command(self, name: str, causes: list[str]) -> str:
        package = self._family.package(name)
        if package.reaction is Reaction.COMMAND:
            return f"reacts by command to {', '.join(causes)}: {' '.join(package.command)}"
        events = [event for upstream in causes for event in self._events(upstream, name)]
        return f"reacts by dispatch: {', '.join(events) or 'but none of its upstreams sends it one'}"

    def _events(self, upstream: str, target: str) -> Iterator[str]:
        for dispatch in self._family.package(upstream).dispatches:
            if target in dispatch.targets:
                yield f"{dispatch.event} of {upstream}"

    def _idle(self, name: str, moving: list[str]) -> Planned:
        return self._planned(
            name, Action.TEST, f"publishes nothing, and reacts to {', '.join(moving)} by nothing that could be done"
        )

    def _following(self, name: str, moving: list[str]) -> Planned:
        if name in self._already:
            pins = {upstream: self._next_of(upstream) for upstream in moving}
            return self._released(name, "this cascade has released it before", pins)
        reasons = {upstream: self._reason(name, upstream) for upstream in moving}
        pulling = {upstream: why for upstream, (pulls, why) in reasons.items() if pulls}
        if not pulling:
            return self._tested(name, moving, [why for _, why in reasons.values()])
        return self._released(name, "; ".join(pulling.values()), {each: self._next_of(each) for each in pulling})

    def _reason(self, name: str, upstream: str) -> tuple[bool, str]:
        """Whether an upstream makes a release necessary, and why."""
        follows = self._family.package(name).follows_of(upstream)
        if follows is Follows.NEVER:
            return False, _never(upstream)
        if follows is Follows.ALWAYS:
            return True, f"policy always for {upstream}"
        declared = self._declared.get((name, upstream))
        if self._next_of(upstream) is None and self._current.get(upstream):
            return True, f"which version of {upstream} comes next is not known yet"
        return _by_range(upstream, declared, self._next_of(upstream))

    def _released(self, name: str, why: str, pins: Mapping[str, Version | None]) -> Planned:
        return self._planned(
            name, Action.RELEASE, why, next=self._next(name), suites=self._suites(name, self._moving(name)), pins=pins
        )

    def _tested(self, name: str, moving: list[str], reasons: list[str]) -> Planned:
        return self._planned(name, Action.TEST, "; ".join(reasons), suites=self._suites(name, moving))

    def _planned(
        self,
        name: str,
        action: Action,
        why: str,
        *,
        next: Version | None = None,  # noqa: A002 - the field's name
        suites: tuple[str, ...] = (),
        pins: Mapping[str, Version | None] | None = None,
    ) -> Planned:
        after = tuple(upstream for upstream in self._family.package(name).upstreams if upstream in self.placed)
        return Planned(
            package=name,
            action=action,
            after=after,
            current=self._current.get(name),
            next=next,
            why=why,
            suites=suites,
            pins=pins or {},
        )

    def _moving(self, name: str) -> list[str]:
        """The upstreams with a new version; not those of which the package needs a higher one: that is another line."""
        moving = [upstream for upstream in self._family.package(name).upstreams if self._moves(upstream)]
        return [each for each in moving if not _needs_more(self._declared.get((name, each)), self._next_of(each))]

    def _suites(self, name: str, moving: list[str]) -> tuple[str, ...]:
        edges = (Edge(upstream=upstream, downstream=name) for upstream in moving)
        wanted = {suite.name for edge in edges for suite in self._family.tried_with(edge)}
        suites = (*self._family.package(name).suites, UNPROVEN)
        return tuple(suite.name for suite in suites if suite.name in wanted)

    def _next(self, name: str) -> Version | None:
        current, bump = self._current.get(name), self._bumps.get(name, Bump.parse(PATCH))
        if name in self._already or current is None or bump is None:
            return self._already.get(name)
        try:
            return bump.next(current)
        except UsageError:
            return None  # its release says why

    def _next_of(self, upstream: str) -> Version | None:
        return self.placed[upstream].next


def _never(upstream: str) -> str:
    return f"policy never for {upstream}: tested, not released"


def _by_range(upstream: str, declared: SpecifierSet | None, version: Version | None) -> tuple[bool, str]:
    if declared is None:
        return False, f"no requirement on {upstream} is declared, though it is an upstream: tested, not released"
    if version is None:
        return True, f"{upstream} has no release yet, and {written(declared) or 'any'} is declared"
    if admits(declared, version):
        return False, f"declared {upstream}{written(declared) or ' (any)'} admits {version}: tested, not released"
    if _is_pin(declared):
        return True, f"{upstream} is pinned {written(declared)}"
    return True, f"declared {upstream}{written(declared)} does not admit {version}"


def _needs_more(declared: SpecifierSet | None, version: Version | None) -> bool:
    """Whether a requirement admits only versions beyond this one, as >=2.0 does of 1.2.12."""
    if declared is None or version is None:
        return False
    for each in declared:
        try:
            bound = Version(each.version.removesuffix(".*"))
        except InvalidVersion:  # behind ===
            continue
        if (each.operator in {">=", "==", "===", "~="} and bound > version) or (
            each.operator == ">" and bound >= version
        ):
            return True
    return False


def _is_pin(declared: SpecifierSet) -> bool:
    operators = [each.operator for each in declared if not each.version.endswith(".*")]
    return any(operator in {"==", "==="} for operator in operators)
