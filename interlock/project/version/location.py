"""The location of a project's version, and writing another version there."""

import itertools
from collections.abc import Mapping
from pathlib import Path

from packaging.version import Version

from interlock.common.frozen_model import FrozenModel
from interlock.errors import BuildError
from interlock.model.versions import VersionField
from interlock.project.version.forms import Form, read_as, written_as
from interlock.project.version.readers import Matched, UnreadableError

# The variable that gives a version to a tool that reads tags, before there is a tag.
VERSION_VARIABLES: Mapping[str, str] = {
    "hatch-vcs": "SETUPTOOLS_SCM_PRETEND_VERSION",
    "setuptools-scm": "SETUPTOOLS_SCM_PRETEND_VERSION",
    "pdm-backend": "PDM_BUILD_SCM_VERSION",
    "poetry-dynamic-versioning": "POETRY_DYNAMIC_VERSIONING_BYPASS",
    "uv-dynamic-versioning": "UV_DYNAMIC_VERSIONING_BYPASS",
    "pbr": "PBR_VERSION",
}


class Literal(FrozenModel):
    """A version that is written in a file.

    Attributes:
        path: The file, relative to the project.
        line: Counted from 1.
        start: The position of its first byte.
        text: Its text.
        named: What holds it, as `project.version` or `__version__`.
        pattern: The regular expression by which the build backend finds it, if there is one.
        form: How it is written there.
    """

    path: Path
    line: int
    start: int
    text: str
    named: str
    pattern: str | None = None
    form: Form = Form.TEXT

    @property
    def version(self) -> Version:
        """What it means; of a shortened one, its beginning."""
        found = read_as(self.form, self.text)
        assert found is not None, "it was read as one"
        return found

    def overlaps(self, other: "Literal") -> bool:
        """Whether two stand at the same place."""
        apart = (
            self.start + len(self.text.encode()) <= other.start or other.start + len(other.text.encode()) <= self.start
        )
        return self.path == other.path and not apart

    @property
    def at(self) -> str:
        """File and line."""
        return f"{self.path.as_posix()}:{self.line}"

    def __str__(self) -> str:
        return f"{self.at} ({self.text})"


class VersionPlace(FrozenModel):
    """The location of a project's version.

    Attributes:
        root: The project's directory.
        version: The version; None when it is taken from tags.
        described: In words, as "pyproject.toml: project.version".
        literals: All literals that a new version is written to: the source, unless that is tags, then its copies.
        stale: Literals that look like the project's version and hold another one; they stay as they are.
        tool: The tool that takes the version from tags, or None.
    """

    root: Path
    version: VersionField | None
    described: str
    literals: tuple[Literal, ...] = ()
    stale: tuple[Literal, ...] = ()
    tool: str | None = None

    def build_environment(self, version: Version) -> dict[str, str]:
        """The variables that give a build its version, where it would read a tag that does not exist yet."""
        return {VERSION_VARIABLES[self.tool]: str(version)} if self.tool else {}

    def write(self, version: Version | str) -> tuple[Path, ...]:
        """Write another version, or its text, and not a byte more; to copies too, but for those of a form that can't.

        Returns:
            The changed files, below the project's directory.

        Raises:
            BuildError: A file has changed since the version was found in it, or the build backend would not find the
                other version there.
        """
        left = self.unwritable(version)
        if left and self.version is not None and left[0] == self.literals[0]:
            raise BuildError(
                f"{left[0].at}: {version} can't be written there", hint="release a final version of as many parts"
            )
        moving = sorted((each for each in self.literals if each not in left), key=lambda each: each.path)
        by_file = itertools.groupby(moving, key=lambda each: each.path)
        changed = {path: self._changed(path, tuple(literals), str(version)) for path, literals in by_file}
        before = {path: (self.root / path).read_bytes() for path in changed}
        for path, content in changed.items():
            # In place: the file keeps its mode, and a link stays a link.
            (self.root / path).write_bytes(content)
        return tuple(self.root / path for path, content in changed.items() if content != before[path])

    def unwritable(self, version: Version | str) -> tuple[Literal, ...]:
        """The literals that can't hold another version, as a tuple of numbers can't hold a pre-release."""
        return tuple(each for each in self.literals if written_as(each.form, str(version), each.text) is None)

    def _changed(self, path: Path, literals: tuple[Literal, ...], spelled: str) -> bytes:
        content = (self.root / path).read_bytes()
        for literal in sorted(literals, key=lambda each: -each.start):
            old, text = literal.text.encode(), written_as(literal.form, spelled, literal.text) or ""
            if not content.startswith(old, literal.start):
                raise BuildError(f"{literal.at}: was changed since its version was read", hint="run it again")
            content = content[: literal.start] + text.encode() + content[literal.start + len(old) :]
        for literal in literals:
            _check_found(literal, content, spelled)
        return content


def _check_found(literal: Literal, content: bytes, text: str) -> None:
    """A pattern that takes 1.2.3 need not take 1.2.4rc1."""
    try:
        found = text if literal.pattern is None else Matched(literal.pattern)(content)
    except UnreadableError:
        found = None
    if found != text:
        raise BuildError(
            f"{literal.at}: the build would not find the version {text} by the pattern {literal.pattern!r}",
            hint="widen the pattern, or release a version that it takes",
        )
