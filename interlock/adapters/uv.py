"""Environments by uv: finds interpreters, resolves requirements, installs environments."""

import asyncio
import json
import re
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache as once
from pathlib import Path
from stat import S_ISDIR

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.version import Version
from uv import find_uv_bin

from interlock.common.atomic_files import move_whole
from interlock.common.digest import digest
from interlock.common.frozen_model import FrozenModel
from interlock.common.process import Completed, run, tool_environment
from interlock.common.single_flight import SingleFlight
from interlock.errors import DistributionError, EnvironmentUnavailableError, IndexUnavailableError, UnbuildableError
from interlock.model.lockfile import File, Lock, Pin, Resolution, Unresolvable

# Copies: a suite that writes into a hard link writes into uv's cache, and so into every other environment.
OWN_FILES = ("--quiet", "--no-deps", "--no-index", "--no-config", "--link-mode", "copy")
LAYERED = "_interlock_layer.pth"
MANIFEST = ".interlock-manifest"
LONGEST_LOCK = 32 * 1024 * 1024
# What uv says when the index let it see nothing; it reports this like a resolution that failed.
UNASKED = (
    "network was disabled",
    "could not be queried due to a lack of valid authentication credentials",
    "returned a 403 Forbidden error",
)
DESCRIBE = """
import json, os, platform, sys
version = platform.python_version()
print(json.dumps({
    "path": sys.executable,
    "version": version,
    "implementation": sys.implementation.name,
    "platform": " ".join([sys.platform, platform.machine(), *platform.libc_ver()]).strip(),
    "markers": {
        "implementation_name": sys.implementation.name,
        "implementation_version": version,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": version,
        "python_version": ".".join(version.split(".")[:2]),
        "sys_platform": sys.platform,
    },
}))
"""


class Interpreter(FrozenModel):
    """A Python on this machine.

    Attributes:
        wanted: The version that was asked for, as `3.11`.
        version: Its full version, as `3.11.7`.
        platform: As `linux x86_64 glibc 2.36`.
        markers: The values of PEP 508's environment markers.
    """

    wanted: str
    path: Path
    version: str
    implementation: str
    platform: str
    markers: Mapping[str, str]

    def tags(self) -> tuple[Tag, ...]:
        """The wheel tags that it accepts, best first (CPython's; other implementations get pure wheels)."""
        return _supported_tags(self.implementation, self.version)


@once
def _supported_tags(implementation: str, version: str) -> tuple[Tag, ...]:
    major, minor = map(int, version.split(".")[:2])
    python = (major, minor)
    own = cpython_tags(python) if implementation == "cpython" else ()
    return (*own, *compatible_tags(python, interpreter=f"cp{major}{minor}" if own else None))


# Downloads a file of an index, checked by its hash and cached.
Download = Callable[[File], Awaitable[Path]]


