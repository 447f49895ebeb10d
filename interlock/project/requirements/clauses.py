"""Version specifiers: the lower bound moves to a new version, the cap and all other text stay."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from packaging.specifiers import InvalidSpecifier, Specifier
from packaging.version import InvalidVersion, Version

CLAUSE = re.compile(r"(?P<operator>===|==|~=|>=|<=|!=|>|<)\s*(?P<version>[^\s,;()]+)")
EXACT = ("==", "===")


class Edit(NamedTuple):
    """Another text for a part of a text."""

    start: int
    end: int
    text: str

    def shifted(self, by: int) -> "Edit":
        """The same in a text that has so many characters more in front."""
        return Edit(self.start + by, self.end + by, self.text)


class Moved(NamedTuple):
    """What has to be edited so that the lower bound is the new version."""

    edits: tuple[Edit, ...]


class KeptClause(NamedTuple):
    """Nothing has to be edited.

    Attributes:
        reason: Why.
        admits: Whether the new version is admitted; it is not where a later one is already required.
    """

    reason: str
    admits: bool


class Refused(NamedTuple):
    """A person has to decide; the reason names the clause that is in the way."""

    reason: str


Outcome = Moved | KeptClause | Refused


class Clause(NamedTuple):
    """One clause of a specifier, and where it stands in its text."""

    operator: str
    version: str
    start: int
    end: int

    @property
    def text(self) -> str:
        """As it is usually written."""
        return f"{self.operator}{self.version}"

    @property
    def wild(self) -> bool:
        """Whether it is a prefix, as `==1.2.*`."""
        return self.version.endswith(".*")

    @property
    def at(self) -> Version:
        """The version that it compares with."""
        return Version(self.version.removesuffix(".*"))

    def admits(self, version: Version) -> bool:
        """Whether it admits a version, be it a pre-release."""
        return Specifier(self.text).contains(version, prereleases=True)


def clauses_of(text: str) -> tuple[Clause, ...]:
    """The clauses of a specifier in their order, with their positions in the text."""
    return tuple(Clause(found["operator"], found["version"], *found.span()) for found in CLAUSE.finditer(text))


def apply(text: str, edits: Iterable[Edit]) -> str:
    """A text after edits that don't overlap."""
    pieces, at = list[str](), 0
    for edit in sorted(edits):
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join((*pieces, text[at:]))


def move(text: str, version: Version) -> Outcome:
    """What has to change in a specifier such as `>=1.2,<2` so that it asks for at least a version.

    The bound is the clause that holds the version from below: an exact one, else the highest of `>=`, `>` and `~=`,
    else a prefix such as `==1.2.*`. Only it moves. A prefix beside another bound is a cap, as in what `~=` stands for.
    """
    clauses = clauses_of(text)
    public = Version(version.public)
    try:
        return _move(clauses, _bound(clauses), public)
    except (InvalidSpecifier, InvalidVersion):
        return Refused(f'"{text.strip()}" holds what is not a version')


def _move(clauses: Sequence[Clause], bound: Clause | None, version: Version) -> Outcome:
    admitted = all(clause.admits(version) for clause in clauses)
    if bound is not None and _reached(bound, version):
        return KeptClause(
            f"already at {bound.text}" if admitted else f"already beyond {version}: {bound.text}", admitted
        )
    if refused := _refusal(clauses, bound, version):
        return refused
    if bound is None:
        return KeptClause("no lower bound to move", admits=True)
    moved = _at(bound, version)
    if admitted and moved.at <= bound.at and moved.operator == bound.operator:
        return KeptClause(f"{bound.text} says no more of it", admits=True)
    assert moved.admits(version)
    return Moved(tuple(_edits(bound, moved)))


def _bound(clauses: Iterable[Clause]) -> Clause | None:
    """The clause that moves."""
    ranked = [(_rank(clause), clause.at, clause) for clause in clauses if clause.operator not in {"<", "<=", "!="}]
    return max(ranked, key=lambda each: each[:2])[2] if ranked else None


def _rank(clause: Clause) -> int:
    if clause.wild:
        return 0
    return 2 if clause.operator in EXACT else 1


def _reached(bound: Clause, version: Version) -> bool:
    if bound.wild or bound.operator == "===":  # both compare other than by order: 1.2.* has 1.2.3, and 1.0 is not 1.0.0
        return bound.at > version or bound.admits(version)
    return bound.at >= version


def _refusal(clauses: Iterable[Clause], bound: Clause | None, version: Version) -> Refused | None:
    """The first clause that excludes a version, and that does not move or moves within its own cap."""
    for clause in clauses:
        stays = clause is not bound or clause.operator == "~="
        if stays and not clause.admits(version):
            prefix = cut(clause.at, len(clause.at.release) - 1, bare=True)
            meaning = f" (it caps at =={prefix}.*)" if clause.operator == "~=" else ""
            return Refused(f'"{clause.text}" excludes {version}{meaning}')
    return None


def _at(bound: Clause, version: Version) -> Clause:
    """The same clause for a version, with as many components where their number means something."""
    components = len(bound.at.release)
    if bound.wild:
        return bound._replace(version=f"{cut(version, components, bare=True)}.*")
    if bound.operator == "~=":
        return bound._replace(version=cut(version, components))
    return bound._replace(operator=">=" if bound.operator == ">" else bound.operator, version=str(version))


def cut(version: Version, components: int, *, bare: bool = False) -> str:
    """A version with so many components; a suffix stays only when no component was lost, and never when bare."""
    release = (*version.release, *[0] * components)[:components]
    whole = not bare and not any(version.release[components:])
    epoch = f"{version.epoch}!" if version.epoch else ""
    return f"{epoch}{'.'.join(map(str, release))}{_suffix(version) if whole else ''}"


def _suffix(version: Version) -> str:
    pre = "".join(map(str, version.pre or ()))
    post = "" if version.post is None else f".post{version.post}"
    dev = "" if version.dev is None else f".dev{version.dev}"
    return f"{pre}{post}{dev}"


def _edits(bound: Clause, moved: Clause) -> Iterable[Edit]:
    """The edits of the bound; spaces between operator and version stay."""
    if moved.operator != bound.operator:
        yield Edit(bound.start, bound.start + len(bound.operator), moved.operator)
    yield Edit(bound.end - len(bound.version), bound.end, moved.version)
