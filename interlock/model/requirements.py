"""The requirements of a distribution, and which of them hold in an environment."""

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from pydantic import AfterValidator

# The name of a distribution, in any form: `ruamel.yaml` and `ruamel-yaml` are one.
MemberName = Annotated[str, AfterValidator(canonicalize_name)]


def effective(
    requires: Iterable[str], *, markers: Mapping[str, str], extras: Collection[str] = ()
) -> tuple[Requirement, ...]:
    """The requirements that hold in an environment.

    Args:
        requires: Lines of `Requires-Dist`.
        markers: The environment's marker values (PEP 508), as `{"python_version": "3.11", ...}`.
        extras: The extras that are installed.
    """
    parsed = (Requirement(line) for line in requires)
    return tuple(requirement for requirement in parsed if _holds(requirement, markers, extras))


def _holds(requirement: Requirement, markers: Mapping[str, str], extras: Collection[str]) -> bool:
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate({**markers, "extra": extra}) for extra in ("", *extras))


def declared_range(requirements: Iterable[Requirement], upstream: str) -> SpecifierSet | None:
    """The versions of an upstream that the requirements admit together; None when they don't require it at all."""
    specifiers = [r.specifier for r in requirements if canonicalize_name(r.name) == upstream]
    if not specifiers:
        return None
    joined = SpecifierSet()
    for specifier in specifiers:
        joined &= specifier
    return joined


# Lower bounds before upper bounds, as people write them.
OPERATORS = ("===", "==", "~=", ">=", ">", "<=", "<", "!=")


def written(specifier: SpecifierSet) -> str:
    """A specifier as people write it: `>=1.4.61,<2.0.0`."""
    return ",".join(map(str, sorted(specifier, key=lambda each: (OPERATORS.index(each.operator), each.version))))


def admits(declared: SpecifierSet | None, version: Version) -> bool:
    """Whether a declared range admits a version, pre-releases included; None admits nothing."""
    return declared is not None and declared.contains(version, prereleases=True)


def normalized(requirements: Iterable[Requirement], *, forced: Collection[str]) -> tuple[str, ...]:
    """The requirements as sorted text, without specifiers of packages with a forced version."""
    return tuple(sorted({_normal(requirement, forced) for requirement in requirements}))


def _normal(requirement: Requirement, forced: Collection[str]) -> str:
    name = canonicalize_name(requirement.name)
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    specifier = "" if name in forced else ",".join(sorted(map(str, requirement.specifier)))
    url = f" @ {requirement.url}" if requirement.url else ""
    return f"{name}{extras}{specifier}{url}"
