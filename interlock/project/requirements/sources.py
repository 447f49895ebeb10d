"""What a tool takes an upstream from, whatever the requirements on it say: overrides, and sources beside an index."""

import contextlib
from collections.abc import Iterator

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from interlock.common.locate import Keys, value_at
from interlock.common.sanitize import cut
from interlock.project.requirements.clauses import CLAUSE, KeptClause, Outcome, Refused
from interlock.project.requirements.location import Dialect
from interlock.project.requirements.pep508 import LONGEST, head_of, names_version, required_name, specifier_of, url_of

LONGEST_SHOWN = 200
# What may name one version in a source of uv or of Poetry:
# https://docs.astral.sh/uv/concepts/projects/dependencies/#dependency-sources
FIXED = ("tag", "rev", "url", "file", "path")
ARCHIVES = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".tar.xz", ".tgz")
FLOATING = KeptClause("no version is named there", admits=True)


def overriding(tree: object, upstream: str) -> Iterator[tuple[Keys, str, Dialect]]:
    """What wins over all requirements on the upstream: the keys that lead to it, its text, and how it is meant."""
    listed = ("tool", "uv", "override-dependencies")
    for position, text in enumerate(_items(value_at(tree, listed))):
        if isinstance(text, str) and required_name(head_of(text)) == upstream:
            yield (*listed, position), text, OVERRIDE
    for keys, value in named(tree, ("tool", "pdm", "resolution", "overrides"), upstream):
        yield keys, str(value), PDM_OVERRIDE


def sources(tree: object, upstream: str) -> Iterator[tuple[Keys, dict[str, object]]]:
    """Where uv takes the upstream from: the keys that lead to the table, and the table."""
    for keys, value in named(tree, ("tool", "uv", "sources"), upstream):
        several = [((*keys, position), each) for position, each in enumerate(_items(value))]
        yield from ((at, each) for at, each in several or [(keys, value)] if isinstance(each, dict))


def named(tree: object, table: Keys, upstream: str) -> Iterator[tuple[Keys, object]]:
    """What stands in a table under the upstream's name, in any form of it."""
    found = value_at(tree, table)
    for name, value in found.items() if isinstance(found, dict) else ():
        if canonicalize_name(name) == upstream:
            yield (*table, name), value


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def is_elsewhere(table: dict[str, object]) -> bool:
    """Whether a source is something else than an index or a member of the workspace, where all versions are."""
    return not table.keys().isdisjoint({"git", "url", "path", "file"})


def shown(table: dict[str, object]) -> str:
    """A source, as people write it."""
    return cut(", ".join(f"{key} = {value!r}" for key, value in table.items()), LONGEST_SHOWN)


def of_source(table: dict[str, object], version: Version) -> Outcome:
    """Whether a source gives a version: refused where it names another one, kept where it names this one or none."""
    for name in FIXED:
        value = table.get(name)
        if not isinstance(value, str) or (name in {"path", "file"} and not value.endswith(ARCHIVES)):
            continue
        if names_version(value, version):
            return KeptClause(f"its {name} is that of {version}", admits=True)
        return Refused(f"it is taken from its {name} {cut(repr(value), LONGEST_SHOWN)}, which does not name {version}")
    return FLOATING


def of_override(text: str, version: Version) -> Outcome:
    """Whether an overriding requirement gives a version."""
    return _of_range(specifier_of(text), url_of(text) or "", version)


def of_pdm_override(text: str, version: Version) -> Outcome:
    """Whether PDM's override gives a version: it is a version, a range or an address."""
    specifier = None
    with contextlib.suppress(InvalidVersion, InvalidSpecifier):
        specifier = SpecifierSet(text if CLAUSE.match(text) else f"=={Version(text)}") if len(text) <= LONGEST else None
    return _of_range(specifier, text, version)


def _of_range(specifier: SpecifierSet | None, address: str, version: Version) -> Outcome:
    if names_version(address, version) if specifier is None else specifier.contains(version, prereleases=True):
        return KeptClause("it admits it", admits=True)
    return Refused(f"it overrides every other requirement, and excludes {version}")


def of_limit(text: str, version: Version) -> Outcome:
    """Whether a constraint of a workspace gives a version."""
    admits = isinstance(outcome := of_override(text, version), KeptClause)
    return outcome if admits else Refused(f"it limits every member of the workspace, and excludes {version}")


LIMIT = Dialect(of_limit, lambda _: None, str)
OVERRIDE = Dialect(of_override, lambda _: None, str)
PDM_OVERRIDE = Dialect(of_pdm_override, lambda _: None, str)
