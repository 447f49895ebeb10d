"""Build back ends: run in the sandbox, where they have no network, with what they require installed before (PEP 517).

A back end is a stranger's program, and it may name further requirements only when it runs. So a build goes in steps:

1. The project's `[build-system] requires` are read, in the sandbox.
2. They are resolved, downloaded and installed outside, where nothing of them runs: wheels alone, and an sdist among
   them is built in a sandbox of its own first.
3. The back end runs offline: it names further requirements, and builds when it has them. If it lacks some, steps 2 and
   3 are done again with these too; an sdist and a wheel may each name some.
"""

import asyncio
import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from packaging.requirements import Requirement

from interlock.adapters import build_script
from interlock.adapters.interpreter import Interpreter, folders_of
from interlock.common import sandbox
from interlock.common.bounded_files import UnreadableFileError, read_bounded
from interlock.common.process import Completed
from interlock.common.sandbox import SYSTEM_PATH, Box
from interlock.common.work_folders import work_folder
from interlock.errors import UnbuildableError
from interlock.model.lockfile import Lock, Resolution, Unresolvable

ROUNDS = 3
PYTHON = Path(getattr(sys, "_base_executable", sys.executable))
"""Interlock's own, without its environment: it runs the script, and the back end has a Python of its own."""
LIBRARIES = ("build", "pyproject_hooks", "packaging")
# Bytes of the log that are kept: enough for a compiler's whole output.
KEPT_OF_THE_LOG = 1 << 24
LONGEST_FACTS = 1 << 20
LARGEST_FILE = 1 << 30


class Environments(Protocol):
    """What a build needs of uv."""

    async def resolve(
        self, requirements: Sequence[str], *, forced: Sequence[str], interpreter: Interpreter
    ) -> Resolution:
        """The lock of an environment."""

    async def fresh(self, folder: Path, lock: Lock, wheels: Sequence[Path], interpreter: Interpreter) -> Path:
        """Make an environment; its Python."""


@dataclass(frozen=True, kw_only=True)
class Project:
    """What is built.

    Attributes:
        source: An sdist, or a folder that everybody may read; it stays as it is.
        directory: The project's directory in that folder.
        kinds: "sdist", "wheel", or both: then the wheel is built from the sdist.
        variables: Variables for the back end beside those of tools. No token belongs here.
        network: Whether the back end may use the network.
        seconds: How long it may take.
    """

    source: Path
    kinds: Sequence[str]
    variables: Mapping[str, str]
    directory: str = "."
    network: bool = False
    seconds: float = 1800.0


async def run_backend(
    project: Project, made: Path, *, environments: Environments, interpreter: Interpreter
) -> Completed:
    """Build a project in the sandbox.

    Args:
        project: What is built.
        made: An empty folder for the files: regular files, and nothing else, are put there.
        environments: Makes the back end's environment.
        interpreter: Its Python.

    Returns:
        How the back end ended, with its whole log.

    Raises:
        UnbuildableError: What it requires can't be had, or it asks for more again and again.
        IndexUnavailableError: The index did not answer.
    """
    known: tuple[str, ...] = ()
    with work_folder("interlock-build-") as top:
        for number in range(ROUNDS + 1):
            # Each round has folders of its own: what an earlier one left in its place would be followed out of it.
            turn = _Round(project=project, top=top / str(number), interpreter=interpreter)
            done = await turn.run(await turn.environment(environments, known) if number else None, known)
            if number and done.returncode != build_script.MISSING:
                turn.take(made)
                return done
            if done.returncode not in {0, build_script.MISSING}:
                return done
            known = tuple(sorted({*known, *turn.requirements()}))
    raise UnbuildableError("the build back end asks for other requirements each time it runs")


