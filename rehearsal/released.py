"""The releases of a world's past: built from the template once, and cached."""

import asyncio
import sys
import tempfile
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import hatchling.__about__

from interlock.common.atomic_files import move_whole
from interlock.common.digest import digest, files_digest
from interlock.common.process import run, tool_environment
from interlock.errors import RehearsalError
from rehearsal.template import Commit, Repository

BUILD_SECONDS = 120
BACKEND = hatchling.__about__.__version__


class Released(NamedTuple):
    """A file of a release."""

    path: Path
    at: datetime


async def build_released(repositories: Collection[Repository], cache: Path) -> tuple[Released, ...]:
    """The wheels and sdists of everything that was released, oldest first.

    Args:
        repositories: Of a template.
        cache: The folder of files that were built before.

    Raises:
        RehearsalError: Something can't be built.
    """
    wanted = [(repository, commit) for repository in repositories for commit in repository.released]
    folders = await asyncio.gather(*(_built(repository, commit, cache) for repository, commit in wanted))
    dated = zip(folders, (commit.at for _, commit in wanted), strict=True)
    files = (Released(path, at) for folder, at in dated for path in folder.iterdir() if path.suffix in {".whl", ".gz"})
    return tuple(sorted(files, key=lambda file: (file.at, file.path.name)))


async def _built(repository: Repository, commit: Commit, cache: Path) -> Path:
    files, epoch = repository.files_at(commit), int(commit.at.timestamp())
    folder = cache / digest(files_digest(files.items()), epoch, BACKEND)
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as name:
            source, made = Path(name, "source"), Path(name, "made")
            for path, content in files.items():
                (source / path).parent.mkdir(parents=True, exist_ok=True)
                (source / path).write_bytes(content)
            await _build(source, made, epoch)
            move_whole(made, folder)
    return folder


async def _build(source: Path, out: Path, epoch: int) -> None:
    environment = {**tool_environment(), "SOURCE_DATE_EPOCH": str(epoch)}
    command: list[str | Path] = [sys.executable, "-m", "hatchling", "build", "--directory", out]
    done = await run(command, env=environment, cwd=source, timeout=BUILD_SECONDS, merge=True)
    if done.returncode != 0:
        raise RehearsalError(f"a release of the rehearsal's family can't be built: {done.output.strip()}")
