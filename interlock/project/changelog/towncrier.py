"""Changelogs that towncrier makes from fragments: its own program does it, in the sandbox.

A project's template is a stranger's code. So towncrier is installed from the index as a build back end is, and runs on
a copy of the project, without Git, network or secrets. Of what it leaves there, the changed changelog and the fragments
that are gone are taken over, and nothing else.
"""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from interlock.adapters.build_backend import Environments
from interlock.adapters.interpreter import Interpreter
from interlock.common import sandbox
from interlock.common.bounded_files import UnreadableFileError, read_bounded
from interlock.common.sandbox import SYSTEM_PATH, Box
from interlock.common.sanitize import one_line
from interlock.common.work_folders import work_folder
from interlock.errors import RefusedError, UnbuildableError
from interlock.model.lockfile import Unresolvable
from interlock.project.build.source_tree import copy_tree
from interlock.project.changelog.move import Release
from interlock.project.version.project import Project

TOOL = "towncrier"
CONFIGURATION = "towncrier.toml"
SECONDS = 120.0
LARGEST = 8 << 20
HINT = "try it in a clone: towncrier build; or leave the changelog alone: changelog = false in the family file"


class _Made(NamedTuple):
    """What a run of towncrier made.

    Attributes:
        written: The new content by file.
        removed: The files that are gone.
    """

    written: Mapping[Path, bytes]
    removed: tuple[Path, ...]


def uses_towncrier(project: Project) -> bool:
    """Whether the project has a configuration of towncrier."""
    return project.has_table("tool", TOOL) or project.has(Path(CONFIGURATION))


async def build_changelog(
    root: Path, release: Release, *, environments: Environments, interpreter: Interpreter
) -> tuple[Path, ...]:
    """Let towncrier move the fragments of a project into its changelog.

    Returns:
        The changed and removed files, below the root.

    Raises:
        UnbuildableError: The index does not have it; nothing was changed.
        RefusedError: It fails, or changes more than its changelog; nothing was changed.
    """
    with work_folder("interlock-changelog-") as top:
        lock = await environments.resolve((TOOL,), forced=(), interpreter=interpreter)
        if isinstance(lock, Unresolvable):
            raise UnbuildableError(f"the index has no {TOOL} for this machine: {one_line(lock.reason)[:300]}")
        python = await environments.fresh(top / "environment", lock, (), interpreter)
        copy = top / "box" / "project"
        copy.parent.mkdir()
        await copy_tree(root, copy, epoch=0, history=False)
        await _run(python, copy, release, interpreter)
        made = await asyncio.to_thread(_compared, root, copy)
    for path in made.removed:
        (root / path).unlink()
    for path, content in made.written.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return tuple(root / path for path in (*made.written, *made.removed))


async def _run(python: Path, copy: Path, release: Release, interpreter: Interpreter) -> None:
    day = release.day.isoformat()
    done = await sandbox.run(
        [python, "-I", "-B", "-m", TOOL, "build", "--yes", "--version", release.text, "--date", day],
        box=Box(read=(*interpreter.folders, python.parent.parent), write=(copy,)),
        env={"PATH": SYSTEM_PATH, "HOME": str(copy), "LANG": "C.UTF-8", "TZ": "UTC", "NO_COLOR": "1"},
        cwd=copy,
        timeout=SECONDS,
        keep=1 << 16,
        merge=True,
    )
    if done.returncode:
        why = done.exceeded or ("it takes too long" if done.timed_out else one_line(done.output)[-500:])
        raise RefusedError(f"{TOOL} can't make the changelog: {why}", hint=HINT)


def _compared(root: Path, copy: Path) -> _Made:
    """What differs in the copy; links and other files that are none are not looked into."""
    try:
        written = {
            path: content
            for path in _files(copy)
            if (content := read_bounded(copy / path, LARGEST)) != _content(root / path)
        }
    except UnreadableFileError as error:
        raise RefusedError(f"{TOOL} left a file that can't be read: {error}", hint=HINT) from None
    removed = tuple(sorted(path for path in _files(root) if not os.path.lexists(copy / path)))
    if len(written) != 1 or not all(_is_inside(root, path) for path in written):
        names = ", ".join(sorted(path.as_posix() for path in written)) or "none"
        raise RefusedError(f"{TOOL} changes one file, its changelog, and here: {names}", hint=HINT)
    return _Made(written, removed)


def _files(folder: Path) -> set[Path]:
    found = set[Path]()
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != ".git"]
        paths = (Path(place, name) for name in names)
        found.update(path.relative_to(folder) for path in paths if not path.is_symlink())
    return found


def _content(path: Path) -> bytes | None:
    try:
        return read_bounded(path, LARGEST)
    except (OSError, UnreadableFileError):
        return None


def _is_inside(root: Path, path: Path) -> bool:
    return (root / path).resolve().is_relative_to(root.resolve())
