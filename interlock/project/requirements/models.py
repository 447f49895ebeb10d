"""The results of moving the requirements on a package."""

from pathlib import Path

from packaging.specifiers import SpecifierSet

from interlock.common.frozen_model import FrozenModel


class _Standing(FrozenModel):
    """A requirement in a file.

    Attributes:
        path: The file, relative to the repository.
        line: Counted from 1.
        requirement: Its text.
    """

    path: Path
    line: int
    requirement: str

    @property
    def at(self) -> str:
        """File and line."""
        return f"{self.path.as_posix()}:{self.line}"


class Declared(_Standing):
    """A requirement on a package, where it is declared.

    Attributes:
        named: What holds it, as `project.dependencies`.
        range: The versions that it admits, as a specifier of PEP 440; None where there is none, as for a URL.
        is_behind: Whether it is for other environments than a requirement with a later bound, and stays as it is.
    """

    named: str
    range: str | None = None
    is_behind: bool = False

    @property
    def specifier(self) -> SpecifierSet | None:
        """The versions that it admits."""
        return None if self.range is None else SpecifierSet(self.range)


class Change(_Standing):
    """A requirement that was moved.

    Attributes:
        after: Its text now; `requirement` is what it was.
    """

    after: str

    @property
    def before(self) -> str:
        """Its text before."""
        return self.requirement

    def __str__(self) -> str:
        return f"{self.at}: {self.before} -> {self.after}"


class Unchanged(_Standing):
    """A requirement that needs no change.

    Attributes:
        reason: Why.
        admits: Whether it admits the new version; it doesn't where it already requires a later one.
    """

    reason: str
    admits: bool

    def __str__(self) -> str:
        return f"{self.at}: {self.requirement} ({self.reason})"


class Refusal(_Standing):
    """A requirement that a person has to decide on.

    Attributes:
        reason: Why, naming the clause that is in the way.
    """

    reason: str

    def __str__(self) -> str:
        return f"{self.at}: {self.requirement}: {self.reason}"


class Repin(FrozenModel):
    """What moving the requirements on a package does: with any refusal, nothing.

    Attributes:
        changes: The requirements that move.
        refusals: Those that a person has to decide on.
        unchanged: Those that are right already.
        remarks: What a person may want to do besides, as updating a lock file.
    """

    changes: tuple[Change, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    unchanged: tuple[Unchanged, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that change, relative to the repository."""
        return tuple(dict.fromkeys(change.path for change in self.changes))
