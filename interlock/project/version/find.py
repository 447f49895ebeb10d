"""Finds a project's version and name in its files."""

from collections.abc import Iterator
from pathlib import Path

from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from interlock.common.sanitize import cut
from interlock.errors import BuildError
from interlock.project.version.backends import FromTags, InFile, find_source
from interlock.project.version.location import Literal, VersionPlace
from interlock.project.version.project import PYPROJECT, SETUP_CFG, SETUP_PY, Project
from interlock.project.version.readers import (
    Reader,
    UnreadableError,
    assigned,
    ini_value,
    line_of,
    setup_keyword,
    setup_keywords,
    start_of,
    toml_value,
)

# It is a part of names of files, which have 255 bytes. From 4,300 digits on, Python reads no number.
LONGEST_VERSION = 100
EXAMPLE = 'write it as PEP 440 has it, for example "1.2.3"'


def find_version(root: Path) -> VersionPlace:
    """A project's version, with its location.

    Raises:
        BuildError: It has none, a malformed one, or one that can't be known without running the build. The message
            names file and line.
    """
    project = Project(root)
    source = find_source(project)
    if isinstance(source, FromTags):
        stale = tuple(_copies(project, None))
        return VersionPlace(root=root, version=None, described=f"tags, by {source.tool}", stale=stale, tool=source.tool)
    literal = _literal(project, source)
    version = Version(literal.text)
    copies = list(_copies(project, literal))
    return VersionPlace(
        root=root,
        version=version,
        described=f"{source.path.as_posix()}: {source.named}",
        literals=(literal, *(copy for copy in copies if Version(copy.text) == version)),
        stale=tuple(copy for copy in copies if Version(copy.text) != version),
    )


def _literal(project: Project, source: InFile) -> Literal:
    path, named, reader, pattern = source

    def read(content: bytes) -> Literal:
        text = reader(content)
        if not _is_version(text):
            quoted = cut(text, LONGEST_VERSION)
            raise UnreadableError(f'"{quoted}" is not a version', line_of(content, text.encode()), EXAMPLE)
        start = start_of(content, reader)
        line = content.count(b"\n", 0, start) + 1
        return Literal(path=path, line=line, start=start, text=text, named=named, pattern=pattern)

    return project.read(path, read)


def _is_version(text: str) -> bool:
    try:
        return len(text) <= LONGEST_VERSION and bool(Version(text))
    except InvalidVersion:
        return False


def _copies(project: Project, literal: Literal | None) -> Iterator[Literal]:
    """Other literals that look like the version, equal to it or not; unreadable ones are left out."""
    sources = [InFile(path, "__version__", assigned("__version__")) for path in project.own_modules(_name(project)[1])]
    if project.has_table("project"):
        sources.append(InFile(PYPROJECT, "tool.poetry.version", toml_value("tool", "poetry", "version")))
    for source in sources:
        try:
            copy = _literal(project, source)
        except BuildError:
            continue
        if literal is None or (copy.path, copy.start) != (literal.path, literal.start):
            yield copy


def project_name(root: Path) -> str:
    """The canonical name of the distribution that a project makes.

    Raises:
        BuildError: It has none, an impossible one, or one that can't be known without running the build.
    """
    path, name = _name(Project(root))
    try:
        return canonicalize_name(name, validate=True)
    except InvalidName:
        raise BuildError(f'{path.as_posix()}: "{name}" is not a name of a distribution') from None


def _name(project: Project) -> tuple[Path, str]:
    path, reader = _name_source(project)
    return path, project.read(path, reader)


def _name_source(project: Project) -> tuple[Path, Reader]:
    for table in (("project",), ("tool", "poetry")):
        if project.has_table(*table):
            return PYPROJECT, toml_value(*table, "name")
    if project.setup_cfg.has_option("metadata", "name"):
        return SETUP_CFG, ini_value("metadata", "name")
    if project.has(SETUP_PY) and "name" in project.read(SETUP_PY, setup_keywords):
        return SETUP_PY, setup_keyword("name")
    hint = f'write name = in {PYPROJECT}; where it is in a subdirectory: directory = "packages/…" in the family file'
    raise BuildError(f"{PYPROJECT}: nothing names the distribution", hint=hint)
