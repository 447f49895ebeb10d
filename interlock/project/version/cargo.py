"""The version in the manifests of Cargo: that of a crate, of its workspace, and of its entry in the lock."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

from interlock.errors import BuildError
from interlock.project.version.forms import Form
from interlock.project.version.project import Project
from interlock.project.version.readers import Line, read_toml, toml_value
from interlock.project.version.source import InFile

MOST_PARENTS = 4


def cargo_manifest(project: Project) -> Path:
    """The manifest that maturin uses (https://www.maturin.rs/config.html)."""
    chosen = project.get("tool", "maturin", "manifest-path")
    usual = (Path("Cargo.toml"), Path("rust/Cargo.toml"))
    return Path(chosen) if isinstance(chosen, str) else next(filter(project.has, usual), usual[0])


def cargo_version(project: Project, manifest: Path) -> InFile:
    """Where a crate has its version: in its manifest, or in that of its workspace.

    Raises:
        BuildError: There is no such manifest, or it can't be read.
    """
    package = _table(project.read(manifest, read_toml), "package")
    if not _table(package, "version").get("workspace"):
        return InFile(manifest, "package.version", toml_value("package", "version"), form=Form.SEMVER)
    for folder in manifest.parents[:MOST_PARENTS]:
        path = folder / "Cargo.toml"
        if project.has(path) and "workspace" in project.read(path, read_toml):
            keys = ("workspace", "package", "version")
            return InFile(path, ".".join(keys), toml_value(*keys), form=Form.SEMVER)
    raise project.wrong("its version is that of a workspace, and there is none", "workspace", path=manifest)


def cargo_places(project: Project, name: str) -> Iterator[InFile]:
    """The version of the crate that is built into the distribution, and that of its entry in the lock.

    A crate of another name that something else than maturin builds may have a version of its own.
    """
    manifest = cargo_manifest(project)
    if not project.has(manifest) or not project.holds(manifest):
        return
    try:
        crate = _table(project.read(manifest, read_toml), "package").get("name")
        if not isinstance(crate, str) or not _is_own(project, crate, name):
            return
        source = cargo_version(project, manifest)
    except BuildError:
        return
    yield source
    for lock in {source.path.parent / "Cargo.lock", manifest.parent / "Cargo.lock"}:
        if project.has(lock):
            yield InFile(lock, crate, _own_entry(crate), form=Form.SEMVER)


def _is_own(project: Project, crate: str, name: str) -> bool:
    return project.backend.startswith("maturin") or canonicalize_name(crate) == canonicalize_name(name)


def _own_entry(crate: str) -> Line:
    """The entry of a crate without a `source`, which is one of the workspace's own."""
    before = rf'^\[\[package\]\]\r?\nname = "{re.escape(crate)}"\r?\nversion = '
    return Line(rf'{before}"(?P<version>[^"\r\n]+)"\r?\n(?!source)', f"an entry of {crate}")


def _table(tables: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = tables.get(name)
    return found if isinstance(found, dict) else {}
