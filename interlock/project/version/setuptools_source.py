"""Where setuptools takes a version from: its own table, `setup.cfg`, `setup.py`; or a tool that reads tags."""

import ast
from pathlib import Path

from interlock.errors import BuildError
from interlock.project.version.project import PYPROJECT, SETUP_CFG, SETUP_PY, Project
from interlock.project.version.python_names import followed
from interlock.project.version.readers import ini_value, setup_keywords, whole_text
from interlock.project.version.setup_py import setup_py_value
from interlock.project.version.source import FromTags, InFile, Source

TAKES_ONE = "let setuptools-scm or hatch-vcs take it: they accept a version"


def setuptools_source(project: Project) -> Source:
    """In the order of setuptools; tools that read tags come last, but for those that overrule it.

    Raises:
        BuildError: There is none, there are two, or it can't be known without running the build.
    """
    keywords = _keywords(project)
    if "pbr" in keywords or project.backend == "pbr.build":
        return FromTags("pbr")
    _refuse_others(project, set(keywords), keywords.get("version"))
    named, tags = _named(project), project.has_table("tool", "setuptools_scm")
    if named and tags:
        message = f"the version is both in {named.path.as_posix()} and taken from tags by setuptools-scm"
        raise project.wrong(message, "[tool.setuptools_scm]", "take one of them out")
    if named:
        return named
    if tags or "use_scm_version" in keywords:
        return FromTags("setuptools-scm")
    if found := setup_py_value(project, "version"):
        return found
    if project.requires("setuptools-scm"):
        return FromTags("setuptools-scm")
    near = "dynamic" if project.has_table("project") else "setup("
    raise project.wrong("nothing says where setuptools takes the version from", near, project.static_hint)


def _keywords(project: Project) -> dict[str, ast.expr]:
    """What `setup.py` gives to `setup()`; nothing where it can't be read, which counts only if the version is there."""
    try:
        return project.read(SETUP_PY, setup_keywords) if project.has(SETUP_PY) else {}
    except BuildError:
        return {}


def _refuse_others(project: Project, keywords: set[str], value: ast.expr | None) -> None:
    """Refuse tools that read tags and take no version that has no tag, and those that compute it."""
    asked = {node.id for node in ast.walk(value or ast.Constant(0)) if isinstance(node, ast.Name)}
    if project.requires("versioningit"):
        message = "versioningit takes the version from a tag, which a release makes only after its build"
        raise project.wrong(message, "versioningit", TAKES_ONE)
    if "versioneer" in asked or project.requires("versioneer") or project.has_table("tool", "versioneer"):
        message = "versioneer takes the version from a tag, which a release makes only after its build"
        raise project.wrong(message, "versioneer", TAKES_ONE)
    git = "setuptools-git-versioning"
    if project.requires(git) or project.has_table("tool", git) or "setuptools_git_versioning" in keywords:
        message = f"{git} takes the version from a tag, which a release makes only after its build"
        raise project.wrong(message, git, TAKES_ONE)
    if project.requires("incremental") or project.has_table("tool", "incremental") or "use_incremental" in keywords:
        message = "incremental computes the version from the arguments of a call in _version.py"
        raise project.wrong(message, "incremental", project.static_hint)


def _named(project: Project) -> InFile | None:
    table = ("tool", "setuptools", "dynamic", "version")
    if attribute := project.text(*table, "attr"):
        return attribute_source(project, attribute, PYPROJECT, attribute)
    if project.get(*table, "file") is not None:
        return _text_file(project, project.names(*table, "file"), PYPROJECT)
    if project.setup_cfg.has_option("metadata", "version"):
        return _setup_cfg(project, project.setup_cfg.get("metadata", "version"))
    return None


def _setup_cfg(project: Project, value: str) -> InFile:
    kind, colon, rest = value.partition(":")
    if colon and kind.strip() == "attr":
        return attribute_source(project, rest.strip(), SETUP_CFG, value)
    if colon and kind.strip() == "file":
        return _text_file(project, tuple(name.strip() for name in rest.split(",")), SETUP_CFG)
    return InFile(SETUP_CFG, "metadata.version", ini_value("metadata", "version"))


def attribute_source(project: Project, attribute: str, said_in: Path, near: str) -> InFile:
    """The literal that an attribute of a module, as `core.about.VERSION`, is bound to.

    Raises:
        BuildError: There is no such module, or it can't be read.
    """
    module, _, name = attribute.rpartition(".")
    path = project.module(module or "__init__")
    if path is None:
        message = f'the version is that of "{attribute}", and there is no module "{module}"'
        raise project.wrong(message, near, "name a module of the project", said_in)
    return followed(project, path, name)


def _text_file(project: Project, names: tuple[str, ...], said_in: Path) -> InFile:
    if len(names) != 1:
        raise project.wrong("the version must be in exactly one file", "file", "name one", said_in)
    return InFile(Path(names[0]), "its text", whole_text)
