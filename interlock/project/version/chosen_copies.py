"""Copies of the version that the family file names, as `docs/conf.py:release`."""

import re
from pathlib import Path

from interlock.project.version.forms import Form
from interlock.project.version.project import Project
from interlock.project.version.python_names import followed
from interlock.project.version.readers import Line, ini_value, json_value, toml_value, whole_text
from interlock.project.version.source import InFile

HINT = "name what stands before the version there, and nowhere else in the file before one"
SEMVER_FILES = frozenset({"Cargo.toml", "package.json", "package-lock.json"})


def chosen_copy(project: Project, text: str) -> InFile:
    """A file, or a file and what holds the version there: a variable, keys with dots between, or the word before it.

    Raises:
        BuildError: The file can't be read.
    """
    file, _, name = text.partition(":")
    path, keys = Path(file), name.split(".")
    form = Form.SEMVER if path.name in SEMVER_FILES else Form.TEXT
    if not name:
        return InFile(path, "its text", whole_text)
    if path.suffix == ".py":
        return followed(project, path, name)
    if path.suffix == ".toml":
        return InFile(path, name, toml_value(*keys), form=form)
    if path.suffix == ".json":
        return InFile(path, name, json_value(*keys), form=form)
    if path.suffix in {".cfg", ".ini"}:
        section, _, option = name.rpartition(".")
        return InFile(path, name, ini_value(section, option))
    return InFile(path, name, Line(_line(name), f'"{name}" before a version', HINT))


def _line(name: str) -> str:
    """A name, what assigns, and a version: `appVersion: "1.2.3"`, `ARG VERSION=v1.2.3`, `acme-core==1.2.3`."""
    before = rf"(?<![\w.-]){re.escape(name)}"
    return rf"""{before}["']?[ \t]*[:=@ (]{{0,3}}[ \t]*["']?v?(?P<version>[0-9][0-9A-Za-z.!+-]*[0-9A-Za-z]|[0-9])"""
