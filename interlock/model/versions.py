"""Selections among a package's versions: a PEP 440 specifier, a list, `all`, or `latest:N`; and names of tags."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Self

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version
from pydantic import GetPydanticSchema
from pydantic_core import core_schema

from interlock.common.frozen_model import FrozenModel
from interlock.errors import UsageError

FORMS = 'a specifier as ">=1.4,<2", a list as "1.4.8, 1.4.9", "all", or "latest:10"'

# What a suite imported and read is recorded by audit hooks (PEP 578).
OLDEST_PYTHON = (3, 8)

VersionField = Annotated[
    Version,
    GetPydanticSchema(
        lambda _source, _handler: core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, Version) else Version(value),
            serialization=core_schema.to_string_ser_schema(),
        )
    ),
]


class Selection(FrozenModel):
    """A choice among a package's versions; exactly one of the fields says how.

    Attributes:
        latest: How many of the newest.
        listed: Exactly these; the only way to select a yanked version, and one way to select a pre-release.
        specifier: Every version that a PEP 440 specifier admits; an empty text for every final version.
    """

    latest: int | None = None
    listed: tuple[VersionField, ...] = ()
    specifier: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse one of the four forms.

        Raises:
            UsageError: It has another form.
        """
        text = text.strip()
        if text == "all":
            return cls(specifier="")
        if match := re.fullmatch(r"latest:([1-9]\d*)", text):
            return cls(latest=int(match[1]))
        try:
            return cls(listed=tuple(Version(item.strip()) for item in text.split(",")))
        except InvalidVersion:
            pass
        try:
            if text:
                return cls(specifier=str(SpecifierSet(text)))
        except InvalidSpecifier:
            pass
        raise UsageError(f'"{text}" does not say which versions are meant', hint=f"write {FORMS}")

    def select(self, package: str, versions: Mapping[Version, bool]) -> tuple[Version, ...]:
        """The selected versions, in ascending order.

        Args:
            package: The package, for the message.
            versions: Every version, with whether it is yanked.

        Raises:
            UsageError: A listed version does not exist, or none is selected.
        """
        if self.listed:
            return tuple(sorted({_existing(version, package, versions) for version in self.listed}))
        served = [version for version, yanked in versions.items() if not yanked]
        if self.latest is not None:
            final = (version for version in served if not version.is_prerelease)
            return self._some(package, sorted(final)[-self.latest :])
        specifier = SpecifierSet(self.specifier or "")
        # Without this, PEP 440 admits pre-releases where there is nothing else; here they must be named.
        chosen = specifier.filter(served, prereleases=bool(specifier.prereleases))
        return self._some(package, sorted(chosen))

    def _some(self, package: str, chosen: list[Version]) -> tuple[Version, ...]:
        if not chosen:
            raise UsageError(f'no release of {package} is in "{self}"', hint=f"write {FORMS}")
        return tuple(chosen)

    def __str__(self) -> str:
        if self.latest is not None:
            return f"latest:{self.latest}"
        return ", ".join(map(str, self.listed)) or self.specifier or "all"


def _existing(version: Version, package: str, versions: Mapping[Version, bool]) -> Version:
    if version in versions:
        return version
    older = max((each for each in versions if each < version), default=None)
    newer = min((each for each in versions if each > version), default=None)
    near = " and ".join(str(each) for each in (older, newer) if each is not None)
    raise UsageError(f"{package} has no release {version}", hint=f"the nearest: {near}" if near else None)


def tag_name(form: str, version: Version | str) -> str:
    """The tag of a version, as `v1.2.11`; of its text, as `v2026.08.17`."""
    return form.replace("{version}", str(version))


def tag_among(form: str, version: Version, names: Iterable[str]) -> str:
    """The tag of a version among these, however its numbers are written; the plain one where there is none."""
    plain = tag_name(form, version)
    others = [name for name in names if tag_version(form, name) == version]
    return plain if plain in others else min(others, default=plain)


def tag_text(form: str, name: str) -> str:
    """The version in a tag's name as it is written there; empty for a tag of another form."""
    before, after = form.split("{version}")
    inner = name[len(before) : len(name) - len(after)]
    return inner if name.startswith(before) and name.endswith(after) and re.match(r"\d", inner) else ""


def tag_version(form: str, name: str) -> Version | None:
    """The version of a tag; None for a tag of another form."""
    try:
        return Version(inner) if (inner := tag_text(form, name)) else None
    except ValueError:  # also that of a number with too many digits
        return None


def too_old(python: str) -> str | None:
    """Why suites can't be run on a Python, by its version; None when they can."""
    if tuple(map(int, python.split(".")[:2])) >= OLDEST_PYTHON:
        return None
    return f"Python {python} can't be tested: the proof of what a suite imported needs audit hooks, which came with 3.8"
