"""Environments by uv: finds interpreters, resolves requirements, installs environments."""

import asyncio
import contextlib
import hashlib
import re
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache as once
from pathlib import Path
from typing import Protocol

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version
from uv import find_uv_bin

from interlock.adapters import layers
from interlock.adapters.build_backend import PYTHON, Project, run_backend
from interlock.adapters.distributions import read_wheel
from interlock.adapters.index.client import Release
from interlock.adapters.interpreter import Interpreter, described
from interlock.common.atomic_files import move_whole
from interlock.common.digest import digest
from interlock.common.process import Completed, run, tool_environment
from interlock.common.sanitize import cut
from interlock.common.single_flight import SingleFlight
from interlock.errors import DistributionError, EnvironmentUnavailableError, IndexUnavailableError, UnbuildableError
from interlock.model.lockfile import File, Filtered, Lock, Pin, Resolution, Unresolvable, choose_wheel
from interlock.model.versions import too_old

# Copies: a suite that writes into a hard link writes into uv's cache, and so into every other environment.
OWN_FILES = ("--quiet", "--no-deps", "--no-index", "--no-config", "--link-mode", "copy")
LAYERED = "_interlock_layer.pth"
INSTALLS = 4  # of wheels' trees, at once
# uv's log of the versions that it looks at, and what it says there of one that it passes over.
SELECTION = "uv_resolver::candidate_selector=trace"
PASSED_OVER = re.compile(
    r"^TRACE Found candidate for package (\S+) with range .* steps: (\S+) version\n"
    r"(?=TRACE Returning incompatible candidate for package \1 )",
    re.MULTILINE,
)
# What uv says of a package whose releases a setting leaves out for their age.
FILTERED = re.compile(r"`(\S+)` was filtered by `([^`]+)`")
MISSING = re.compile(r"there is no version of ([^ =,]+)==([^ ,]+)")
LONGEST_LOCK = 32 * 1024 * 1024
LONGEST_REASON = 4000
LONGEST_SAYING = 400
# What uv says when the index let it see nothing; it reports this like a resolution that failed.
UNASKED = (
    "network was disabled",
    "could not be queried due to a lack of valid authentication credentials",
    "returned a 403 Forbidden error",
)


class Files(Protocol):
    """What uv needs of the index."""

    async def releases(self, package: str) -> Mapping[Version, Release]:
        """Every release of a package."""

    async def download(self, file: File) -> Path:
        """A file, checked by its hash and cached."""


