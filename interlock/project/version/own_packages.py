"""The top-level packages and modules of a distribution, found as its build backend finds them.

A package may be of the distribution for certain, as the one of its name, one that is named in the configuration, or the
only one. Beside others, one of another name may as well be the copy of somebody else's project.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

from interlock.errors import BuildError
from interlock.project.version.project import SETUP_PY, Project
from interlock.project.version.readers import setup_keywords

# Modules that hold a version by custom.
VERSION_MODULES = (
    *("__init__", "_version", "version", "__version__", "_version_", "__about__", "_about", "about"),
    *("__meta__", "_meta", "__pkginfo__", "release", "_release"),
)
# What else stands beside pyproject.toml; setuptools' automatic discovery leaves these out, too.
NOT_PACKAGES = frozenset(
    (
        *("bin", "build", "ci", "debian", "dist", "env", "htmlcov", "lib", "node_modules", "python", "src", "venv"),
        *("benchmark", "benchmarks", "example", "examples", "exercise", "exercises", "test", "tests"),
        *("unit_test", "unit_tests", "doc", "docs", "documentation", "manpages", "changelog", "news", "newsfragments"),
        *("scripts", "tasks", "tools", "util", "utils", "third_party", "vendor", "versioneer"),
        *("conftest", "fabfile", "noxfile", "setup", "site_scons", "toxfile"),
    )
)
# Namespaces have one or two levels; a folder of more entries is no source folder.
MOST_LEVELS = 3
MOST_ENTRIES = 500


class OwnPackage(NamedTuple):
    """A top-level package or module.

    Attributes:
        path: The package's folder, or the module's file, relative to the project.
        certain: Whether it is surely of this distribution.
    """

    path: Path
    certain: bool

    def modules(self, project: Project) -> Iterator[Path]:
        """Those of its modules that may hold a version."""
        if self.path.suffix == ".py":
            yield self.path
        else:
            yield from filter(project.has, (self.path / f"{name}.py" for name in VERSION_MODULES))


def version_modules(project: Project) -> Iterator[Path]:
    """The modules of the distribution that may hold its version."""
    for package in own_packages(project, None):
        yield from package.modules(project)


def own_packages(project: Project, name: str | None) -> tuple[OwnPackage, ...]:
    """The distribution's packages; those that the configuration names, else those in its folders.

    Args:
        project: The project.
        name: The distribution's name, or None when it is not known.
    """
    named = [path for path in _named(project) if project.holds(path) and not path.is_absolute()]
    found = list(dict.fromkeys(_shallowest(filter(project.is_module, named)) or _discovered(project, name)))
    return tuple(OwnPackage(path, len(found) == 1 or is_named(path, name)) for path in found)


def is_named(path: Path, name: str | None) -> bool:
    """Whether a package has the distribution's name, alone or with the namespaces around it."""
    parts = [part for part in path.with_suffix("").parts if part not in {"src", "lib", "python"}]
    names = {_bare("".join(parts[start:])) for start in range(len(parts))}
    return name is not None and _bare(name) in names


def _bare(name: str) -> str:
    return canonicalize_name(name).replace("-", "")


def _shallowest(paths: Iterable[Path]) -> list[Path]:
    """Of packages and those inside of them, the outer ones."""
    paths = list(paths)
    return [path for path in paths if not any(other in path.parents for other in paths)]


def _discovered(project: Project, name: str | None) -> list[Path]:
    folders = project.folders()
    inside = [path for folder in folders if folder != Path() for path in _in_folder(project, folder, MOST_LEVELS)]
    beside = list(_in_folder(project, Path(), MOST_LEVELS - 1))
    lower = [path for folder in ("lib", "python") for path in _in_folder(project, Path(folder), MOST_LEVELS - 1)]
    own = [path for path in (*beside, *lower) if is_named(path, name)]
    others = [path for path in beside if len(path.parts) == 1 and not _is_other(path)]
    # Of modules beside packages, setuptools takes none.
    return [*inside, *own] or [path for path in others if path.suffix != ".py"] or others


