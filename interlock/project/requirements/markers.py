"""Environment markers (PEP 508): which environments a requirement is for, and whether two may hold in the same one.

Theory of operation. A marker is a formula over few variables, each compared with constants. So it is tried: in each
environment that can be made of the constants that stand in it, one other value for each variable, and every Python that
there is or will soon be. What compares a variable by order, other than Python's version, can't be tried like this, nor
can a formula with thousands of environments; two such markers are taken as never holding together.
"""

import itertools
import math
import re
from collections.abc import Callable
from functools import lru_cache

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

LONGEST = 1_000
MOST_ENVIRONMENTS = 1_000
OTHER = "other"
EXTRA = "extra"
# The first and a late patch of each minor version.
PYTHONS = tuple(f"{minor}.{patch}" for minor in ("2.7", *(f"3.{n}" for n in range(31)), "4.0") for patch in (0, 99))
PYTHON = frozenset({"python_version", "python_full_version"})
BY_NAME = frozenset(
    {
        "os_name",
        "sys_platform",
        "platform_machine",
        "platform_python_implementation",
        "platform_system",
        "implementation_name",
    }
)
_COMPARISON = re.compile(
    r"(?P<left>[a-z_]+|\"[^\"]*\"|'[^']*')\s*(?:[<>=!~]{1,3}|not\s+in|in)\s*(?P<right>[a-z_]+|\"[^\"]*\"|'[^']*')"
)


def marker_of(text: str) -> Marker | None:
    """A marker; None for an empty one, and for what is none or is longer than anybody writes."""
    try:
        return Marker(text) if text.strip() and len(text) <= LONGEST else None
    except (InvalidMarker, RecursionError):
        return None


def are_disjoint(one: Marker | None, other: Marker | None) -> bool:
    """Whether no environment fulfils both, or that can't be known; None is fulfilled by all."""
    return one is not None and other is not None and _are_disjoint(str(one), str(other))


@lru_cache(maxsize=MOST_ENVIRONMENTS)
def _are_disjoint(first: str, second: str) -> bool:
    one, other = Marker(first), Marker(second)
    if (environments := _environments(one, other)) is None:
        return True
    holds_one, holds_other = _test(one), _test(other)
    return not any(holds_one(each) and holds_other(each) for each in environments)


def pythons(marker: Marker | None, within: SpecifierSet) -> frozenset[Version]:
    """The Pythons among `PYTHONS` on which a marker may hold; all of them when that can't be known."""
    known = [Version(python) for python in PYTHONS if within.contains(python, prereleases=True)]
    environments = None if marker is None else _environments(marker)
    if marker is None or environments is None:
        return frozenset(known)
    test = _test(marker)
    held = {each["python_full_version"] for each in environments if test(each)}
    return frozenset(each for each in known if str(each) in held)


def _constants(*markers: Marker) -> dict[str, set[str]]:
    """By variable, what it is compared with, and the words of it, since `in` looks for a part."""
    values: dict[str, set[str]] = {}
    for found in _COMPARISON.finditer(" and ".join(map(str, markers))):
        left, right = found["left"], found["right"]
        variable, constant = (right, left) if left[0] in "\"'" else (left, right)
        values.setdefault(variable, set()).update({constant[1:-1], *re.split(r"[\s,|]+", constant[1:-1])})
    return values


def _environments(*markers: Marker) -> list[dict[str, str]] | None:
    """The environments to try; None when these markers can't be tried."""
    values = _constants(*markers)
    values.pop(EXTRA, None)
    if not values.keys() <= BY_NAME | PYTHON:
        return None
    tried = {*PYTHONS, *filter(_is_full, set().union(*(values.pop(name, set()) for name in PYTHON)))}
    choices = [sorted(tried), *(sorted({*each, OTHER}) for each in values.values())]
    if math.prod(map(len, choices)) > MOST_ENVIRONMENTS:
        return None
    return [_environment(python, dict(zip(values, rest, strict=True))) for python, *rest in itertools.product(*choices)]


def _is_full(text: str) -> bool:
    try:
        return len(Version(text).release) > 2
    except InvalidVersion:
        return False


def _environment(python: str, others: dict[str, str]) -> dict[str, str]:
    return {"python_version": ".".join(python.split(".")[:2]), "python_full_version": python, **others}


def _test(marker: Marker) -> Callable[[dict[str, str]], bool]:
    """Whether a marker holds in an environment, with some extra: any of them can be installed beside any other."""
    extras = {"", *_constants(marker).get(EXTRA, ())}

    def holds(environment: dict[str, str]) -> bool:
        try:
            return any(marker.evaluate({**environment, EXTRA: extra}) for extra in extras)
        except (UndefinedComparison, UndefinedEnvironmentName, InvalidVersion):
            return True

    return holds