class Uv:
    """uv, with its index and a directory for shared environments.

    Args:
        index: Variables that name the index (see `Index.environment`).
        store: Where shared environments are.
        download: Fetches a file of a lock.
    """

    def __init__(self, index: Mapping[str, str], store: Path, download: Download) -> None:
        self._download = download
        self._environment = {**tool_environment(), **index, "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
        self._store = store
        self._shared: SingleFlight[str, Path] = SingleFlight()
        self._offered: dict[str, tuple[Path, ...]] = {}

    def offer(self, package: str, version: Version, paths: Iterable[Path]) -> None:
        """Let `resolve` find a version that is on no index, when this very version is required."""
        self._offered[f"{package}=={version}"] = tuple(paths)

    def withdraw(self, package: str, version: Version) -> None:
        """Take an offered version back."""
        self._offered.pop(f"{package}=={version}", None)

    async def interpreter(self, wanted: str) -> Interpreter:
        """Find a Python by version, as `3.11`.

        Raises:
            EnvironmentUnavailableError: There is none on this machine.
        """
        # --system: our own virtual environment is not the Python that is meant.
        found = await self._run("python", "find", "--system", "--no-project", wanted)
        command = [found.output.strip(), "-I", "-c", DESCRIBE]
        described = await run(command, env=tool_environment()) if found.returncode == 0 else None
        if described is None or described.returncode != 0:
            raise EnvironmentUnavailableError(
                f"there is no Python {wanted} on this machine",
                hint=f"uv python install {wanted}, or name another with --python",
            )
        return Interpreter(wanted=wanted, **json.loads(described.output))

    async def resolve(
        self, requirements: Sequence[str], *, forced: Sequence[str], interpreter: Interpreter
    ) -> Resolution:
        """The lock of an environment in which the requirements are installed together, as a user would get it.

        Args:
            requirements: PEP 508 lines.
            forced: Lines as `name==1.0` that replace every requirement on these packages.
            interpreter: The Python of the environment.

        Raises:
            IndexUnavailableError: The index could not be read.
        """
        with tempfile.TemporaryDirectory() as folder:
            wanted, overrides = Path(folder, "requirements.in"), Path(folder, "overrides.txt")
            wanted.write_text("\n".join(requirements))
            overrides.write_text("\n".join(forced))
            options = ("--quiet", "--no-header", "--format", "pylock.toml")
            # An exact version may be newer than the page in uv's cache.
            exact = {line.partition("==")[0].partition("[")[0] for line in (*requirements, *forced) if "==" in line}
            fresh = [option for name in sorted(exact) for option in ("--refresh-package", name)]
            completed = await self._run(
                "pip",
                "compile",
                *options,
                *fresh,
                *self._links(Path(folder, "offered"), (*requirements, *forced)),
                "--python",
                interpreter.path,
                "--override",
                overrides,
                wanted,
            )
        if completed.returncode != 0:
            return _refusal(completed)
        try:
            return Lock.parse(completed.output)
        except DistributionError as error:
            return Unresolvable(reason=str(error))

    def _links(self, folder: Path, lines: Iterable[str]) -> Iterator[str]:
        """The options by which uv finds the offered versions that these lines require, and no others."""
        asked = {re.sub(r"\[.*?\]", "", line) for line in lines}
        if paths := [path for line, paths in self._offered.items() if line in asked for path in paths]:
            folder.mkdir()
            for path in paths:
                (folder / path.name).symlink_to(path)
            # The option replaces the user's own links, which are in the variable.
            users = self._environment.get("UV_FIND_LINKS", "")
            for link in (*filter(None, users.split(",")), str(folder)):
                yield from ("--find-links", link)

    async def shared(self, lock: Lock, interpreter: Interpreter) -> Path:
        """The site-packages of a lock, installed once for all cells that need it.

        Raises:
            IndexUnavailableError: Something of it could not be downloaded.
            UnbuildableError: Something of it does not exist for this interpreter.
            EnvironmentUnavailableError: uv failed.
        """
        key = digest(lock.lines(interpreter.tags()), str(interpreter.path), interpreter.version)
        return await self._shared.get(key, lambda: self._build(self._store / key, lock, interpreter))

    async def _build(self, target: Path, lock: Lock, interpreter: Interpreter) -> Path:
        """Install beside the target and rename; when another process was first, its environment is used."""
        if target.exists():
            return target
        self._store.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._store) as folder:
            made = Path(folder, "site-packages")
            made.mkdir()
            await self._install(lock, interpreter, "--target", made, "--python", interpreter.path)
            (made / MANIFEST).write_text(_manifest(made))
            move_whole(made, target)
        return target

    async def is_intact(self, base: Path) -> bool:
        """Whether a shared environment is unchanged, apart from compiled modules."""
        manifest = base / MANIFEST
        return manifest.exists() and manifest.read_text() == await asyncio.to_thread(_manifest, base)

    async def discard(self, base: Path) -> None:
        """Remove a shared environment; the next cell that needs it makes it again."""
        self._shared.forget(base.name)
        await asyncio.to_thread(shutil.rmtree, base, ignore_errors=True)

    async def layered(self, folder: Path, base: Path, wheels: Sequence[Path], interpreter: Interpreter) -> Path:
        """Make an environment with the third-party packages of a shared base and wheels of its own; its Python."""
        python = await self._venv(folder, interpreter)
        await self._install_wheels(wheels, python)
        (site_packages(folder) / LAYERED).write_text(f"import site; site.addsitedir({str(base)!r})\n")
        return python

    async def fresh(self, folder: Path, lock: Lock, wheels: Sequence[Path], interpreter: Interpreter) -> Path:
        """Make an environment as a user does, with everything installed into it; its Python."""
        python = await self._venv(folder, interpreter)
        await self._install(lock, interpreter, "--python", python)
        await self._install_wheels(wheels, python)
        return python

    async def build_wheel(self, sdist: Path, interpreter: Interpreter) -> Path | str:
        """Build the wheel of an sdist, once; or why it can't be built, in uv's words."""
        target = self._store.parent / "built" / digest(str(sdist), interpreter.version)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            if not target.exists():
                made = Path(folder, "wheel")
                options = ("--wheel", "--no-config", "--python", interpreter.path, "--out-dir", made)
                built = await self._run("build", *options, sdist)
                if built.returncode != 0:
                    return f"{sdist.name} can't be built: {built.errors.strip()}"
                move_whole(made, target)
        return next(target.glob("*.whl"))

    async def _venv(self, folder: Path, interpreter: Interpreter) -> Path:
        _done(await self._run("venv", "--quiet", "--no-project", "--python", interpreter.path, folder))
        return folder / "bin" / "python"

    async def _install(self, lock: Lock, interpreter: Interpreter, *where: str | Path) -> None:
        """Install a lock from our own downloads: uv downloads again what an index does not let it cache."""
        files = await asyncio.gather(*(self._file(pin, interpreter) for pin in lock.pins))
        if files:
            _done(await self._run("pip", "install", *OWN_FILES, *where, *files))

    async def _file(self, pin: Pin, interpreter: Interpreter) -> Path:
        file = pin.file_for(interpreter.tags())
        if file is not None and file != pin.sdist:
            return await self._download(file)
        if pin.sdist is None:
            raise UnbuildableError(f"{pin} has no file that fits Python {interpreter.version}")
        built = await self.build_wheel(await self._download(pin.sdist), interpreter)
        if isinstance(built, str):
            raise UnbuildableError(built)
        return built

    async def _install_wheels(self, wheels: Sequence[Path], python: Path) -> None:
        _done(await self._run("pip", "install", *OWN_FILES, "--python", python, *wheels))

    async def _run(self, *arguments: str | Path) -> Completed:
        # At the root, since uv reads the uv.toml or pyproject.toml of the working directory's project.
        root = Path(self._store.absolute().anchor)
        return await run([_uv(), *arguments], env=self._environment, cwd=root, keep=LONGEST_LOCK)


