"""The version after this one: what each part of a version moves on, by PEP 440."""

import itertools
from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, Self

from packaging.version import InvalidVersion, Version
from pydantic import Field

from interlock.common.frozen_model import FrozenModel
from interlock.errors import ConflictError, UsageError

FORMS = (
    "write patch, minor, major, alpha, beta, rc, post, dev or final, or a release part and the pre-release of it, as "
    '"minor,rc" or "patch,rc,dev"'
)
EXPLICIT = 'for example "1.4.0" or "1.4.0rc1"'


class Part(StrEnum):
    """A part of a version that can be moved on."""

    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"
    ALPHA = "alpha"
    BETA = "beta"
    RC = "rc"
    POST = "post"
    DEV = "dev"
    FINAL = "final"


ReleasePart = Literal[Part.PATCH, Part.MINOR, Part.MAJOR]
"""A part of the release's own number: what a change of a contract asks for."""

# Where each release part stands among a version's numbers, and what PEP 440 calls each phase before a release.
RELEASE = {Part.MAJOR: 0, Part.MINOR: 1, Part.PATCH: 2}
PHASES = {Part.ALPHA: "a", Part.BETA: "b", Part.RC: "rc"}
# The places of the parts in a bump of several: one of each at most, in this order. The last stands alone.
PLACES = (frozenset(RELEASE), frozenset(PHASES), frozenset({Part.DEV}))
OTHER_FORMS = ((Part.POST,), (Part.POST, Part.DEV), (Part.FINAL,))


class Bump(FrozenModel):
    """How a version is moved on.

    Attributes:
        parts: A release part, a phase and `dev`, each optional, in this order; or `post`, with or without `dev`; or
            `final`.
    """

    parts: tuple[Part, ...] = Field(min_length=1)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a person wrote: parts with commas between them.

        Raises:
            UsageError: There is no such part, or these don't go together.
        """
        try:
            parts = tuple(Part(word.strip().lower()) for word in text.split(","))
        except ValueError:
            raise UsageError(f'"{text}" does not say how the version moves on', hint=FORMS) from None
        if parts not in OTHER_FORMS and not _in_order(parts):
            raise UsageError(f'"{text}" has parts that don\'t go together in this order', hint=FORMS)
        return cls(parts=parts)

    def next(self, version: Version) -> Version:
        """The version after another one; always beyond it, and the nearest of its form.

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
            raise UsageError(f'"{self}" of {version} would be {moved}, which is not beyond it', hint=self._cure())
        return moved

    def _moved(self, version: Version) -> Version:
        release = next((_release(version, RELEASE[part]) for part in self.parts if part in RELEASE), version.release)
        begun = version if release == version.release else None  # what the counting goes on from
        pre, post = self._pre_and_post(begun)
        undeveloped = _version(version.epoch, release, pre, post)
        if Part.DEV not in self.parts:
            return undeveloped
        return _version(version.epoch, release, pre, post, _dev(begun, undeveloped))

    def _pre_and_post(self, begun: Version | None) -> tuple[tuple[str, int] | None, int | None]:
        phase = next((PHASES[part] for part in self.parts if part in PHASES), None)
        if phase:
            return _pre(begun, phase), None
        if begun is None or self.parts[0] in RELEASE:
            return None, None
        if Part.POST in self.parts:
            return None, _post(begun)
        if self.parts == (Part.DEV,):
            return begun.pre, begun.post
        return None, begun.post if begun.pre is None else None

    def _cure(self) -> str:
        if self.parts[0] in RELEASE:
            return "give the version itself instead"
        return f'write a release part with it, as "patch,{self}"' if self.parts[0] in {*PHASES, Part.DEV} else FORMS

    def __str__(self) -> str:
        return ",".join(self.parts)


def _in_order(parts: tuple[Part, ...]) -> bool:
    at = [next((number for number, place in enumerate(PLACES) if part in place), -1) for part in parts]
    return -1 not in at and all(one < two for one, two in itertools.pairwise(at))


def _unreleased(version: Version) -> bool:
    """Whether the release that it leads to is still to come."""
    return version.is_prerelease and version.post is None


def _release(version: Version, index: int) -> tuple[int, ...]:
    """The numbers of the next release; those of a pre-release when it already leads to such a one."""
    numbers = version.release + (0,) * (index + 1 - len(version.release))
    if _unreleased(version) and not any(numbers[index + 1 :]):
        return version.release
    return (*numbers[:index], numbers[index] + 1, *(0 for _ in numbers[index + 1 :]))


def _pre(begun: Version | None, phase: str) -> tuple[str, int]:
    if begun is None or begun.pre is None or begun.pre[0] != phase:
        return phase, 1
    # Development of rc2 leads to rc2; after rc1 comes rc2.
    leads_to = begun.dev is not None and begun.post is None
    return phase, begun.pre[1] + (0 if leads_to else 1)


def _post(version: Version) -> int:
    return (version.post or 0) + (0 if version.post is not None and version.dev is not None else 1)


def _dev(begun: Version | None, undeveloped: Version) -> int:
    """Count on when the version before is a development of the same."""
    if begun is None or begun.dev is None:
        return 1
    before = _version(begun.epoch, begun.release, begun.pre, begun.post)
    return begun.dev + 1 if before == undeveloped else 1


def _version(
    epoch: int, release: tuple[int, ...], pre: tuple[str, int] | None, post: int | None, dev: int | None = None
) -> Version:
    text = ".".join(map(str, release))
    text = f"{epoch}!{text}" if epoch else text
    text += f"{pre[0]}{pre[1]}" if pre else ""
    text += f".post{post}" if post is not None else ""
    return Version(text if dev is None else f"{text}.dev{dev}")


def parse_version(text: str) -> Version:
    """Read a version that a person wrote, to be released.

    Raises:
        UsageError: It is none, or a local one.
    """
    try:
        version = Version(text)
    except InvalidVersion:
        raise UsageError(f'"{text}" is not a version', hint=EXPLICIT) from None
    if version.local is not None:
        raise UsageError(f"{version} is a local version, which no index takes", hint=EXPLICIT)
    return version


def next_version(wanted: Bump | Version, *, known: Mapping[str, Version | None]) -> Version:
    """The version to release: what is wanted, beyond every version that is known.

    Args:
        wanted: How the highest of them is moved on; or the version itself.
        known: By the name of the place where it was found, as "the newest tag v1.2.3"; None where there is none.

    Raises:
        UsageError: The highest of them can't be moved on in this way; or none is known to be moved on.
        ConflictError: A place has the wanted version, or a higher one.
    """
    found = {place: version for place, version in known.items() if version is not None}
    if isinstance(wanted, Version):
        return _beyond(parse_version(str(wanted)), found)
    if not found:
        raise UsageError("there is no version yet that could be moved on", hint=f"give the first one: {EXPLICIT}")
    place = max(found, key=lambda place: found[place])
    try:
        return wanted.next(found[place])
    except UsageError as error:
        raise UsageError(f"{place}: {error.message}", hint=error.hint) from None


def _beyond(version: Version, found: Mapping[str, Version]) -> Version:
    taken = [(place, other) for place, other in found.items() if other >= version]
    if not taken:
        return version
    places = ", ".join(f"{place} has {other}" for place, other in taken)
    raise ConflictError(
        f"{version} is not beyond what there is: {places}",
        hint=f"a release of this package must be beyond {max(other for _, other in taken)}",
    )