class Uv:
    """uv, with its index and a directory for shared environments.

    Args:
        index: Variables that name the index (see `Index.environment`).
        store: Where shared environments are.
        files: Lists releases and downloads their files.
        family: The packages under test, which no setting of this machine leaves out for their age.
    """

    def __init__(self, index: Mapping[str, str], store: Path, files: Files, family: Collection[str] = ()) -> None:
        self._files = files
        self._family = family
        self._environment = {**tool_environment(), **index, "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
        self._store = store
        self._shared: SingleFlight[str, Path] = SingleFlight()
        self._installs = asyncio.Semaphore(INSTALLS)
        self._interpreters: SingleFlight[str, Interpreter] = SingleFlight()
        self._offered: dict[str, tuple[Path, ...]] = {}

    def offer(self, package: str, version: Version, paths: Iterable[Path]) -> None:
        """Let `resolve` find a version that is on no index, when this very version is required."""
        self._offered[f"{package}=={version}"] = tuple(paths)

    def withdraw(self, package: str, version: Version) -> None:
        """Take an offered version back."""
        self._offered.pop(f"{package}=={version}", None)

    async def interpreter(self, wanted: str) -> Interpreter:
        """Find a Python by version, as `3.11`; it is looked for once.

        Raises:
            EnvironmentUnavailableError: There is none on this machine.
        """
        return await self._interpreters.get(wanted, lambda: self._find_interpreter(wanted))

    async def _find_interpreter(self, wanted: str) -> Interpreter:
        # --system: our own virtual environment is not the Python that is meant.
        found = await self._run("python", "find", "--system", "--no-project", wanted)
        python = await described(Path(found.output.strip()), wanted) if found.returncode == 0 else None
        if python is None:
            said = cut(found.errors.removeprefix("error: "), LONGEST_SAYING)
            raise EnvironmentUnavailableError(
                f"there is no Python {wanted} on this machine{said and f': {said}'}",
                hint=f"uv python install {wanted}, or name another with --python",
            )
        if (why := too_old(python.version)) is not None:
            raise EnvironmentUnavailableError(why, hint="name another with --python")
        return python

    async def own_interpreter(self) -> Interpreter:
        """The Python that Interlock itself runs with, which builds are made with.

        Raises:
            EnvironmentUnavailableError: It does not run.
        """
        own = ".".join(map(str, sys.version_info[:2]))
        if (python := await described(PYTHON, own)) is None:
            raise EnvironmentUnavailableError(f"{PYTHON} does not run", hint="install Interlock again: make setup")
        return python

    async def resolve(
        self,
        requirements: Sequence[str],
        *,
        forced: Sequence[str],
        interpreter: Interpreter,
        as_of: datetime | None = None,
        mode: str = "highest",
    ) -> Resolution:
        """The lock of an environment in which the requirements are installed together, as a user would get it.

        Args:
            requirements: PEP 508 lines.
            forced: Lines as `name==1.0` that replace every requirement on these packages.
            interpreter: The Python of the environment.
            as_of: What was uploaded later, beside the family, is not there; None for now. It needs an index that says
                when that was.
            mode: Which of the versions that are admitted: uv's `--resolution`.

        Raises:
            IndexUnavailableError: The index could not be read.
        """
        how = ("--resolution", mode)
        then = ("--exclude-newer", as_of.isoformat()) if as_of else ()
        found = await self._resolve(requirements, forced, interpreter, (*how, *_exempt(self._family), *then))
        if as_of is not None or not isinstance(found, Unresolvable):
            return found
        filtered = dict(FILTERED.findall(found.reason))
        if filtered:
            ages = (*_exempt({*self._family, *filtered}), "--exclude-newer", "false")
            freely = await self._resolve(requirements, forced, interpreter, (*how, *ages))
            if isinstance(freely, Lock) or FILTERED.search(freely.reason):  # the latter in a build
                return Filtered(reason=f"filtered by {' and '.join(sorted(set(filtered.values())))}: {found.reason}")
        await self._check_lag(found.reason, (*requirements, *forced))
        return found

    async def _check_lag(self, words: str, lines: Iterable[str]) -> None:
        """Check that uv found what is on the index's page: the copies of an index may differ for a while.

        Raises:
            IndexUnavailableError: It did not.
        """
        required = {re.sub(r"\[.*?\]", "", line) for line in lines}
        missing = dict.fromkeys(MISSING.findall(" ".join(words.split())))
        for name, text in (each for each in missing if "==".join(each) in required):
            with contextlib.suppress(DistributionError):
                if Version(text) in await self._files.releases(name):
                    raise IndexUnavailableError(
                        f"the index has {name} {text} on its page, and uv does not find it",
                        hint="a copy of the index lags behind; run it again in some minutes",
                    )

    async def _resolve(
        self, requirements: Sequence[str], forced: Sequence[str], interpreter: Interpreter, choosing: Sequence[str]
    ) -> Resolution:
        built: dict[str, tuple[File, Path]] = {}
        while True:
            wheels = {pin: path for pin, (_, path) in built.items()}
            completed = await self._compile(requirements, forced, interpreter, wheels, choosing)
            first = await self._only_as_sdist(completed.errors, interpreter, built)
            if first is None:
                return _resolution(completed, {pin: sdist for pin, (sdist, _) in built.items()})
            pin, sdist = first
            made = await self._built(sdist, interpreter)
            if isinstance(made, str):
                return Unresolvable(reason=made)
            built[pin] = (sdist, made)

    async def _compile(
        self,
        requirements: Sequence[str],
        forced: Sequence[str],
        interpreter: Interpreter,
        built: Mapping[str, Path],
        choosing: Sequence[str],
    ) -> Completed:
        # A wheel that was built here has no upload time, so a limit of age would hide it: its package is exempt, and
        # bounded by the version that was chosen within the limit.
        names, bounds = {pin.partition("==")[0] for pin in built}, _at_most(built)
        with tempfile.TemporaryDirectory() as folder:
            wanted, overrides = Path(folder, "requirements.in"), Path(folder, "overrides.txt")
            constraints = Path(folder, "constraints.txt")
            wanted.write_text("\n".join(requirements))
            overrides.write_text("\n".join(forced))
            constraints.write_text("\n".join(bounds))
            options = ("--quiet", "--no-header", "--no-build", "--format", "pylock.toml", *choosing)
            # An exact version may be newer than the page in uv's cache.
            exact = {line.partition("==")[0].partition("[")[0] for line in (*requirements, *forced) if "==" in line}
            fresh = [option for name in sorted(exact) for option in ("--refresh-package", name)]
            fresh += [*_exempt(names), "--constraint", str(constraints)]
            links = self._links(Path(folder, "offered"), (*requirements, *forced), built.values())
            where = ("--python", interpreter.path, "--override", overrides)
            return await self._run("pip", "compile", *options, *fresh, *links, *where, wanted, log=SELECTION)

    async def _only_as_sdist(
        self, log: str, interpreter: Interpreter, known: Container[str]
    ) -> tuple[str, File] | None:
        """The first version that uv would have chosen, had it a wheel: `name==version` and its sdist.

        uv does not build here, since that runs a stranger's code, and then it passes over such a version. It may have
        come to those that it passes over later for want of the first.
        """
        for name, text in dict.fromkeys(PASSED_OVER.findall(log)):
            if f"{name}=={text}" not in known:
                with contextlib.suppress(DistributionError):
                    release = (await self._files.releases(name)).get(Version(text))
                    if release and release.sdist and _is_only_sdist(release, interpreter):
                        return f"{name}=={text}", release.sdist
        return None

    def _links(self, folder: Path, lines: Iterable[str], built: Iterable[Path]) -> Iterator[str]:
        """The options by which uv finds the offered versions that these lines require and wheels of sdists."""
        asked = {re.sub(r"\[.*?\]", "", line) for line in lines}
        offered = [path for line, paths in self._offered.items() if line in asked for path in paths]
        if paths := [*offered, *built]:
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
            DistributionError: Something of it is damaged.
            EnvironmentUnavailableError: uv failed.
        """
        key = digest(lock.lines(interpreter.tags()), str(interpreter.path), interpreter.version)
        return await self._shared.get(key, lambda: self._layer(self._store / key, lock, interpreter))

    async def _layer(self, target: Path, lock: Lock, interpreter: Interpreter) -> Path:
        files = await asyncio.gather(*(self._file(pin, interpreter) for pin in lock.pins))
        trees = await asyncio.gather(*(self._tree(file, interpreter) for file in files))
        return await self._sealed(target, lambda made: asyncio.to_thread(layers.join, trees, made))

    async def _tree(self, wheel: Path, interpreter: Interpreter) -> Path:
        """A wheel, installed by itself and compiled: once for all layers that have it."""

        async def install(made: Path) -> None:
            where = ("--target", made, "--python", interpreter.path, "--compile-bytecode")
            async with self._installs:
                await _done(await self._run("pip", "install", *OWN_FILES, *where, wheel), wheel)

        key = digest(wheel.name, await asyncio.to_thread(_sha256, wheel), str(interpreter.path), interpreter.version)
        target = self._store.with_name("wheels") / key
        return await self._shared.get(key, lambda: self._sealed(target, install))

    async def _sealed(self, target: Path, fill: Callable[[Path], Awaitable[None]]) -> Path:
        """A folder that is as it was sealed: the one that is there, or a new one; another process may be first."""
        if target.exists() and not await self.is_intact(target):
            await asyncio.to_thread(shutil.rmtree, target, ignore_errors=True)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent) as folder:
                made = Path(folder, "site-packages")
                made.mkdir()
                await fill(made)
                await asyncio.to_thread(layers.seal, made)
                move_whole(made, target)
        return target

    async def is_intact(self, base: Path) -> bool:
        """Whether a shared environment is as it was made, compiled modules included."""
        return await asyncio.to_thread(layers.is_sealed, base)

    async def discard(self, base: Path) -> None:
        """Remove a shared environment; the next cell that needs it makes it again."""
        self._shared.forget(base.name)
        await asyncio.to_thread(shutil.rmtree, base, ignore_errors=True)

    async def layered(self, folder: Path, base: Path, wheels: Sequence[Path], interpreter: Interpreter) -> Path:
        """Make an environment with the third-party packages of a shared base and wheels of its own; its Python."""
        python = await self._environment_of(folder, wheels, interpreter)
        (site_packages(folder) / LAYERED).write_text(f"import site; site.addsitedir({str(base)!r})\n")
        return python

    async def fresh(self, folder: Path, lock: Lock, wheels: Sequence[Path], interpreter: Interpreter) -> Path:
        """Make an environment as a user does, with everything installed into it; its Python."""
        files = await asyncio.gather(*(self._file(pin, interpreter) for pin in lock.pins))
        return await self._environment_of(folder, [*files, *wheels], interpreter)

    async def _environment_of(self, folder: Path, wheels: Sequence[Path], interpreter: Interpreter) -> Path:
        """An environment with wheels, installed at once: uv starts its Python before, and what they bring must not run.

        They are our own downloads: uv downloads again what an index does not let it cache.
        """
        await _done(await self._run("venv", "--quiet", "--no-project", "--python", interpreter.path, folder))
        python = folder / "bin" / "python"
        if wheels:
            await _done(await self._run("pip", "install", *OWN_FILES, "--python", python, *wheels), *wheels)
        return python

    async def _built(self, sdist: File, interpreter: Interpreter) -> Path | str:
        try:
            return await self.build_wheel(await self._files.download(sdist), interpreter)
        except DistributionError as error:
            return error.message

    async def build_wheel(self, sdist: Path, interpreter: Interpreter) -> Path | str:
        """Build the wheel of an sdist, once; or why it can't be built, in uv's words."""
        key = digest(await asyncio.to_thread(_sha256, sdist), str(interpreter.path), interpreter.version)

        async def built(made: Path) -> None:
            project = Project(source=sdist, kinds=("wheel",), variables={})
            done = await run_backend(project, made, environments=self, interpreter=interpreter)
            if done.returncode or not any(made.glob("*.whl")):
                raise UnbuildableError(done.output.strip()[-LONGEST_REASON:] or "it made no wheel")

        try:
            target = self._store.with_name("built") / key
            made = await self._shared.get(key, lambda: self._sealed(target, built))
        except UnbuildableError as error:
            return f"{sdist.name} can't be built: {error.message}"
        return next(made.glob("*.whl"))

    async def _file(self, pin: Pin, interpreter: Interpreter) -> Path:
        file = pin.file_for(interpreter.tags())
        if file is not None and file != pin.sdist:
            return await self._files.download(file)
        if pin.sdist is None:
            raise UnbuildableError(f"{pin} has no file that fits Python {interpreter.version}")
        built = await self.build_wheel(await self._files.download(pin.sdist), interpreter)
        if isinstance(built, str):
            raise UnbuildableError(built)
        return built

    async def _run(self, *arguments: str | Path, log: str = "") -> Completed:
        # At the root, since uv reads the uv.toml or pyproject.toml of the working directory's project.
        root = Path(self._store.absolute().anchor)
        env = {**self._environment, "RUST_LOG": log}
        return await run([_uv(), *arguments], env=env, cwd=root, keep=LONGEST_LOCK)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def site_packages(environment: Path) -> Path:
    """Where a virtual environment keeps its packages."""
    return next((environment / "lib").glob("python*/site-packages"))


@once
def _uv() -> str:
    try:
        return find_uv_bin()
    except FileNotFoundError:
        raise EnvironmentUnavailableError("uv is not installed beside Interlock", hint="make setup") from None


def _at_most(pins: Iterable[str]) -> list[str]:
    """Of `name==version` lines, that each package has no newer version than the newest of its own."""
    newest: dict[str, Version] = {}
    for name, _, text in (pin.partition("==") for pin in pins):
        newest[name] = max(newest.get(name, Version(text)), Version(text))
    return [f"{name}<={version}" for name, version in newest.items()]


def _exempt(packages: Iterable[str]) -> tuple[str, ...]:
    """The options with which no setting leaves out releases of these packages for their age."""
    return tuple(option for name in sorted(packages) for option in ("--exclude-newer-package", f"{name}=false"))


def _is_only_sdist(release: Release, interpreter: Interpreter) -> bool:
    """Whether an installer would have to build a release, and may."""
    if release.yanked or choose_wheel([wheel.name for wheel in release.wheels], interpreter.tags()):
        return False
    try:
        return SpecifierSet(release.requires_python).contains(interpreter.version, prereleases=True)
    except InvalidSpecifier:
        return True


def _resolution(completed: Completed, built: Mapping[str, File]) -> Resolution:
    """What uv found; a package that was built here is in the lock with its sdist, as the index has it."""
    if completed.returncode != 0:
        return _refusal(completed)
    try:
        lock = Lock.parse(completed.output)
    except DistributionError as error:
        return Unresolvable(reason=str(error))
    own = {
        str(pin): pin.model_copy(update={"wheels": (), "sdist": built[str(pin)]})
        for pin in lock.pins
        if str(pin) in built
    }
    return Lock(pins=tuple(own.get(str(pin), pin) for pin in lock.pins))


def _refusal(completed: Completed) -> Unresolvable:
    """The reason why nothing satisfies the requirements (uv's exit code 1).

    Raises:
        IndexUnavailableError: uv could not find out.
    """
    words = "\n".join(line for line in completed.errors.strip().splitlines() if not line.startswith("TRACE "))
    if completed.returncode != 1 or any(unasked in words for unasked in UNASKED):
        raise IndexUnavailableError(
            f"uv could not resolve an environment: {words}", hint="check the network and the index"
        )
    return Unresolvable(reason=words)


async def _done(completed: Completed, *wheels: Path) -> None:
    """Check that uv did what it was to do.

    Raises:
        DistributionError: One of the wheels is damaged.
        EnvironmentUnavailableError: It did not, and no wheel explains that.
    """
    if completed.returncode != 0:
        for wheel in wheels:
            await asyncio.to_thread(read_wheel, wheel)
        words = completed.errors.strip() or f"it ended with exit code {completed.returncode} and no word"
        raise EnvironmentUnavailableError(
            f"uv could not make an environment: {words}", hint="is there space on the disk?"
        )
