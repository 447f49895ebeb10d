"""The next version: what a bump of each part makes of a version, by PEP 440."""

import itertools
from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, Self

from packaging.version import InvalidVersion, Version
from pydantic import Field

from interlock.common.frozen_model import FrozenModel
from interlock.errors import UsageError

FORMS = (
    "write patch, minor, major, alpha, beta, rc, post, dev or final, or a release part and the pre-release of it, as "
    '"minor,rc" or "patch,rc,dev"; or commits, contract or calver:YYYY.0M.0D'
)
EXPLICIT = 'for example "1.4.0" or "1.4.0rc1"'


class Part(StrEnum):
    """A part of a version that can be bumped."""

    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"
    ALPHA = "alpha"
    BETA = "beta"
    RC = "rc"
    POST = "post"
    DEV = "dev"
    FINAL = "final"


PATCH = "patch"
"""How a version moves where nobody says it."""

ReleasePart = Literal[Part.PATCH, Part.MINOR, Part.MAJOR]
"""A part of the release's own number: what a change of a contract asks for."""

HEIGHT: Mapping[ReleasePart, int] = {Part.PATCH: 0, Part.MINOR: 1, Part.MAJOR: 2}
# The index of each release part among a version's numbers, and PEP 440's name of each pre-release phase.
RELEASE = {Part.MAJOR: 0, Part.MINOR: 1, Part.PATCH: 2}
PHASES = {Part.ALPHA: "a", Part.BETA: "b", Part.RC: "rc"}
# A bump of several parts has at most one part of each of these sets, in this order; or it is one of the other forms.
ORDER = (frozenset(RELEASE), frozenset(PHASES), frozenset({Part.DEV}))
OTHER_FORMS = ((Part.POST,), (Part.POST, Part.DEV), (Part.FINAL,))


class Bump(FrozenModel):
    """How a version is bumped.

    Attributes:
        parts: A release part, a phase and `dev`, each optional, in this order; or `post`, with or without `dev`; or
            `final`.
    """

    parts: tuple[Part, ...] = Field(min_length=1)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse parts with commas between them.

        Raises:
            UsageError: There is no such part, or these parts don't go together.
        """
        try:
            parts = tuple(Part(word.strip().lower()) for word in text.split(","))
        except ValueError:
            raise UsageError(f'"{text}" does not say how the version moves on', hint=FORMS) from None
        if parts not in OTHER_FORMS and not _in_order(parts):
            raise UsageError(f'"{text}" has parts that don\'t go together in this order', hint=FORMS)
        return cls(parts=parts)

    def next(self, version: Version) -> Version:
        """The next version of this form; always beyond the given one.

        A pre-release counts as not yet released: `patch` of 1.2.4rc1 is 1.2.4, and `minor,rc` of 1.3.0rc1 is 1.3.0rc2.

        Raises:
            UsageError: No version of this form is beyond that one, or it is a local version.
        """
        if version.local is not None:
            raise UsageError(f"{version} is a local version, which no index takes", hint="remove what follows the +")
        if Part.POST in self.parts and _unreleased(version):
            raise UsageError(
                f"a post-release of {version} would follow something that is no release", hint="write final instead"
            )
        moved = self._moved(version)
        if moved <= version:
            raise UsageError(f'"{self}" of {version} would be {moved}, which is not beyond it', hint=self._hint())
        return moved

    def _moved(self, version: Version) -> Version:
        release = next((_release(version, RELEASE[part]) for part in self.parts if part in RELEASE), version.release)
        before = version if release == version.release else None  # the pre, post and dev numbers count on from it
        pre, post = self._pre_and_post(before)
        without_dev = _version(version.epoch, release, pre, post)
        if Part.DEV not in self.parts:
            return without_dev
        return _version(version.epoch, release, pre, post, _dev(before, without_dev))

    def _pre_and_post(self, before: Version | None) -> tuple[tuple[str, int] | None, int | None]:
        phase = next((PHASES[part] for part in self.parts if part in PHASES), None)
        if phase:
            return _pre(before, phase), None
        if before is None or self.parts[0] in RELEASE:
            return None, None
        if Part.POST in self.parts:
            return None, _post(before)
        if self.parts == (Part.DEV,):
            return before.pre, before.post
        return None, before.post if before.pre is None else None

    def _hint(self) -> str:
        if self.parts[0] in RELEASE:
            return "give the version itself instead"
        return f'write a release part with it, as "patch,{self}"' if self.parts[0] in {*PHASES, Part.DEV} else FORMS

    def __str__(self) -> str:
        return ",".join(self.parts)


def _in_order(parts: tuple[Part, ...]) -> bool:
    at = [next((number for number, group in enumerate(ORDER) if part in group), -1) for part in parts]
    return -1 not in at and all(one < two for one, two in itertools.pairwise(at))


def _unreleased(version: Version) -> bool:
    """Whether it comes before the release that it leads to."""
    return version.is_prerelease and version.post is None


def _release(version: Version, index: int) -> tuple[int, ...]:
    """The numbers of the next release; those of a pre-release that already leads to one."""
    numbers = version.release + (0,) * (index + 1 - len(version.release))
    if _unreleased(version) and not any(numbers[index + 1 :]):
        return version.release
    return (*numbers[:index], numbers[index] + 1, *(0 for _ in numbers[index + 1 :]))


def _pre(before: Version | None, phase: str) -> tuple[str, int]:
    if before is None or before.pre is None or before.pre[0] != phase:
        return phase, 1
    # After rc2.dev1 comes rc2; after rc1 comes rc2.
    leads_to = before.dev is not None and before.post is None
    return phase, before.pre[1] + (0 if leads_to else 1)


def _post(version: Version) -> int:
    return (version.post or 0) + (0 if version.post is not None and version.dev is not None else 1)


def _dev(before: Version | None, without_dev: Version) -> int:
    """The next number when the version before is a development version of the same one; else 1."""
    if before is None or before.dev is None:
        return 1
    same = _version(before.epoch, before.release, before.pre, before.post) == without_dev
    return before.dev + 1 if same else 1


def _version(
    epoch: int, release: tuple[int, ...], pre: tuple[str, int] | None, post: int | None, dev: int | None = None
) -> Version:
    text = ".".join(map(str, release))
    text = f"{epoch}!{text}" if epoch else text
    text += f"{pre[0]}{pre[1]}" if pre else ""
    text += f".post{post}" if post is not None else ""
    return Version(text if dev is None else f"{text}.dev{dev}")


def enough(part: ReleasePart, version: Version) -> ReleasePart:
    """The part that has to move in a version; before 1.0 the second number stands for the first."""
    return Part.MINOR if version.major == 0 and part is Part.MAJOR else part


def parse_version(text: str) -> Version:
    """Parse the version of a release.

    Raises:
        UsageError: It is not a version, or is a local one.
    """
    try:
        version = Version(text)
    except InvalidVersion:
        raise UsageError(f'"{text}" is not a version', hint=EXPLICIT) from None
    if version.local is not None:
        raise UsageError(f"{version} is a local version, which no index takes", hint=EXPLICIT)
    return version