class _Round:
    """One run of the script in a sandbox, with a fresh copy of the source."""

    def __init__(self, *, project: Project, top: Path, interpreter: Interpreter) -> None:
        self._project = project
        self._interpreter = interpreter
        self._top = top
        self._facts, self._made = top / "facts.jsonl", top / "made"
        self._box = top / "box"
        for folder in (self._made, self._box / "home", self._box / "tmp", self._box / "unpacked"):
            folder.mkdir(parents=True)
        self._facts.touch()

    async def environment(self, environments: Environments, known: Sequence[str]) -> Path:
        """Make the back end's environment; its Python."""
        lock: Resolution = Lock(pins=())
        if known:
            lock = await environments.resolve(known, forced=(), interpreter=self._interpreter)
        if isinstance(lock, Unresolvable):
            raise UnbuildableError(f"what the build requires can't be had: {lock.reason}")
        return await environments.fresh(self._top / "environment", lock, (), self._interpreter)

    async def run(self, python: Path | None, known: Sequence[str]) -> Completed:
        """Run the script; without a Python it reads what the project requires, and builds nothing."""
        source, specification = self._project.source, self._top / "specification.json"
        if python or source.is_file():
            source = await asyncio.to_thread(_copied, source, self._box / source.name)
        libraries = [_library(name) for name in LIBRARIES]
        spec = {
            "libraries": sorted({str(library.parent) for library in libraries}),
            "source": str(source / self._project.directory if source.is_dir() else source),
            "kinds": list(self._project.kinds),
            "known": list(known),
            "made": str(self._made),
            "work": str(self._box / "unpacked"),
            "out": str(self._facts),
            **({"python": str(python)} if python else {}),
        }
        specification.write_text(json.dumps(spec))
        specification.chmod(0o644)
        script = Path(build_script.__file__)
        read = (*folders_of(PYTHON), *self._interpreter.folders, *libraries, script, specification)
        read = read if source.is_relative_to(self._box) else (*read, source)
        write = (self._box, self._made, self._facts, *([python.parent.parent] if python else []))
        done = await sandbox.run(
            [PYTHON, "-I", script, specification],
            box=Box(read=read, write=write, network=self._project.network),
            env=self._variables(python),
            cwd=self._box,
            timeout=self._project.seconds,
            keep=KEPT_OF_THE_LOG,
            merge=True,
        )
        log = done.output.replace(f"{source}/", "").replace(str(self._top), "…")
        return done.model_copy(update={"output": log})

    def _variables(self, python: Path | None) -> dict[str, str]:
        return {
            "PATH": f"{python.parent}:{SYSTEM_PATH}" if python else SYSTEM_PATH,
            "HOME": str(self._box / "home"),
            "TMPDIR": str(self._box / "tmp"),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONHASHSEED": "0",
            "NO_COLOR": "1",
            "GIT_CEILING_DIRECTORIES": str(self._box),  # the copy does not belong to a repository around it
            **self._project.variables,
        }

    def requirements(self) -> Iterator[str]:
        """The requirements that were reported last, each parsed, so that none is an option of uv or an address."""
        try:
            lines = read_bounded(self._facts, LONGEST_FACTS).splitlines()
            for line in json.loads(lines[-1])["requires"] if lines else []:
                requirement = Requirement(line)
                if requirement.url:
                    raise UnbuildableError(f"the build requires {requirement.name} from elsewhere than the index")
                yield str(requirement)
        except (UnreadableFileError, ValueError, RecursionError, LookupError, TypeError) as error:
            raise UnbuildableError(f"what the build requires can't be read: {type(error).__name__}: {error}") from None

    def take(self, made: Path) -> None:
        """Take over the files, each checked to be one: a link would be followed by those who read it."""
        for path in sorted(self._made.iterdir()):
            try:
                content = read_bounded(path, LARGEST_FILE)
            except UnreadableFileError as error:
                raise UnbuildableError(f"the build made {path.name}, and {error}") from None
            (made / path.name).write_bytes(content)


def _copied(source: Path, target: Path) -> Path:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target)
    return target


def _library(name: str) -> Path:
    found = find_spec(name)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent
