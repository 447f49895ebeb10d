"""Builds an sdist from a source tree, and a wheel from the sdist."""

import importlib.metadata
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.version import Version

from interlock.common.atomic_files import move_whole
from interlock.common.digest import digest
from interlock.common.process import Completed, run, tool_environment
from interlock.errors import BuildError
from interlock.project.build.archives import normalise
from interlock.project.build.built_file import BuiltFile
from interlock.project.build.source_tree import copy_tree
from interlock.project.version import find_version

BUILD_SECONDS = 30 * 60.0
# Bytes of the log of `build`: enough for a compiler's whole output.
KEPT_OF_THE_LOG = 1 << 24
QUOTED_LINES = 12
# To be increased when a change of this package changes the files that a build makes.
FORM = 1
# uv's words about an index that did not answer, which another try may help.
UNLUCKY = r"Failed to fetch|Failed to download|Request failed after|error sending request|error decoding response"


class FailedBuildError(BuildError):
    """A build that failed.

    Attributes:
        log: Its whole output.
    """

    def __init__(self, message: str, *, hint: str, log: str, transient: bool = False) -> None:
        super().__init__(message, hint=hint, transient=transient)
        self.log = log


async def build(
    source: Path,
    *,
    version: Version,
    epoch: int,
    environment: Mapping[str, str],
    out: Path,
    cache: Path | None = None,
    key: str = "",
) -> tuple[BuiltFile, ...]:
    """Build a project's sdist and wheel, the wheel from the sdist; the source tree stays as it is.

    The build works in a clean copy of the files that Git tracks, as they are now. For the same tree, epoch, version and
    build backend, the files are equal to the byte, wherever and whenever they are made; platform wheels apart.

    Args:
        source: The project, a Git checkout or a plain directory.
        version: The version for build backends that take it from tags.
        epoch: `SOURCE_DATE_EPOCH`: the time in all files, in seconds since 1970.
        environment: Variables for the build beside those of tools, as those that name the index. No token belongs here.
        out: Where the files go; made when it is missing.
        cache: Where the files are kept for the next build, or None.
        key: The name of the source in the cache: equal for equal trees, epochs and versions.

    Returns:
        The files, sdist first.

    Raises:
        FailedBuildError: The build fails or takes too long; its log is also in `out`.
        BuildError: The project can't be built at all: see `find_version`.
    """
    cached = cache / digest(key, str(version), epoch, _tools()) if cache else None
    if cached and cached.is_dir():
        return _copied(cached, out)
    # Before the build, so that a version that can't be known is the error.
    location = find_version(source)
    variables = {"SOURCE_DATE_EPOCH": str(epoch), **location.build_environment(version), **environment}
    if cache:
        cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="interlock-build-", dir=cache) as name:
        work, made = Path(name), Path(name, "made")
        await copy_tree(source, work / "source", epoch=epoch, history=location.tool is not None)
        await _run_build(work, made, variables, out)
        for path in made.iterdir():
            normalise(path, epoch)
        if cached:
            move_whole(made, cached)
        return _copied(cached or made, out)


def _tools() -> dict[str, str]:
    versions = {name: importlib.metadata.version(name) for name in ("build", "uv")}
    return {**versions, "python": sys.version, "form": str(FORM)}


def _copied(folder: Path, out: Path) -> tuple[BuiltFile, ...]:
    out.mkdir(parents=True, exist_ok=True)
    files = [BuiltFile.of(Path(shutil.copy2(path, out))) for path in folder.iterdir()]
    return tuple(sorted(files, key=lambda file: (file.kind != "sdist", file.name)))


async def _run_build(work: Path, made: Path, variables: Mapping[str, str], out: Path) -> None:
    # Without -P Python would run a module `build` in the working directory instead.
    options = ("--installer", "uv", "--outdir", made)
    command: list[str | Path] = [sys.executable, "-P", "-m", "build", *options, work / "source"]
    fixed = {
        "PYTHONHASHSEED": "0",
        "TZ": "UTC",
        "NO_COLOR": "1",
        "GIT_CEILING_DIRECTORIES": str(work),  # the copy does not belong to a repository around it
    }
    env = {**tool_environment(), **fixed, **variables}
    done = await run(command, env=env, cwd=work, timeout=BUILD_SECONDS, keep=KEPT_OF_THE_LOG, merge=True)
    if done.returncode or done.timed_out:
        raise _failure(done, _clean(done.output, work), out)


def _clean(log: str, work: Path) -> str:
    """A log without passwords in addresses, and without the name of a temporary folder."""
    return re.sub(r"(?<=://)[^/\s@]+@", "***@", log).replace(f"{work}/source/", "").replace(str(work), "…")


def _failure(done: Completed, log: str, out: Path) -> FailedBuildError:
    out.mkdir(parents=True, exist_ok=True)
    file = out / "build.log"
    file.write_text(log, "utf-8")
    why = f"is not done after {BUILD_SECONDS / 60:.0f} minutes" if done.timed_out else "failed"
    quoted = "\n".join(f"  {line}" for line in _error_lines(log))
    hint = "try it in a clone: python -m build"
    if any(_from_installer(log)):
        hint = "the index must serve everything that [build-system] requires"
    unlucky = re.search(UNLUCKY, log) is not None
    return FailedBuildError(
        f"the build {why}:\n{quoted}", hint=f"{hint}; the whole log: {file}", log=log, transient=unlucky
    )


def _error_lines(log: str) -> list[str]:
    """The lines that say why a build failed: the installer's, else those from the last error on, else the last ones."""
    if from_installer := list(_from_installer(log)):
        return from_installer[-QUOTED_LINES:]
    lines = [line for line in log.splitlines() if line.strip() and not line.startswith(("TIP ", "ERROR Backend"))]
    errors = [number for number, line in enumerate(lines) if re.match(r"(\w+\.)*\w*(Error|Exception|Exit)\b", line)]
    return lines[errors[-1] :][:QUOTED_LINES] if errors else lines[-QUOTED_LINES:]


def _from_installer(log: str) -> Iterator[str]:
    """The lines of the program that installs the build's requirements, which `build` quotes."""
    return (line[2:] for line in log.splitlines() if line.startswith("< ") and line[2:].strip())
