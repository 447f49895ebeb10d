"""A project's version and name, found in its files."""

from collections.abc import Iterator
from pathlib import Path

from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

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

EXAMPLE = 'write it as PEP 440 has it, for example "1.2.3"'


def find_version(root: Path) -> VersionPlace:
    """Where a project keeps its version, and which it is.

    Raises:
        BuildError: It has none, a malformed one, or one that can't be known without running the build. The message
            names file and line, and the hint is the cure.
    """
    project = Project(root)
    source = find_source(project)
    if isinstance(source, FromTags):
        stale = tuple(_copies(project, None))
        return VersionPlace(root=root, version=None, described=f"tags, by {source.tool}", stale=stale, tool=source.tool)
    place = _literal(project, source)
    version = _version(place)
    copies = list(_copies(project, place))
    return VersionPlace(
        root=root,
        version=version,
        described=f"{source.path.as_posix()}: {source.named}",
        literals=(place, *(copy for copy in copies if _is(copy, version))),
        stale=tuple(copy for copy in copies if not _is(copy, version)),
    )


def _literal(project: Project, place: InFile) -> Literal:
    path, named, reader, pattern = place

    def read(content: bytes) -> Literal:
        text = reader(content)
        try:
            Version(text)
        except InvalidVersion:
            raise UnreadableError(f'"{text}" is not a version', line_of(content, text.encode()), EXAMPLE) from None
        start = start_of(content, reader)
        line = content.count(b"\n", 0, start) + 1
        return Literal(path=path, line=line, start=start, text=text, named=named, pattern=pattern)

    return project.read(path, read)


def _version(literal: Literal) -> Version:
    return Version(literal.text)


def _is(literal: Literal, version: Version) -> bool:
    return _version(literal) == version


def _copies(project: Project, place: Literal | None) -> Iterator[Literal]:
    """The versions that stand elsewhere as well, the same one or another; what can't be understood is none of them."""
    places = [InFile(path, "__version__", assigned("__version__")) for path in project.own_modules(_name(project)[1])]
    if project.has_table("project"):
        places.append(InFile(PYPROJECT, "tool.poetry.version", toml_value("tool", "poetry", "version")))
    for each in places:
        try:
            copy = _literal(project, each)
        except BuildError:
            continue
        if place is None or (copy.path, copy.start) != (place.path, place.start):
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
    path, reader = _name_place(project)
    return path, project.read(path, reader)


def _name_place(project: Project) -> tuple[Path, Reader]:
    for table in (("project",), ("tool", "poetry")):
        if project.has_table(*table):
            return PYPROJECT, toml_value(*table, "name")
    if project.setup_cfg.has_option("metadata", "name"):
        return SETUP_CFG, ini_value("metadata", "name")
    if project.has(SETUP_PY) and "name" in project.read(SETUP_PY, setup_keywords):
        return SETUP_PY, setup_keyword("name")
    raise BuildError(f"{project.root.name}: nothing names the distribution", hint=f"write name = in {PYPROJECT}")
