"""The source of a project's version, by the rules of each build backend."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from interlock.errors import BuildError
from interlock.project.version import pattern
from interlock.project.version.project import PYPROJECT, SETUP_CFG, SETUP_PY, Project
from interlock.project.version.readers import (
    Matched,
    Reader,
    UnreadableError,
    assigned,
    ini_value,
    setup_keyword,
    setup_keywords,
    toml_value,
    whole_text,
)

STATIC = 'write version = "1.2.3" under [project], and take "version" out of dynamic'


class InFile(NamedTuple):
    """A version in a file.

    Attributes:
        path: The file, relative to the project.
        named: What holds it there.
        reader: Reads it.
        pattern: The regular expression by which it is read, if there is one.
    """

    path: Path
    named: str
    reader: Reader
    pattern: str | None = None


class FromTags(NamedTuple):
    """A version that a tool reads from tags."""

    tool: str


Source = InFile | FromTags


def find_source(project: Project) -> Source:
    """The source of a project's version.

    Raises:
        BuildError: There is none, there are two, or it can't be known without running the build.
    """
    if project.has_table("project"):
        return _by_standard(project)
    if project.has_table("tool", "poetry"):
        return _poetry(project)
    if project.has(SETUP_CFG) or project.has(SETUP_PY):
        return _setuptools(project)
    files = f"{PYPROJECT}, {SETUP_CFG} or {SETUP_PY}"
    raise BuildError(f"{project.root.name} has no metadata of a Python package: no {files} that names one")


def _by_standard(project: Project) -> Source:
    static, dynamic = project.text("project", "version"), "version" in project.names("project", "dynamic")
    if static is not None and dynamic:
        message = "[project] has a version, and says that it is dynamic too"
        raise project.wrong(message, "dynamic", 'take "version" out of dynamic')
    if static is not None:
        return InFile(PYPROJECT, "project.version", toml_value("project", "version"))
    if not dynamic:
        raise project.wrong("[project] has no version", "[project]", 'write version = "1.2.3" there')
    return _dynamic(project)


def _dynamic(project: Project) -> Source:
    find = BACKENDS.get(project.backend)
    if find is None:
        message = f"where {project.backend} takes a dynamic version from is not known"
        raise project.wrong(message, "build-backend", STATIC)
    return find(project)


def _hatch(project: Project) -> Source:
    source = project.text("tool", "hatch", "version", "source") or "regex"
    if source in {"vcs", "uv-dynamic-versioning"}:
        return FromTags("hatch-vcs" if source == "vcs" else source)
    if source not in {"regex", "code"}:
        message = f'where the version source "{source}" of hatch takes it from is not known'
        raise project.wrong(message, "[tool.hatch.version]", STATIC)
    path = Path(project.required("tool", "hatch", "version", "path"))
    if source == "code":
        name = project.text("tool", "hatch", "version", "expression") or "__version__"
        return InFile(path, name, assigned(name))
    chosen = project.get("tool", "hatch", "version", "pattern")
    return _by_pattern(project, path, chosen if isinstance(chosen, str) and chosen else pattern.HATCH)


def _by_pattern(project: Project, path: Path, expression: str) -> InFile:
    try:
        return InFile(path, "version", Matched(expression), expression)
    except UnreadableError as error:
        raise project.wrong(error.message, "pattern", error.hint) from None


def _pdm(project: Project) -> Source:
    source = project.text("tool", "pdm", "version", "source")
    if source == "scm":
        return FromTags("pdm-backend")
    if source != "file":
        message = f'where the version source "{source}" of pdm takes it from is not known'
        raise project.wrong(message, "[tool.pdm.version]", STATIC)
    return _by_pattern(project, Path(project.required("tool", "pdm", "version", "path")), pattern.PDM)


def _flit(project: Project) -> Source:
    name = project.text("tool", "flit", "module", "name") or project.required("project", "name").replace("-", "_")
    return _attribute(project, f"{name}.__version__", PYPROJECT, "name")


def _poetry(project: Project) -> Source:
    if project.get("tool", "poetry-dynamic-versioning", "enable") is True:
        return FromTags("poetry-dynamic-versioning")
    project.required("tool", "poetry", "version")
    return InFile(PYPROJECT, "tool.poetry.version", toml_value("tool", "poetry", "version"))


def _setuptools(project: Project) -> Source:
    """In the order of setuptools: its own table, `setup.cfg`, `setup.py`; then tools that read tags."""
    named, tags = _setuptools_named(project), project.has_table("tool", "setuptools_scm")
    if named and tags:
        message = f"the version is both in {named.path.as_posix()} and taken from tags by setuptools-scm"
        raise project.wrong(message, "[tool.setuptools_scm]", "take one of them out")
    if found := named or (FromTags("setuptools-scm") if tags else _setup_py(project)):
        return found
    if project.requires("versioningit"):
        message = "versioningit takes the version from a tag, which a release makes only after its build"
        raise project.wrong(message, "versioningit", "let setuptools-scm or hatch-vcs take it: they accept a version")
    if project.requires("setuptools-scm"):
        return FromTags("setuptools-scm")
    raise project.wrong("nothing says where setuptools takes the version from", "dynamic", STATIC)


def _setup_py(project: Project) -> Source | None:
    keywords = project.read(SETUP_PY, setup_keywords) if project.has(SETUP_PY) else {}
    if "use_scm_version" in keywords:
        return FromTags("setuptools-scm")
    return InFile(SETUP_PY, "version", setup_keyword("version")) if "version" in keywords else None


def _setuptools_named(project: Project) -> InFile | None:
    table = ("tool", "setuptools", "dynamic", "version")
    if attribute := project.text(*table, "attr"):
        return _attribute(project, attribute, PYPROJECT, attribute)
    if project.get(*table, "file") is not None:
        return _text_file(project, project.names(*table, "file"), PYPROJECT)
    if project.setup_cfg.has_option("metadata", "version"):
        return _setup_cfg(project, project.setup_cfg.get("metadata", "version"))
    return None


def _setup_cfg(project: Project, value: str) -> InFile:
    kind, colon, rest = value.partition(":")
    if colon and kind.strip() == "attr":
        return _attribute(project, rest.strip(), SETUP_CFG, value)
    if colon and kind.strip() == "file":
        return _text_file(project, tuple(name.strip() for name in rest.split(",")), SETUP_CFG)
    return InFile(SETUP_CFG, "metadata.version", ini_value("metadata", "version"))


def _attribute(project: Project, attribute: str, said_in: Path, near: str) -> InFile:
    module, _, name = attribute.rpartition(".")
    path = project.module(module or "__init__")
    if path is None:
        message = f'the version is that of "{attribute}", and there is no module "{module}"'
        raise project.wrong(message, near, "name a module of the project", said_in)
    return InFile(path, name, assigned(name))


def _text_file(project: Project, names: tuple[str, ...], said_in: Path) -> InFile:
    if len(names) != 1:
        raise project.wrong("the version must be in exactly one file", "file", "name one", said_in)
    return InFile(Path(names[0]), "its text", whole_text)


BACKENDS: Mapping[str, Callable[[Project], Source]] = {
    "hatchling.build": _hatch,
    "setuptools.build_meta": _setuptools,
    "setuptools.build_meta:__legacy__": _setuptools,
    "flit_core.buildapi": _flit,
    "pdm.backend": _pdm,
    "poetry.core.masonry.api": _poetry,
    "poetry_dynamic_versioning.backend": _poetry,
}
