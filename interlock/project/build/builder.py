"""Builds an sdist from a source tree, and a wheel from the sdist."""

import asyncio
import importlib.metadata
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from packaging.version import Version

from interlock.adapters import layers
from interlock.adapters.build_backend import Project, run_backend
from interlock.adapters.uv import Uv
from interlock.common.atomic_files import move_whole
from interlock.common.digest import digest
from interlock.errors import BuildError, UnbuildableError
from interlock.project.build.archives import normalise
from interlock.project.build.built_file import BuiltFile
from interlock.project.build.pointer_files import check_no_pointers
from interlock.project.build.source_tree import copy_tree, tag_copy
from interlock.project.directory import project_in
from interlock.project.version import find_version

BUILD_SECONDS = 30 * 60.0
QUOTED_LINES = 12
# To be increased when a change of this package changes the files that a build makes.
FORM = 3
INSTALLING = "the index must serve everything that [build-system] requires"
OFFLINE = "a build has no network unless the family file says so: build_network = true in [packages.NAME]"
NO_NETWORK = (
    r"Temporary failure in name resolution|[Nn]ame or service not known|[Cc]ould not resolve host|getaddrinfo|"
    r"Network is unreachable|dns error|EAI_AGAIN|ENOTFOUND|[Cc]onnection refused"
)


class FailedBuildError(BuildError):
    """A build that failed.

    Attributes:
        log: Its whole output.
    """

    def __init__(self, message: str, *, hint: str, log: str) -> None:
        super().__init__(message, hint=hint)
        self.log = log


async def build(  # noqa: PLR0913  each of them is one thing that the files depend on
    source: Path,
    *,
    version: Version,
    epoch: int,
    uv: Uv,
    out: Path,
    directory: str | None = None,
    cache: Path | None = None,
    network: bool = False,
) -> tuple[BuiltFile, ...]:
    """Build a project's sdist and wheel, the wheel from the sdist, in the sandbox; the source tree stays as it is.

    The build works in a clean copy of the files that Git tracks, as they are now. For the same tree, epoch, version and
    build backend, the files are equal to the byte, wherever and whenever they are made; platform wheels apart.

    Args:
        source: A Git checkout or a plain directory.
        version: The version for build backends that take it from tags.
        epoch: `SOURCE_DATE_EPOCH`: the time in all files, in seconds since 1970.
        uv: Makes the environment of the build backend.
        out: Where the files go; made when it is missing.
        directory: The project's directory in the source; None for the source itself. The build sees all of the source,
            as in a clone: its settings may name files beside the project.
        cache: Where the files are kept for the next build of an equal tree, or None.
        network: Whether the build backend may use the network.

    Returns:
        The files, sdist first.

    Raises:
        FailedBuildError: The build fails or takes too long; its log is also in `out`.
        BuildError: The project can't be built at all: see `find_version`; or a built file holds a pointer of Git LFS.
    """
    kept = cache / digest(str(version), epoch, _tools(), *filter(None, (directory,))) if cache else None
    if kept is not None and (await asyncio.to_thread(layers.is_sealed, kept)):
        return _copied(kept, out)
    # Before the build, so that a version that can't be known is the error.
    location = await asyncio.to_thread(find_version, project_in(source, directory))
    variables = {"SOURCE_DATE_EPOCH": str(epoch), **location.build_environment(version)}
    if cache:
        cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="interlock-built-", dir=cache) as name:
        tree, made = Path(name, "source"), Path(name, "made")
        await copy_tree(source, tree, epoch=epoch, history=location.tool is not None)
        if location.tool == "pbr" and version.local is None:  # it writes a changelog and `pbr.json` from tags
            await tag_copy(tree, str(version))
        made.mkdir()
        kinds = ("sdist", "wheel")
        project = Project(
            source=tree,
            directory=directory or ".",
            kinds=kinds,
            variables=variables,
            network=network,
            seconds=BUILD_SECONDS,
        )
        await _run_build(project, made, uv, out)
        for path in made.iterdir():
            normalise(path, epoch)
        await asyncio.to_thread(check_no_pointers, made)
        files = _copied(made, out)
        if kept:
            await asyncio.to_thread(_keep, made, kept)
        return files


def _keep(made: Path, kept: Path) -> None:
    """Keep the files; what is there is of another process that was first, or was changed since."""
    layers.seal(made)
    if not layers.is_sealed(kept):
        shutil.rmtree(kept, ignore_errors=True)
    move_whole(made, kept)


def _tools() -> dict[str, str]:
    versions = {name: importlib.metadata.version(name) for name in ("build", "uv")}
    return {**versions, "python": sys.version, "form": str(FORM)}


def _copied(folder: Path, out: Path) -> tuple[BuiltFile, ...]:
    out.mkdir(parents=True, exist_ok=True)
    paths = (path for path in folder.iterdir() if path.name != layers.SEAL)
    files = [BuiltFile.of(Path(shutil.copy2(path, out))) for path in paths]
    return tuple(sorted(files, key=lambda file: (file.kind != "sdist", file.name)))


async def _run_build(project: Project, made: Path, uv: Uv, out: Path) -> None:
    try:
        done = await run_backend(project, made, environments=uv, interpreter=await uv.own_interpreter())
    except UnbuildableError as error:
        raise _failed(
            f"the build failed:\n{_indented(error.message.splitlines())}", INSTALLING, error.message, out
        ) from None
    if done.returncode == 0:
        return
    log = re.sub(r"(?<=://)[^/\s@]+@", "***@", done.output)
    why = f"is not done after {project.seconds / 60:.0f} minutes" if done.timed_out else "failed"
    hint = OFFLINE if re.search(NO_NETWORK, log) and not project.network else "try it in a clone: python -m build"
    if done.exceeded:
        why = f"was ended: {done.exceeded}"
    raise _failed(f"the build {why}:\n{_indented(_error_lines(log))}", hint, log, out)


def _failed(message: str, hint: str, log: str, out: Path) -> FailedBuildError:
    out.mkdir(parents=True, exist_ok=True)
    file = out / "build.log"
    file.write_text(log, "utf-8")
    return FailedBuildError(message, hint=f"{hint}; the whole log: {file}", log=log)


def _indented(lines: Sequence[str]) -> str:
    return "\n".join(f"  {line}" for line in lines[-QUOTED_LINES:])


def _error_lines(log: str) -> list[str]:
    """The lines that say why a build failed: those from the last error on, else the last ones."""
    lines = [line for line in log.splitlines() if line.strip()]
    errors = [number for number, line in enumerate(lines) if re.match(r"(\w+\.)*\w*(Error|Exception|Exit)\b", line)]
    return lines[errors[-1] :][:QUOTED_LINES] if errors else lines[-QUOTED_LINES:]
