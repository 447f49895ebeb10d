"""Other places that hold a project's version: its own modules, and the settings of other tools.

Each is known by its meaning: by the documentation of its tool it is the version of this project. A place moves when it
equals the version that is replaced; another number there is left alone.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

from interlock.errors import BuildError
from interlock.project.version.cargo import cargo_places
from interlock.project.version.forms import Form
from interlock.project.version.meson import meson_version
from interlock.project.version.own_packages import own_packages
from interlock.project.version.project import Project
from interlock.project.version.python_names import Numbers, followed
from interlock.project.version.readers import (
    assigned,
    assignments,
    json_value,
    parse_python,
)
from interlock.project.version.source import InFile
from interlock.project.version.tool_settings import tool_settings

TEXTS = ("__version__", "VERSION", "__VERSION__", "version")
TUPLES = ("VERSION", "version_info", "__version_info__", "version_tuple", "__version_tuple__")
SPHINX = ("docs/conf.py", "doc/conf.py", "docs/source/conf.py", "doc/source/conf.py")


class Copy(NamedTuple):
    """A place that should hold the version.

    Attributes:
        source: The place.
        certain: Whether it moves when it equals the version.
        reported: Whether another version there is worth a remark.
    """

    source: InFile
    certain: bool = True
    reported: bool = True


def copies(project: Project, name: str) -> Iterator[Copy]:
    """The places that hold the version of a project beside its source; some may hold none, or be no file.

    Args:
        project: The project.
        name: The distribution's name.
    """
    for package in own_packages(project, name):
        for path in package.modules(project):
            for source in _in_module(project, path):
                yield Copy(source, package.certain, reported=source.named == "__version__")
    yield from map(Copy, tool_settings(project))
    yield from _of_sphinx(project)
    yield from (Copy(source, reported=False) for source in _of_other_languages(project, name))


def _in_module(project: Project, path: Path) -> Iterator[InFile]:
    try:
        tree = project.read(path, parse_python)
        exported = followed(project, path, "__version__")
    except BuildError:
        return
    if exported.path != path:
        yield exported
    for name in TEXTS:
        if list(assignments(tree, name)):
            yield InFile(path, name, assigned(name))
    for name in TUPLES:
        if any(isinstance(value, ast.Tuple | ast.List) for value in assignments(tree, name)):
            yield InFile(path, name, Numbers(name), form=Form.NUMBERS)


def _of_sphinx(project: Project) -> Iterator[Copy]:
    """`release` is the full version, and `version` may be its beginning."""
    for file in filter(project.has, map(Path, SPHINX)):
        yield Copy(InFile(file, "release", assigned("release")))
        yield Copy(InFile(file, "version", assigned("version"), form=Form.SHORT), reported=False)


def _of_other_languages(project: Project, name: str) -> Iterator[InFile]:
    yield from cargo_places(project, name)
    if project.backend == "mesonpy" and project.has(Path("meson.build")):
        yield meson_version(project)
    package = Path("package.json")
    if project.has(package) and canonicalize_name(name) in _npm_names(project, package):
        for file in filter(project.has, (package, Path("package-lock.json"))):
            yield InFile(file, "version", json_value("version"), form=Form.SEMVER)
        if project.has(Path("package-lock.json")):
            yield InFile(
                Path("package-lock.json"), "packages..version", json_value("packages", "", "version"), form=Form.SEMVER
            )


def _npm_names(project: Project, path: Path) -> set[str]:
    """The names that a distribution of an npm package may have: of `@acme/core`, `core` and `acme-core`."""
    try:
        name = project.read(path, json_value("name"))
    except BuildError:
        return set()
    return {canonicalize_name(name.rpartition("/")[2]), canonicalize_name(name.removeprefix("@").replace("/", "-"))}
