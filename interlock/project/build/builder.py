"""Making an sdist of a source tree, and a wheel of the sdist."""

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
# Of what `build` writes: enough for a compiler's whole output.
KEPT_OF_THE_LOG = 1 << 24
TELLING_LINES = 12
# Counted up when what is here changes what a build makes.
FORM = 1


# What uv says of an index that is in trouble, and may not be the next time.
UNLUCKY = r"Failed to fetch|Failed to download|Request failed after|error sending request|error decoding response"


class FailedBuildError(BuildError):
    """A build that failed.

    Attributes:
        log: All that it wrote.
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
    """Build a project's sdist and wheel, the wheel from the sdist; the tree itself is left as it is.

    What is built is a clean copy of the tree: what Git tracks in it, as it is now. With the same tree, epoch, version
    and build backend the files are the same to the byte, wherever and whenever they are made; platform wheels apart.

    Args:
        source: The project, a Git checkout or a plain directory.
        version: What is told to build backends that take the version from tags.
        epoch: `SOURCE_DATE_EPOCH`: the time in all files, in seconds since 1970.
        environment: Variables for the build beside those of tools, as those that name the index. No token belongs here.
        out: Where the files go; made when it is not there.
        cache: Where the files are kept for the next time, or None.
        key: The name of what is built, for the cache: equal for equal trees, epochs and versions.

    Returns:
        The files, sdist first.

    Raises:
        FailedBuildError: The build fails or takes too long; its log is in `out` too.
        BuildError: The project can't be built at all: see `find_version`.
    """
    kept = cache / digest(key, str(version), epoch, _tools()) if cache else None
    if kept and kept.is_dir():
        return _hand_out(kept, out)
    # Here for its errors too: a project whose version can't be known needs no build to fail.
    place = find_version(source)
    telling = {"SOURCE_DATE_EPOCH": str(epoch), **place.build_environment(version), **environment}
    with tempfile.TemporaryDirectory(prefix="interlock-build-", dir=_made(cache)) as name:
        work, made = Path(name), Path(name, "made")
        await copy_tree(source, work / "source", epoch=epoch, history=place.tool is not None)
        await _run_build(work, made, telling, out)
        for path in made.iterdir():
            normalise(path, epoch)
        if kept:
            move_whole(made, kept)
        return _hand_out(kept or made, out)


def _made(folder: Path | None) -> Path | None:
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _tools() -> dict[str, str]:
    versions = {name: importlib.metadata.version(name) for name in ("build", "uv")}
    return {**versions, "python": sys.version, "form": str(FORM)}


def _hand_out(folder: Path, out: Path) -> tuple[BuiltFile, ...]:
    out.mkdir(parents=True, exist_ok=True)
    files = [BuiltFile.of(Path(shutil.copy2(path, out))) for path in folder.iterdir()]
    return tuple(sorted(files, key=lambda file: (file.kind != "sdist", file.name)))


async def _run_build(work: Path, made: Path, telling: Mapping[str, str], out: Path) -> None:
    # Without -P a module `build` that lies in the working directory would be run instead.
    command: list[str | Path] = [
        sys.executable,
        "-P",
        "-m",
        "build",
        "--installer",
        "uv",
        "--outdir",
        made,
        work / "source",
    ]
    fixed = {
        "PYTHONHASHSEED": "0",
        "TZ": "UTC",
        "NO_COLOR": "1",
        "GIT_CEILING_DIRECTORIES": str(work),  # the copy is no part of a repository that it may lie in
    }
    env = {**tool_environment(), **fixed, **telling}
    done = await run(command, env=env, cwd=work, timeout=BUILD_SECONDS, keep=KEPT_OF_THE_LOG, merge=True)
    if done.returncode or done.timed_out:
        raise _failure(done, _clean(done.output, work), out)


def _clean(log: str, work: Path) -> str:
    """A log without passwords in addresses, and without the name of a folder that is gone when it is read."""
    return re.sub(r"(?<=://)[^/\s@]+@", "***@", log).replace(f"{work}/source/", "").replace(str(work), "…")


def _failure(done: Completed, log: str, out: Path) -> FailedBuildError:
    out.mkdir(parents=True, exist_ok=True)
    file = out / "build.log"
    file.write_text(log, "utf-8")
    why = f"is not done after {BUILD_SECONDS / 60:.0f} minutes" if done.timed_out else "failed"
    told = "\n".join(f"  {line}" for line in _telling(log))
    cure = "try it in a clone: python -m build"
    if any(_from_installer(log)):
        cure = "the index must serve everything that [build-system] requires"
    hint, unlucky = f"{cure}; the whole log: {file}", re.search(UNLUCKY, log) is not None
    return FailedBuildError(f"the build {why}:\n{told}", hint=hint, log=log, transient=unlucky)


def _telling(log: str) -> list[str]:
    """The lines that say why a build failed: those of the installer, else from the last error's, else the last ones."""
    if said := list(_from_installer(log)):
        return said[-TELLING_LINES:]
    lines = [line for line in log.splitlines() if line.strip() and not line.startswith(("TIP ", "ERROR Backend"))]
    errors = [number for number, line in enumerate(lines) if re.match(r"(\w+\.)*\w*(Error|Exception|Exit)\b", line)]
    return lines[errors[-1] :][:TELLING_LINES] if errors else lines[-TELLING_LINES:]


def _from_installer(log: str) -> Iterator[str]:
    """What `build` quotes of the program that installs the build's requirements."""
    return (line[2:] for line in log.splitlines() if line.startswith("< ") and line[2:].strip())