def _manifest(base: Path) -> str:
    """The digest of the names, sizes and modification times of all files below a directory."""
    files = (path for path in base.rglob("*") if "__pycache__" not in path.parts and path.name != MANIFEST)
    facts = ((str(path.relative_to(base)), path.lstat()) for path in files)
    return digest(sorted((name, stat.st_size, stat.st_mtime_ns) for name, stat in facts if not S_ISDIR(stat.st_mode)))


def site_packages(environment: Path) -> Path:
    """Where a virtual environment keeps its packages."""
    return next((environment / "lib").glob("python*/site-packages"))


@once
def _uv() -> str:
    try:
        return find_uv_bin()
    except FileNotFoundError:
        raise EnvironmentUnavailableError("uv is not installed beside Interlock", hint="make setup") from None


def _refusal(completed: Completed) -> Unresolvable:
    """The reason why nothing satisfies the requirements (uv's exit code 1).

    Raises:
        IndexUnavailableError: uv could not find out.
    """
    words = completed.errors.strip()
    if completed.returncode != 1 or any(unasked in words for unasked in UNASKED):
        raise IndexUnavailableError(
            f"uv could not resolve an environment: {words}", hint="check the network and the index"
        )
    return Unresolvable(reason=words)


def _done(completed: Completed) -> None:
    if completed.returncode != 0:
        words = completed.errors.strip() or f"it ended with exit code {completed.returncode} and no word"
        raise EnvironmentUnavailableError(
            f"uv could not make an environment: {words}", hint="is there space on the disk?"
        )
