"""Requirements for some environments only: which of them stay on purpose while those for the others move.

Theory of operation. `core==1.2.0; python_version < "3.9"` beside `core==1.4.0; python_version >= "3.9"` was left
behind by somebody, since a release moves every bound that it can. So a line stays when another one, for other
environments, has a later bound, or when a cap excludes the new version on this line and not on the other. It stays as
well if it is only for Pythons that the new version's Requires-Python excludes. If it is for others too, and does not
admit the new version as it is, a person decides.
"""

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Self

from packaging.markers import Marker
from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from interlock.project.requirements.clauses import KeptClause, Moved, Outcome, Refused, cut
from interlock.project.requirements.location import Location
from interlock.project.requirements.markers import are_disjoint, pythons
from interlock.project.requirements.pep508 import LONGEST
from interlock.project.requirements.poetry import constraint_specifier
from interlock.project.version.project import Project

MOST_LINES, MOST_MARKERS = 200, 20
TOO_MANY = Refused(f"more than {MOST_MARKERS} markers on {MOST_LINES} lines can't be compared: write fewer")
BY_PYTHON = re.compile(r"\bpython_(?:full_)?version\b")
LEFT_BEHIND = "it is for other environments than a line with a later bound, and stays"
NOT_THERE = "it is for Pythons that {version} is not for (it requires {python}), and stays"
DECIDE = "it is for Python {older} too, which {version} is not for (it requires {python}): split it by its marker"
# Poetry's, which a release moves only as far as they have components, like `~=` and `==1.*`.
SIGNED = re.compile(r"\s*[\^~](?!=)")


class Pythons(NamedTuple):
    """The Pythons of a release.

    Attributes:
        own: Those that the downstream says it runs on; None where it does not say that.
        upstream: Those that the upstream's new version says it runs on; None where that is not known.
    """

    own: SpecifierSet | None = None
    upstream: SpecifierSet | None = None

    @classmethod
    def of(cls, project: Project, upstream: str) -> Self:
        """Those of a project, and of a version with this Requires-Python."""
        poetry = project.get("tool", "poetry", "dependencies", "python")
        said = project.get("project", "requires-python") or project.setup_cfg.get(
            "options", "python_requires", fallback=""
        )
        own = constraint_specifier(poetry) if isinstance(poetry, str) and not said else _specifier(said)
        return cls(own, _specifier(upstream))

    def outside(self, marker: Marker | None) -> tuple[bool, str]:
        """Whether the new version runs on no Python that a marker is for, and the older ones on which it does not."""
        if self.upstream is None:
            return False, ""
        meant, runs = pythons(marker, self.own or SpecifierSet()), pythons(None, self.upstream)
        older = [each for each in meant - runs if self.own is not None and runs and each < min(runs)]
        minors = sorted({each.release[:2] for each in older})
        return meant.isdisjoint(runs), ", ".join(f"{major}.{minor}" for major, minor in minors)


def _specifier(text: object) -> SpecifierSet | None:
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
        return None
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        return None


def that_stay(
    locations: Sequence[Location], version: Version | None = None, within: Pythons | None = None
) -> Mapping[Location, Outcome]:
    """What becomes of the requirements with markers that don't move with the others.

    Args:
        locations: All requirements on an upstream.
        version: Its new version; None asks for the lines that were left behind before.
        within: The Pythons of both.
    """
    marked = [each for each in locations if each.marker is not None and not each.hand and not each.wins]
    if len(marked) > MOST_LINES or len({str(each.marker) for each in marked}) > MOST_MARKERS:
        return dict.fromkeys(marked, TOO_MANY)
    outcomes = {each: each.move(version) for each in marked} if version else {}
    bounds = {each: _bound(each) for each in locations}
    found = dict[Location, Outcome]()
    for each in marked:
        ahead = [one for one in locations if _is_ahead(one, each, bounds, version) or _is_freer(one, each, outcomes)]
        if _is_left_behind(each, ahead):
            found[each] = KeptClause(LEFT_BEHIND, admits=_admits(each, version))
        elif version and (outcome := _by_python(each, outcomes[each], version, within or Pythons())):
            found[each] = outcome
    return found


def _is_left_behind(each: Location, ahead: Iterable[Location]) -> bool:
    """Whether what is ahead of a line is for other environments, but for what stands in other lists."""
    is_apart = False
    for other in ahead:
        if are_disjoint(other.marker, each.marker):
            is_apart = True
        elif (other.path, other.named) == (each.path, each.named):
            return False
    return is_apart


Bounds = Mapping[Location, tuple[Specifier, Version] | None]


def _is_ahead(one: Location, other: Location, bounds: Bounds, version: Version | None) -> bool:
    """Whether a requirement has a later bound than another, in the components that the other one is written with.

    A bound beyond the new version says nothing: the new version may be one for those that were left behind.
    """
    bound, least = bounds[one], bounds[other]
    if bound is None or (version is not None and bound[1] > version):
        return False
    if least is None:
        return True
    specifier, version = least
    coarse = specifier.operator == "~=" or specifier.version.endswith(".*") or SIGNED.match(other.text)
    later = Version(cut(bound[1], len(version.release), bare=True)) if coarse else bound[1]
    return later > version


def _bound(location: Location) -> tuple[Specifier, Version] | None:
    """The clause with the latest lower bound, and that bound."""
    if location.hand or location.wins:
        return None
    found = list[tuple[Specifier, Version]]()
    for each in location.range or ():
        with contextlib.suppress(InvalidVersion):
            if each.operator not in {"<", "<=", "!="}:
                found.append((each, Version(each.version.removesuffix(".*"))))
    return max(found, key=lambda each: each[1], default=None)


def _is_freer(one: Location, other: Location, outcomes: Mapping[Location, Outcome]) -> bool:
    """Whether a cap excludes the new version in another requirement, and none does in this one."""
    return one in outcomes and isinstance(outcomes.get(other), Refused) and not isinstance(outcomes[one], Refused)


def _admits(location: Location, version: Version | None) -> bool:
    found = location.range
    return bool(version and found is not None and found.contains(version, prereleases=True))


def _by_python(location: Location, outcome: Outcome, version: Version, within: Pythons) -> Outcome | None:
    is_apart, older = within.outside(location.marker) if BY_PYTHON.search(str(location.marker)) else (False, "")
    words = {"version": version, "python": within.upstream, "older": older}
    if is_apart or (older and isinstance(outcome, Moved) and _admits(location, version)):
        return KeptClause(NOT_THERE.format(**words), admits=_admits(location, version))
    return Refused(DECIDE.format(**words)) if older and isinstance(outcome, Moved) else None
