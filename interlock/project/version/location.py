"""A place where a version stands, and writing another one there."""

import itertools
from collections.abc import Mapping
from pathlib import Path

from packaging.version import Version

from interlock.common.frozen_model import FrozenModel
from interlock.errors import BuildError
from interlock.model.versions import VersionField
from interlock.project.version.readers import UnreadableError, matched

# What tells a tool that reads tags which version it is, before there is a tag.
VERSION_VARIABLES: Mapping[str, str] = {
    "hatch-vcs": "SETUPTOOLS_SCM_PRETEND_VERSION",
    "setuptools-scm": "SETUPTOOLS_SCM_PRETEND_VERSION",
    "pdm-backend": "PDM_BUILD_SCM_VERSION",
    "poetry-dynamic-versioning": "POETRY_DYNAMIC_VERSIONING_BYPASS",
    "uv-dynamic-versioning": "UV_DYNAMIC_VERSIONING_BYPASS",
}


class Literal(FrozenModel):
    """A version that stands in a file as it is.

    Attributes:
        path: The file, relative to the project.
        line: Where in it, counted from 1.
        start: The first byte of the version.
        text: What stands there now.
        named: What holds it, as `project.version` or `__version__`.
        pattern: The regular expression by which the build backend finds it, if it does by one.
    """

    path: Path
    line: int
    start: int
    text: str
    named: str
    pattern: str | None = None

    @property
    def at(self) -> str:
        """File and line."""
        return f"{self.path.as_posix()}:{self.line}"

    def __str__(self) -> str:
        return f"{self.at} ({self.text})"


class VersionPlace(FrozenModel):
    """Where a project's version is.

    Attributes:
        root: The project's directory.
        version: The version; None when it is taken from tags.
        described: The place in words, as "pyproject.toml: project.version".
        literals: Every text that a new version is written to: the place itself, then those that repeat it.
        stale: Texts that look like the project's version and are another one; they are left as they are.
        tool: What takes the version from tags, or None.
    """

    root: Path
    version: VersionField | None
    described: str
    literals: tuple[Literal, ...] = ()
    stale: tuple[Literal, ...] = ()
    tool: str | None = None

    def build_environment(self, version: Version) -> dict[str, str]:
        """The variables that tell a build its version, where it would ask for a tag that is not there yet."""
        return {VERSION_VARIABLES[self.tool]: str(version)} if self.tool else {}

    def write(self, version: Version) -> tuple[Path, ...]:
        """Write another version, and not a byte more; nothing is written when it is taken from tags.

        Returns:
            The changed files, below the project's directory.

        Raises:
            BuildError: A file is no longer as it was when the version was found in it, or the build backend would not
                find the other version there.
        """
        by_file = itertools.groupby(sorted(self.literals, key=lambda each: each.path), key=lambda each: each.path)
        changed = {path: self._changed(path, tuple(literals), str(version)) for path, literals in by_file}
        before = {path: (self.root / path).read_bytes() for path in changed}
        for path, content in changed.items():
            # In place, not by a neighbour: the file keeps its mode, and stays a link when it is one.
            (self.root / path).write_bytes(content)
        return tuple(self.root / path for path, content in changed.items() if content != before[path])

    def _changed(self, path: Path, literals: tuple[Literal, ...], text: str) -> bytes:
        content = (self.root / path).read_bytes()
        for literal in sorted(literals, key=lambda each: -each.start):
            old = literal.text.encode()
            if not content.startswith(old, literal.start):
                raise BuildError(f"{literal.at}: was changed since its version was read", hint="run it again")
            content = content[: literal.start] + text.encode() + content[literal.start + len(old) :]
        for literal in literals:
            _check_found(literal, content, text)
        return content


def _check_found(literal: Literal, content: bytes, text: str) -> None:
    """A pattern that takes 1.2.3 need not take 1.2.4rc1."""
    try:
        found = text if literal.pattern is None else matched(literal.pattern)(content)
    except UnreadableError:
        found = None
    if found != text:
        raise BuildError(
            f"{literal.at}: the build would not find the version {text} by the pattern {literal.pattern!r}",
            hint="widen the pattern, or release a version that it takes",
        )
