"""A project's own files: `pyproject.toml`, `setup.cfg`, and its modules."""

import configparser
import itertools
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from interlock.common.bounded_files import UnreadableFileError, read_bounded
from interlock.common.configuration_files import LARGEST
from interlock.common.sanitize import cut
from interlock.errors import BuildError
from interlock.project.version.readers import LONGEST_QUOTED, UnreadableError, line_of, read_ini, read_toml

PYPROJECT, SETUP_CFG, SETUP_PY = Path("pyproject.toml"), Path("setup.cfg"), Path("setup.py")
HATCH_TOML = Path("hatch.toml")
LONGEST_MESSAGE = 500
T = TypeVar("T")


class Project:
    """A project's directory, with its files read.

    Args:
        root: The directory.

    Raises:
        BuildError: A file is not valid.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.hatch_tables: dict[str, object] = {}
        # Whatever stands there: a build backend would read a pipe or a folder, or fail.
        there = {path for path in (PYPROJECT, SETUP_CFG, SETUP_PY) if os.path.lexists(root / path)}
        self.pyproject: dict[str, object] = self.read(PYPROJECT, read_toml) if PYPROJECT in there else {}
        self.setup_cfg: configparser.RawConfigParser = (
            self.read(SETUP_CFG, read_ini) if SETUP_CFG in there else configparser.RawConfigParser()
        )
        if SETUP_PY in there:
            self.read(SETUP_PY, bytes)
        self._add_hatch_toml()

    def _add_hatch_toml(self) -> None:
        """Take the tables of `hatch.toml`, which stand instead of those of this name in `[tool.hatch]`."""
        tool = self.pyproject.setdefault("tool", {}) if self.backend.startswith("hatchling.") else None
        if isinstance(tool, dict) and os.path.lexists(self.root / HATCH_TOML):
            self.hatch_tables = self.read(HATCH_TOML, read_toml)
            there = tool.get("hatch")
            tool["hatch"] = {**(there if isinstance(there, dict) else {}), **self.hatch_tables}

    def has(self, path: Path) -> bool:
        """Whether there is such a file."""
        try:
            return (self.root / path).is_file()
        except OSError:  # a name that is too long
            return False

    def read(self, path: Path, reader: Callable[[bytes], T]) -> T:
        """Read a file; the reader's error is raised with file and line.

        Raises:
            BuildError: It can't be read, is missing, or is outside of the project.
        """
        if not self.holds(path):
            raise BuildError(f"{_shown(path)}: leads out of the project", hint="name a file inside of the repository")
        try:
            return reader(read_bounded((self.root / path).resolve(), LARGEST))
        except UnreadableError as error:
            raise BuildError(
                f"{_shown(path)}:{error.line}: {cut(error.message, LONGEST_MESSAGE)}", hint=error.hint
            ) from None
        except UnreadableFileError as error:
            raise BuildError(f"{_shown(path)}: {error}", hint="put a plain file in its place") from None
        except OSError as error:
            raise BuildError(f"{_shown(path)}: can't be read: {error.strerror}", hint="is it committed?") from None

    def holds(self, path: Path) -> bool:
        """Whether a path leads to a place inside of the project, over any links."""
        try:
            return (self.root / path).resolve().is_relative_to(self.root.resolve())
        except (OSError, RuntimeError, ValueError):  # a name that is too long, links in a circle, a zero byte
            return False

    def get(self, *keys: str) -> object:
        """What `pyproject.toml` has under these keys, or None."""
        value: object = self.pyproject
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def has_table(self, *keys: str) -> bool:
        """Whether `pyproject.toml` has a table of this name, be it empty."""
        return isinstance(self.get(*keys), dict)

    def text(self, *keys: str) -> str | None:
        """A text under these keys of `pyproject.toml`, or None.

        Raises:
            BuildError: There is something else.
        """
        value = self.get(*keys)
        if value is None or isinstance(value, str):
            return value
        raise self.wrong(f"{'.'.join(keys)} must be a text in quotes", keys[-1], path=self.table(*keys)[1])

    def required(self, *keys: str) -> str:
        """A text under these keys of `pyproject.toml`.

        Raises:
            BuildError: There is none.
        """
        value = self.text(*keys)
        if not value:
            table, path = self.table(*keys[:-1])
            raise self.wrong(f"{table} names no {keys[-1]}", table, path=path)
        return value

    def table(self, *keys: str) -> tuple[str, Path]:
        """A table's heading, and the file in which it stands."""
        if keys[:2] == ("tool", "hatch") and len(keys) > len(("tool", "hatch")) and keys[2] in self.hatch_tables:
            return f"[{'.'.join(keys[2:])}]", HATCH_TOML
        return f"[{'.'.join(keys)}]", PYPROJECT

    def names(self, *keys: str) -> tuple[str, ...]:
        """The texts of a list, or a single text, under these keys of `pyproject.toml`."""
        value = self.get(*keys)
        items = value if isinstance(value, list) else [value]
        return tuple(item for item in items if isinstance(item, str))

    def wrong(self, message: str, near: str, hint: str | None = None, path: Path = PYPROJECT) -> BuildError:
        """An error about a file, at the line where something first stands."""
        path = path if self.has(path) else next(filter(self.has, (SETUP_CFG, SETUP_PY)), path)
        content = self.read(path, bytes) if self.has(path) else b""
        return BuildError(
            f"{path.as_posix()}:{line_of(content, near.encode())}: {cut(message, LONGEST_MESSAGE)}", hint=hint
        )

    @property
    def static_hint(self) -> str:
        """A hint where a version can be written that needs nothing to be run."""
        if self.has_table("project"):
            return 'write version = "1.2.3" under [project], and take "version" out of dynamic'
        if self.setup_cfg.has_section("metadata") or not self.has(SETUP_PY):
            return "write version = 1.2.3 under [metadata] of setup.cfg"
        return 'write version="1.2.3" into the call of setup(), or [metadata] version = 1.2.3 into setup.cfg'

    @property
    def backend(self) -> str:
        """The build backend; PEP 517's fallback when none is named."""
        return self.text("build-system", "build-backend") or "setuptools.build_meta:__legacy__"

    def requires(self, name: str) -> bool:
        """Whether the build requires a distribution."""
        return any(_is_of(line, name) for line in self.names("build-system", "requires"))

    def folders(self) -> tuple[Path, ...]:
        """The folders of its top-level modules: those in setuptools' configuration, else `src`; then the root."""
        named = [folder for package, folder in self.package_dir().items() if not package]
        named += [*self.names("tool", "setuptools", "packages", "find", "where")]
        named += re.split(r"[,\s]+", self.setup_cfg.get("options.packages.find", "where", fallback="").strip())
        found = [Path(folder) for folder in named if folder] or self._usual_folders()
        return tuple(dict.fromkeys(folder for folder in (*found, Path()) if self._is_folder(folder)))

    def _usual_folders(self) -> list[Path]:
        """`src`; for maturin and scikit-build-core, also the folder for the Python side of a project."""
        own = self.get("tool", "maturin", "python-source") or self.get("tool", "pdm", "build", "package-dir")
        if isinstance(own, str):
            return [Path(own)]
        both = self.backend.startswith(("maturin", "scikit_build_core"))
        return [Path("src"), *([Path("python")] if both else [])]

    def is_module(self, path: Path) -> bool:
        """Whether a path is a package's folder, or the file of a module."""
        return self.has(path / "__init__.py") or (path.suffix == ".py" and self.has(path))

    def entries(self, folder: Path, most: int) -> list[Path]:
        """What is in a folder, relative to the project, links apart; nothing when there is more than so many."""
        try:
            with os.scandir(self.root / folder) as there:
                names = [each.name for each in itertools.islice(there, most + 1) if not each.is_symlink()]
        except OSError:
            return []
        return [folder / name for name in names] if len(names) <= most else []

    def _is_folder(self, path: Path) -> bool:
        return self.holds(path) and not path.is_absolute() and (self.root / path).is_dir()

    def package_dir(self) -> dict[str, str]:
        """Setuptools' map of packages to their folders."""
        table = self.get("tool", "setuptools", "package-dir")
        if isinstance(table, dict):
            return {package: folder for package, folder in table.items() if isinstance(folder, str)}
        lines = self.setup_cfg.get("options", "package_dir", fallback="").splitlines()
        pairs = (line.partition("=") for line in lines if "=" in line)
        return {package.strip(): folder.strip() for package, _, folder in pairs}

    def module(self, name: str) -> Path | None:
        """The file of a module by its dotted name, found as setuptools finds it; None when there is none."""
        first, *rest = name.split(".")
        custom = self.package_dir().get(first)
        bases = [Path(custom, *rest)] if custom else [folder.joinpath(first, *rest) for folder in self.folders()]
        candidates = (path for base in bases for path in (Path(f"{base}.py"), base / "__init__.py"))
        return next(filter(self.has, candidates), None)


def _shown(path: Path) -> str:
    """A path that a stranger wrote, in a message."""
    return cut(path.as_posix(), LONGEST_QUOTED)


def _is_of(line: str, name: str) -> bool:
    try:
        return canonicalize_name(Requirement(line).name) == name
    except InvalidRequirement:
        return False
