"""What a REF may be, read from untrusted text. Pure."""

import re
from enum import StrEnum
from pathlib import Path

from packaging.version import InvalidVersion, Version

from interlock.adapters.git import checked_ref
from interlock.common.frozen_model import FrozenModel
from interlock.errors import UsageError
from interlock.model.versions import VersionField

FORMS = 'a branch, a tag, a SHA, a pull request as "#12", a released version as "1.4.61", or a folder as "./core"'
_PULL = re.compile(r"(?:#|(?:refs/)?pull/)([1-9]\d{0,9})(?:/head)?")
_PULL_URL = re.compile(r"https?://[^/\s@]+/([\w.-]+/[\w.-]+)/pull/([1-9]\d{0,9})(?:[/?#]\S*)?")
_SHA = re.compile(r"[0-9a-fA-F]{7,40}")
_WHOLE_SHA = 40


class Kind(StrEnum):
    """What a ref can be."""

    VERSION = "version"
    TAG = "tag"
    BRANCH = "branch"
    SHA = "commit"
    PULL = "pull request"
    FOLDER = "folder"


class Ref(FrozenModel):
    """A ref as it was written, before it is resolved.

    Attributes:
        text: The text to pass on; a folder as its absolute path.
        kinds: What it may be, in the order in which these are tried.
        name: The name of a branch or tag, without `refs/heads/` and `refs/tags/`.
        number: The number of a pull request.
        repository: The pull request's repository as owner/name, if an address names it.
        version: The version, if the text may be one.
    """

    text: str
    kinds: tuple[Kind, ...]
    name: str = ""
    number: int | None = None
    repository: str | None = None
    version: VersionField | None = None

    def __str__(self) -> str:
        return self.text


def parse_ref(text: str) -> Ref:
    """Read what a person, or GitHub, has written; `find` resolves what may be several things.

    Raises:
        UsageError: It can't be a ref.
    """
    text = text.strip()
    if pull := _PULL.fullmatch(text):
        return Ref(text=f"#{pull[1]}", kinds=(Kind.PULL,), number=int(pull[1]))
    if pull := _PULL_URL.fullmatch(text):
        return Ref(text=text, kinds=(Kind.PULL,), number=int(pull[2]), repository=pull[1])
    if text.startswith((".", "/", "~")):
        return Ref(text=str(_folder(text)), kinds=(Kind.FOLDER,))
    return _named(text)


def _folder(text: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except (RuntimeError, ValueError):
        raise UsageError(f'"{text}" is no folder', hint="write its whole path") from None


def _named(text: str) -> Ref:
    for prefix, kind in (("refs/heads/", Kind.BRANCH), ("refs/tags/", Kind.TAG)):
        if text.startswith(prefix):
            return Ref(text=text, kinds=(kind,), name=_checked(text.removeprefix(prefix)))
    name = _checked(text)
    if text.startswith("refs/"):
        raise UsageError(f'"{text}" is neither a branch nor a tag', hint='write a pull request as "#12"')
    is_sha = _SHA.fullmatch(text) is not None
    if is_sha and len(text) == _WHOLE_SHA:
        return Ref(text=text.lower(), kinds=(Kind.SHA,), name=text.lower())
    version = _version(text)
    return Ref(text=text, kinds=tuple(_kinds(text, version, is_sha)), name=name, version=version)


def _kinds(text: str, version: Version | None, is_sha: bool) -> list[Kind]:
    """A number is tried as a version first; `v1.4` as a tag before a version, though PEP 440 admits it."""
    is_number = version is not None and text[0].isdigit()
    first = [Kind.VERSION] if is_number else []
    last = [Kind.VERSION] if version is not None and not is_number else []
    return [*first, Kind.TAG, Kind.BRANCH, *([Kind.SHA] if is_sha else []), *last, Kind.FOLDER]


def _checked(name: str) -> str:
    try:
        return checked_ref(name)
    except UsageError:
        raise UsageError(f'"{name}" says nothing that could be looked for', hint=f"write {FORMS}") from None


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
