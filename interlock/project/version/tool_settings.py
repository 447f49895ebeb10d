"""The settings of other tools that hold a project's version, each by the documentation of its tool."""

from collections.abc import Iterator
from pathlib import Path

from interlock.project.version.project import PYPROJECT, SETUP_CFG, Project
from interlock.project.version.readers import Line, Reader, ini_value, json_value, toml_value
from interlock.project.version.source import InFile

TOML_SETTINGS: tuple[tuple[str, str], ...] = (
    ("pyproject.toml", "tool.poetry.version"),
    ("pyproject.toml", "tool.commitizen.version"),
    ("pyproject.toml", "tool.bumpversion.current_version"),
    ("pyproject.toml", "tool.bumpver.current_version"),
    ("pyproject.toml", "tool.tbump.version.current"),
    ("pyproject.toml", "tool.towncrier.version"),
    ("pyproject.toml", "tool.briefcase.version"),
    ("pyproject.toml", "tool.pixi.workspace.version"),
    ("pyproject.toml", "tool.pixi.project.version"),
    (".bumpversion.toml", "tool.bumpversion.current_version"),
    ("bumpver.toml", "bumpver.current_version"),
    ("tbump.toml", "version.current"),
    (".cz.toml", "tool.commitizen.version"),
    ("cz.toml", "tool.commitizen.version"),
    ("towncrier.toml", "tool.towncrier.version"),
    ("pixi.toml", "workspace.version"),
    ("pixi.toml", "project.version"),
)
INI_SETTINGS = ((".bumpversion.cfg", "bumpversion"), ("setup.cfg", "bumpversion"), ("setup.cfg", "bumpver"))
JSON_SETTINGS = (
    (".cz.json", "commitizen.version"),
    ("cz.json", "commitizen.version"),
    ("codemeta.json", "version"),
    ("codemeta.json", "softwareVersion"),
    (".zenodo.json", "version"),
)
VALUE = r"""["']?v?(?P<version>[0-9][0-9A-Za-z.!+-]*)["']?[ \t]*(?:#.*)?\r?$"""
LINES = (
    ("CITATION.cff", "version", f"^version:[ \t]*{VALUE}"),
    (".cz.yaml", "commitizen.version", f"^[ \t]+version:[ \t]*{VALUE}"),
    ("cz.yaml", "commitizen.version", f"^[ \t]+version:[ \t]*{VALUE}"),
)


def tool_settings(project: Project) -> Iterator[InFile]:
    """The settings that there are; some may hold no version."""
    for path, named, reader in _known():
        if project.has(path) and not _is_absent(project, path, named):
            yield InFile(path, named, reader)


def _known() -> Iterator[tuple[Path, str, Reader]]:
    for file, keys in TOML_SETTINGS:
        yield Path(file), keys, toml_value(*keys.split("."))
    for file, section in INI_SETTINGS:
        yield Path(file), f"{section}.current_version", ini_value(section, "current_version")
    for file, keys in JSON_SETTINGS:
        yield Path(file), keys, json_value(*keys.split("."))
    for file, named, pattern in LINES:
        yield Path(file), named, Line(pattern, named)


def _is_absent(project: Project, path: Path, named: str) -> bool:
    """Whether a file that is read already lacks a setting; Poetry's own version is none beside its tool for tags."""
    if named == "tool.poetry.version" and not project.has_table("project"):
        return True
    if path == SETUP_CFG:
        return not project.setup_cfg.has_section(named.partition(".")[0])
    return path == PYPROJECT and project.get(*named.split(".")) is None