def _is_other(path: Path) -> bool:
    return any(part.lower() in NOT_PACKAGES or part.startswith(".") for part in path.with_suffix("").parts)


def _in_folder(project: Project, folder: Path, levels: int) -> Iterator[Path]:
    """The packages and modules in a folder; a folder without `__init__.py` may be a namespace."""
    entries = sorted(project.entries(folder, MOST_ENTRIES))
    for path in entries:
        if path.suffix == ".py" and project.has(path):
            yield path
        elif not path.name.isidentifier():
            continue
        elif project.has(path / "__init__.py"):
            yield path
        elif levels > 1 and (folder != Path() or not _is_other(path)):
            inner = _in_folder(project, path, levels - 1)
            yield from (each for each in inner if each.suffix != ".py")


def _named(project: Project) -> Iterator[Path]:
    """The packages that the configuration names, as paths."""
    yield from _of_setuptools(project)
    for table in (("build", "targets", "wheel"), ("build",)):
        for listed in ("packages", "only-include"):
            yield from map(Path, project.names("tool", "hatch", *table, listed))
    yield from _of_poetry(project)
    for key in (("module", "name"), ("metadata", "module")):
        yield from _by_names(("src", ""), project.names("tool", "flit", *key))
    uv = ("tool", "uv", "build-backend")
    yield from _by_names((str(project.get(*uv, "module-root") or "src"), ""), project.names(*uv, "module-name"))
    maturin = ("tool", "maturin")
    modules = [name.partition(".")[0] for name in project.names(*maturin, "module-name")]
    source = str(project.get(*maturin, "python-source") or "python")
    yield from _by_names((source, "", "src"), [*project.names(*maturin, "python-packages"), *modules])
    scikit = project.get("tool", "scikit-build", "wheel", "packages")
    folders = list(scikit.values()) if isinstance(scikit, dict) else scikit if isinstance(scikit, list) else []
    yield from (Path(folder) for folder in folders if isinstance(folder, str))
    yield from map(Path, project.names("tool", "pdm", "build", "includes"))
    whey = ("tool", "whey")
    yield from _by_names((str(project.get(*whey, "source-dir") or ""),), project.names(*whey, "package"))


def _by_names(folders: Iterable[str], names: Iterable[str]) -> Iterator[Path]:
    for name in filter(None, names):
        for folder in folders:
            path = Path(folder, *name.split("."))
            yield from (path, Path(f"{path}.py"))


def _of_poetry(project: Project) -> Iterator[Path]:
    packages = project.get("tool", "poetry", "packages")
    for package in packages if isinstance(packages, list) else []:
        values = package if isinstance(package, Mapping) else {}
        include, folder = values.get("include"), values.get("from", "")
        if isinstance(include, str) and isinstance(folder, str):
            yield Path(folder, re.split(r"/?\*", include)[0])


def _of_setuptools(project: Project) -> Iterator[Path]:
    options = project.setup_cfg
    names = [*project.names("tool", "setuptools", "packages"), *project.names("tool", "setuptools", "py-modules")]
    for key in ("packages", "py_modules"):
        names += re.split(r"[,\s]+", options.get("options", key, fallback=""))
    names += _in_setup_py(project)
    for name in names:
        if name and not name.endswith(":") and (path := project.module(name)):
            yield path.parent if path.name == "__init__.py" else path


def _in_setup_py(project: Project) -> Iterator[str]:
    try:
        keywords = project.read(SETUP_PY, setup_keywords) if project.has(SETUP_PY) else {}
    except BuildError:
        return
    for value in (keywords.get("packages"), keywords.get("py_modules")):
        for item in value.elts if isinstance(value, ast.List | ast.Tuple) else []:
            if isinstance(item, ast.Constant) and isinstance(item.value, str):
                yield item.value
