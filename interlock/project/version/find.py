"""Finds a project's version and name in its files."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.utils import InvalidName, canonicalize_name
from packaging.version import Version

from interlock.common.sanitize import cut
from interlock.errors import BuildError
from interlock.project.version.backends import find_source
from interlock.project.version.chosen_copies import chosen_copy
from interlock.project.version.copies import Copy, copies
from interlock.project.version.forms import LONGEST_VERSION, Form, read_as
from interlock.project.version.listed_copies import listed_copies
from interlock.project.version.location import Literal, VersionPlace
from interlock.project.version.project import PYPROJECT, SETUP_CFG, SETUP_PY, Project
from interlock.project.version.readers import UnreadableError, ini_value, line_of, start_of, toml_value
from interlock.project.version.setup_py import setup_py_value
from interlock.project.version.source import FromTags, InFile

EXAMPLE = 'write it as PEP 440 has it, for example "1.2.3"'


def find_version(root: Path, also: Iterable[str] = ()) -> VersionPlace:
    """A project's version, with its location.

    Args:
        root: The project's directory.
        also: Further copies of it, as `docs/conf.py:release`; they move whatever they hold.

    Raises:
        BuildError: It has none, a malformed one, or one that can't be known without running the build; or there is no
            version in one of the further places. The message names file and line.
    """
    project = Project(root)
    source = find_source(project)
    literal = None if isinstance(source, FromTags) else _literal(project, source)
    version = literal.version if literal else None
    chosen = [_as_copy(_literal(project, chosen_copy(project, text)), version) for text in also]
    found = list(_copies(project, literal))
    moving = [*([literal] if literal else []), *chosen, *(copy for copy, state in found if state == "equal")]
    literals = list[Literal]()
    for each in moving:
        literals += [] if any(map(each.overlaps, literals)) else [each]
    return VersionPlace(
        root=root,
        version=version,
        described=f"tags, by {source.tool}" if isinstance(source, FromTags) else _described(source),
        literals=tuple(literals),
        stale=tuple(copy for copy, state in found if state == "other" and not any(map(copy.overlaps, literals))),
        tool=source.tool if isinstance(source, FromTags) else None,
    )


def _described(source: InFile) -> str:
    return f"{source.path.as_posix()}: {source.named}"


def _literal(project: Project, source: InFile) -> Literal:
    path, named, reader, pattern, form = source

    def read(content: bytes) -> Literal:
        text = reader(content)
        if read_as(form, text) is None:
            quoted = cut(text, LONGEST_VERSION)
            raise UnreadableError(f'"{quoted}" is not a version', line_of(content, text.encode()), EXAMPLE)
        start = start_of(content, reader)
        line = content.count(b"\n", 0, start) + 1
        return Literal(path=path, line=line, start=start, text=text, named=named, pattern=pattern, form=form)

    return project.read(path, read)


def _copies(project: Project, literal: Literal | None) -> Iterator[tuple[Literal, str]]:
    """Literals that look like the version, each `equal` to it or an `other` one; unreadable ones are left out.

    An equal one that may as well be of another project is neither.
    """
    version = literal.version if literal else None
    seen = set[tuple[Path, int]]()
    listed = listed_copies(project, literal.text) if literal else ()
    for source, certain, reported in [*copies(project, _name(project)[1]), *(Copy(each) for each in listed)]:
        try:
            copy = _as_copy(_literal(project, source), version)
        except BuildError:
            continue
        if (copy.path, copy.start) in seen:
            continue
        seen.add((copy.path, copy.start))
        if version is not None and (copy.version == version or copy.form is Form.SHORT):
            if certain:
                yield copy, "equal"
        elif reported and any(copy.version.release):  # 0.0.0 holds the place of one that is computed
            yield copy, "other"


def _as_copy(copy: Literal, version: Version | None) -> Literal:
    """A copy in the form that it has: a `v` before it stays, and 1.2 is the beginning of 1.2.3."""
    if re.match(r"v\d", copy.text):
        copy = copy.model_copy(update={"text": copy.text[1:], "start": copy.start + 1})
    if copy.form in {Form.NUMBERS, Form.SEMVER}:
        return copy
    numbers = copy.version.release
    short = version is not None and copy.version != version and version.release[: len(numbers)] == numbers
    short = short and copy.text == ".".join(map(str, numbers))
    return copy.model_copy(update={"form": Form.SHORT if short else Form.TEXT})


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
    source = _name_source(project)
    return source.path, project.read(source.path, source.reader)


def _name_source(project: Project) -> InFile:
    for table in (("project",), ("tool", "poetry")):
        if project.has_table(*table):
            return InFile(PYPROJECT, "name", toml_value(*table, "name"))
    flit = ("tool", "flit", "metadata")
    if project.has_table(*flit):
        key = "dist-name" if project.text(*flit, "dist-name") else "module"
        return InFile(PYPROJECT, key, toml_value(*flit, key))
    if project.setup_cfg.has_option("metadata", "name"):
        return InFile(SETUP_CFG, "name", ini_value("metadata", "name"))
    if project.has(SETUP_PY) and (found := setup_py_value(project, "name")):
        return found
    hint = f'write name = in {PYPROJECT}; where it is in a subdirectory: directory = "packages/…" in the family file'
    raise BuildError(f"{PYPROJECT}: nothing names the distribution", hint=hint)
