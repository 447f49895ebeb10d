"""The source of a project's version, by the rules of each build backend."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from interlock.errors import BuildError
from interlock.project.version import pattern
from interlock.project.version.cargo import cargo_manifest, cargo_version
from interlock.project.version.forms import Form
from interlock.project.version.meson import MESON_BUILD, meson_version
from interlock.project.version.project import PYPROJECT, SETUP_CFG, SETUP_PY, Project
from interlock.project.version.python_names import followed
from interlock.project.version.readers import Matched, UnreadableError, json_value, toml_value
from interlock.project.version.setuptools_source import attribute_source, setuptools_source
from interlock.project.version.source import FromTags, InFile, Source


def find_source(project: Project) -> Source:
    """The source of a project's version.

    Raises:
        BuildError: There is none, there are two, or it can't be known without running the build.
    """
    if project.has_table("project"):
        return _by_standard(project)
    if project.has_table("tool", "poetry"):
        return _poetry(project)
    if project.has_table("tool", "flit", "metadata"):
        return _flit(project)
    if project.has(SETUP_CFG) or project.has(SETUP_PY):
        return setuptools_source(project)
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
    if find is None and project.get("tool", "setuptools", "dynamic", "version") is not None:
        find = setuptools_source  # a backend of the project's own, around that of setuptools
    if find is None:
        message = f"where {project.backend} takes a dynamic version from is not known"
        raise project.wrong(message, "build-backend", project.static_hint)
    return find(project)


def _hatch(project: Project) -> Source:
    table, file = project.table("tool", "hatch", "version")
    source = project.text("tool", "hatch", "version", "source") or "regex"
    if source in {"vcs", "uv-dynamic-versioning"}:
        return FromTags("hatch-vcs" if source == "vcs" else source)
    if source == "nodejs":
        package = project.text("tool", "hatch", "version", "path") or "package.json"
        return InFile(Path(package), "version", json_value("version"), form=Form.SEMVER)
    if source == "env":
        message = "hatch takes the version from an environment variable, so no commit says which it is"
        raise project.wrong(message, table, project.static_hint, file)
    if source not in {"regex", "code"}:
        message = f'where the version source "{source}" of hatch takes it from is not known'
        raise project.wrong(message, table, project.static_hint, file)
    path = Path(project.required("tool", "hatch", "version", "path"))
    if source == "code":
        name = project.text("tool", "hatch", "version", "expression") or "__version__"
        if not name.isidentifier():
            message = f'the version is what the expression "{name}" gives, which can\'t be known without running it'
            raise project.wrong(message, "expression", "name a variable of the module there, that has a text", file)
        return followed(project, path, name)
    chosen = project.get("tool", "hatch", "version", "pattern")
    expression = chosen if isinstance(chosen, str) and chosen else pattern.HATCH
    return _by_pattern(project, path, expression, file)


def _by_pattern(
    project: Project, path: Path, expression: str, said_in: Path = PYPROJECT, near: str = "pattern"
) -> InFile:
    try:
        return InFile(path, "version", Matched(expression), expression)
    except UnreadableError as error:
        raise project.wrong(error.message, near, error.hint, said_in) from None


def _pdm(project: Project) -> Source:
    source = project.text("tool", "pdm", "version", "source")
    if source == "scm":
        return FromTags("pdm-backend")
    if source != "file":
        message = f'where the version source "{source}" of pdm takes it from is not known'
        raise project.wrong(message, "[tool.pdm.version]", project.static_hint)
    return _by_pattern(project, Path(project.required("tool", "pdm", "version", "path")), pattern.PDM)


def _flit(project: Project) -> Source:
    """`[tool.flit.metadata] module` is of flit before 3.2 (https://flit.pypa.io/en/stable/pyproject_toml.html)."""
    if project.has_table("tool", "flit", "metadata"):
        name = project.required("tool", "flit", "metadata", "module")
    else:
        name = project.text("tool", "flit", "module", "name") or project.required("project", "name").replace("-", "_")
    return attribute_source(project, f"{name}.__version__", PYPROJECT, "name")


def _poetry(project: Project) -> Source:
    if project.get("tool", "poetry-dynamic-versioning", "enable") is True:
        return FromTags("poetry-dynamic-versioning")
    project.required("tool", "poetry", "version")
    return InFile(PYPROJECT, "tool.poetry.version", toml_value("tool", "poetry", "version"))


def _maturin(project: Project) -> Source:
    return cargo_version(project, cargo_manifest(project))


def _meson(project: Project) -> Source:
    if not project.has(MESON_BUILD):
        raise project.wrong("the version is that of meson.build, and there is none", "dynamic", project.static_hint)
    return meson_version(project)


def _scikit_build(project: Project) -> Source:
    """Its providers (https://scikit-build-core.readthedocs.io/en/stable/configuration/dynamic.html)."""
    given = project.get("tool", "scikit-build", "metadata", "version")
    several = project.get("tool", "dynamic-metadata")
    tables = [given, *(several if isinstance(several, list) else [])]
    found = [each for each in tables if isinstance(each, dict) and each.get("field", "version") == "version"]
    table: Mapping[str, object] = found[0] if len(found) == 1 else {}
    provider = table.get("provider")
    if provider in {"scikit_build_core.metadata.setuptools_scm", "setuptools_scm", "vcs_versioning"}:
        return FromTags("setuptools-scm")
    path, expression = table.get("input"), table.get("regex", pattern.SCIKIT_BUILD)
    plain = isinstance(path, str) and isinstance(expression, str) and not {"result", "remove"} & set(table)
    if provider not in {"scikit_build_core.metadata.regex", "dynamic_metadata.regex"} or not plain:
        message = f'where the provider "{provider}" of scikit-build-core takes the version from is not known'
        raise project.wrong(message, "provider" if provider else "dynamic", project.static_hint)
    renamed = re.sub(r"\(\?P([<=])value([>)])", r"(?P\1version\2", str(expression))
    return _by_pattern(project, Path(str(path)), renamed, near="regex")


def _static_only(project: Project) -> Source:
    raise project.wrong(f"{project.backend} takes no dynamic version", "dynamic", project.static_hint)


BACKENDS: Mapping[str, Callable[[Project], Source]] = {
    "hatchling.build": _hatch,
    "hatchling.ouroboros": _hatch,  # its own
    "setuptools.build_meta": setuptools_source,
    "setuptools.build_meta:__legacy__": setuptools_source,
    "pbr.build": setuptools_source,
    "flit_core.buildapi": _flit,
    "flit.buildapi": _flit,
    "pdm.backend": _pdm,
    "poetry.core.masonry.api": _poetry,
    "poetry.masonry.api": _poetry,
    "poetry_dynamic_versioning.backend": _poetry,
    "maturin": _maturin,
    "mesonpy": _meson,
    "scikit_build_core.build": _scikit_build,
    "uv_build": _static_only,
    "whey": _static_only,
}
