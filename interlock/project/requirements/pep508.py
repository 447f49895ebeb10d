"""A requirement by PEP 508, taken apart into positions in its text."""

import re

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from interlock.project.requirements.clauses import KeptClause, Moved, Outcome, Refused, clauses_of, move

LONGEST = 4_000
NAME = re.compile(r"\s*(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:\s*\[[^\]]*\])?\s*(?=[<>=!~(;@]|$)")


def required_name(text: str) -> str | None:
    """The canonical name that a requirement is on; None when the text is not a requirement."""
    found = NAME.match(text)
    return canonicalize_name(found["name"]) if found else None


def is_valid(text: str) -> bool:
    """Whether it is a requirement by PEP 508."""
    return _parsed(text) is not None


def environment_of(text: str) -> Marker | None:
    """The marker of a requirement; None when it has none, or is not valid."""
    requirement = _parsed(text)
    return requirement.marker if requirement else None


def head_of(text: str) -> str:
    """A requirement without its marker."""
    return text.partition(";")[0]


def move_requirement(text: str, version: Version) -> Outcome:
    """What has to change in a requirement so that it asks for at least a version."""
    requirement = _parsed(text)
    if requirement is None:
        return Refused("it is no valid requirement")
    if requirement.url:
        if names_version(requirement.url, version):
            return KeptClause("its URL is that of the version", admits=True)
        return Refused("it names a URL, which has to be changed by hand")
    found = NAME.match(text)
    start = found.end() if found else 0
    specifier = head_of(text)[start:]
    if not _same(specifier, requirement.specifier):
        return Refused("its specifier can't be taken apart")
    outcome = move(specifier, version)
    if isinstance(outcome, Moved):
        return Moved(tuple(edit.shifted(start) for edit in outcome.edits))
    return outcome


def names_version(text: str, version: Version) -> bool:
    """Whether an address or a tag names a version, as `v1.5.0` and `core-1.5.0-py3-none-any.whl` do."""
    later = r"(?![0-9]|\.[0-9]|(?:a|b|rc|\.?post|\.?dev)[0-9])"
    return re.search(rf"(?<![0-9.]){re.escape(str(version))}{later}", text) is not None


def url_of(text: str) -> str | None:
    """The URL of a requirement; None when it names none, or is not valid."""
    requirement = _parsed(text)
    return requirement.url if requirement else None


def specifier_of(text: str) -> SpecifierSet | None:
    """The versions that a requirement admits; None when it names a URL, or is not valid."""
    requirement = _parsed(text)
    return None if requirement is None or requirement.url else requirement.specifier


def _parsed(text: str) -> Requirement | None:
    # From 4,300 digits on, a version is no number to Python; and a marker may be nested without end.
    if len(text) > LONGEST:
        return None
    try:
        return Requirement(text)
    except (InvalidRequirement, RecursionError):
        return None


def _same(text: str, specifier: SpecifierSet) -> bool:
    """Whether the clauses that were found in a text are those of the real parser."""
    found = {(clause.operator, clause.version) for clause in clauses_of(text)}
    return found == {(each.operator, each.version) for each in specifier}
