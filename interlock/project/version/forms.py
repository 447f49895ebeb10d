"""The forms in which a file may hold a version: as Python writes it, as Cargo and npm do, as numbers, or shortened."""

import re
from enum import StrEnum

from packaging.version import InvalidVersion, Version

# It is a part of names of files, which have 255 bytes. From 4,300 digits on, Python reads no number.
LONGEST_VERSION = 100
SEMVER_PARTS = 3
PRE_RELEASES = {"a": "alpha", "b": "beta", "rc": "rc"}


class Form(StrEnum):
    """How a version is written.

    `TEXT` is that of PEP 440; `SEMVER` that of Cargo and npm, as 1.3.0-rc.1; `NUMBERS` are the first numbers of a
    tuple, as `1, 2, 3`; `SHORT` is its beginning, as 1.2 for 1.2.3.
    """

    TEXT = "text"
    SEMVER = "semver"
    NUMBERS = "numbers"
    SHORT = "short"


def read_as(form: Form, text: str) -> Version | None:
    """The version that a text means; None when it means none."""
    if form is Form.NUMBERS:
        text = re.sub(r"[\s,]+", ".", text)
    try:
        return Version(text) if len(text) <= LONGEST_VERSION else None
    except InvalidVersion:
        return None


def written_as(form: Form, spelled: str, old: str) -> str | None:
    """A version in the form of the one that it replaces; None when the form can't hold it.

    Args:
        form: The form.
        spelled: The version as its release writes it, with the zeros of a calendar version.
        old: The text that it replaces.
    """
    if form is Form.TEXT:
        return spelled
    version = Version(spelled)
    if form is Form.SEMVER:
        return _semver(version)
    length = len(re.findall(r"\d+", old))
    numbers = [*map(str, version.release), *("0" for _ in range(length - len(version.release)))]
    if form is Form.SHORT:
        return ".".join(numbers[:length]) if not version.epoch else None
    final = str(version) == version.base_version and not version.epoch and len(numbers) == length
    return _with_numbers(old, numbers) if final else None


def _with_numbers(old: str, numbers: list[str]) -> str:
    left = iter(numbers)
    return re.sub(r"\d+", lambda _: next(left), old)


def _semver(version: Version) -> str | None:
    """As https://semver.org has it; PEP 440 reads such a text as the same version, and maturin does, too."""
    parts = [*version.release, *(0 for _ in range(SEMVER_PARTS - len(version.release)))]
    if version.epoch or version.post is not None or len(parts) > SEMVER_PARTS:
        return None
    before = [PRE_RELEASES[version.pre[0]], str(version.pre[1])] if version.pre else []
    before += [] if version.dev is None else ["dev", str(version.dev)]
    local = f"+{version.local}" if version.local else ""
    return ".".join(map(str, parts)) + ("-" + ".".join(before) if before else "") + local
