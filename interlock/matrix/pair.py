"""An upstream wheel with a downstream wheel: what both together require of a resolver."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from interlock.adapters.distributions import Wheel
from interlock.adapters.interpreter import Interpreter
from interlock.common.digest import digest
from interlock.matrix.request import TestedEdge
from interlock.model.requirements import declared_range, effective, normalized
from interlock.model.suites import HIGHEST

LOWER_BOUNDS = frozenset({">=", ">", "~=", "==", "==="})


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The two ends of a cell, for one suite on one Python.

    Attributes:
        together: Versions of other packages that come with both, whatever they declare, as `name==1.0`.
        as_of: The packages outside of the family are as they were on the index then; None for now.
        resolution: Which versions of what the downstream requires; see `resolve_pair`.
    """

    edge: TestedEdge
    upstream: Wheel
    downstream: Wheel
    interpreter: Interpreter
    together: tuple[str, ...] = ()
    as_of: datetime | None = None
    resolution: str = HIGHEST

    @property
    def title(self) -> str:
        """Both names and versions, for people."""
        names = f"{self.upstream.name}-{self.upstream.version}-{self.downstream.name}-{self.downstream.version}"
        return f"{names}-at-{self.as_of:%Y-%m-%d}" if self.as_of else names

    @property
    def declared(self) -> SpecifierSet | None:
        """The upstream versions that the downstream admits; None when it does not require the upstream."""
        return declared_by(self.downstream, self.edge, self.interpreter)

    def lines(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The requirements for the resolver, and those that are forced: both versions, whatever either declares."""
        upstream = f"{self.upstream.name}{_bracketed(self._upstream_extras)}=={self.upstream.version}"
        downstream = f"{self.downstream.name}{_bracketed(self._extras)}=={self.downstream.version}"
        others = (line for line in self.together if line.partition("==")[0] not in {w.name for w in self._wheels})
        return (upstream, downstream, *self.edge.suite.requirements), (upstream, downstream, *others)

    def bounded(self) -> tuple[str, ...]:
        """What the downstream itself requires with a lower bound, as lines; without one there is no lowest to prove."""
        found = _effective(self.downstream.requires, self._extras, self.interpreter)
        return tuple(
            f"{each.name}{_bracketed(each.extras)}{each.specifier}"
            for each in found
            if canonicalize_name(each.name) != self.upstream.name
            and any(bound.operator in LOWER_BOUNDS for bound in each.specifier)
        )

    def key(self) -> str:
        """Equal for pairs whose environments, except for the pair itself, must resolve to the same packages."""
        return self._key

    @cached_property
    def _key(self) -> str:
        forced = (self.upstream.name, self.downstream.name)
        return digest(
            [self.interpreter.path.as_posix(), self.interpreter.version],
            [[wheel.name, wheel.requires_python, _shape(wheel.requires, forced)] for wheel in self._wheels],
            [self._upstream_extras, self._extras, self.edge.suite.requirements],
            *([sorted(self.together)] if self.together else []),
            *([self.as_of.isoformat()] if self.as_of else []),
            *([self.resolution] if self.resolution != HIGHEST else []),
        )

    def shaping(self, family: Collection[str] = ()) -> dict[str, tuple[str, ...]]:
        """For each of the two, the requirements that hold in the environment.

        Args:
            family: Other packages that are compared by content, so that their versions don't matter.
        """
        forced = {self.upstream.name, self.downstream.name, *family}
        extras = {self.upstream.name: self._upstream_extras, self.downstream.name: self._extras}
        return {
            wheel.name: normalized(_effective(wheel.requires, extras[wheel.name], self.interpreter), forced=forced)
            for wheel in self._wheels
        }

    @property
    def _wheels(self) -> tuple[Wheel, Wheel]:
        return self.upstream, self.downstream

    @property
    def _extras(self) -> tuple[str, ...]:
        return _suite_extras(self.edge)

    @property
    def _upstream_extras(self) -> tuple[str, ...]:
        """The extras of the upstream that the downstream asks for; a forced version would lose them."""
        requirements = _effective(self.downstream.requires, self._extras, self.interpreter)
        named = (each.extras for each in requirements if canonicalize_name(each.name) == self.upstream.name)
        return tuple(sorted({extra for extras in named for extra in extras}))


def _effective(requires: tuple[str, ...], extras: tuple[str, ...], interpreter: Interpreter) -> tuple[Requirement, ...]:
    return _effective_once(requires, extras, tuple(interpreter.markers.items()))


# A matrix needs the same few hundred of these tens of thousands of times.
@lru_cache(maxsize=4096)
def _effective_once(
    requires: tuple[str, ...], extras: tuple[str, ...], markers: tuple[tuple[str, str], ...]
) -> tuple[Requirement, ...]:
    return effective(requires, markers=dict(markers), extras=extras)


def declared_by(downstream: Wheel, edge: TestedEdge, interpreter: Interpreter) -> SpecifierSet | None:
    """The versions of the edge's upstream that a downstream admits; None when it does not require the upstream."""
    return _declared_once(downstream.requires, _suite_extras(edge), tuple(interpreter.markers.items()), edge.upstream)


@lru_cache(maxsize=4096)
def _declared_once(
    requires: tuple[str, ...], extras: tuple[str, ...], markers: tuple[tuple[str, str], ...], upstream: str
) -> SpecifierSet | None:
    return declared_range(_effective_once(requires, extras, markers), upstream)


def _suite_extras(edge: TestedEdge) -> tuple[str, ...]:
    return tuple(sorted(edge.suite.extras))


@lru_cache(maxsize=4096)
def _shape(requires: tuple[str, ...], forced: tuple[str, ...]) -> str:
    """Digest of every requirement with its marker, also of those that don't hold: extras may bring them in."""
    lines = map(Requirement, requires)
    return digest(sorted((*normalized([line], forced=forced), str(line.marker or "")) for line in lines))


def _bracketed(extras: Collection[str]) -> str:
    return f"[{','.join(extras)}]" if extras else ""
