"""Build back ends: run in the sandbox, where they have no network, with what they require installed before (PEP 517).

A back end is a stranger's program, and it may name further requirements only when it runs. So a build goes in steps:

1. The project's `[build-system] requires` are read, in the sandbox.
2. They are resolved, downloaded and installed outside, where nothing of them runs: wheels alone, and an sdist among
   them is built in a sandbox of its own first.
3. The back end runs offline: it names further requirements, and builds when it has them. If it lacks some, steps 2 and
   3 are done again with these too; an sdist and a wheel may each name some.
"""

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
        source: A folder, or an sdist; the back end may write into it.
        kinds: "sdist", "wheel", or both: then the wheel is built from the sdist.
        variables: Variables for the back end beside those of tools. No token belongs here.
        network: Whether the back end may use the network.
        seconds: How long it may take.
    """

    source: Path
    kinds: Sequence[str]
    variables: Mapping[str, str]
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
    with work_folder("interlock-build-") as top:
        box = top / "box"
        shutil.move(project.source, _new(box) / project.source.name)
        build = _Build(project=project, top=top, box=box, interpreter=interpreter)
        known: tuple[str, ...] = ()
        done = await build.run()
        for number in range(ROUNDS):
            if done.returncode not in {0, build_script.MISSING}:
                return done
            known = tuple(sorted({*known, *_requirements(top)}))
            python = await _environment(environments, known, box / f"environment-{number}", interpreter)
            done = await build.run(python, known)
            if done.returncode != build_script.MISSING:
                _take(box / "made", made)
                return done
        raise UnbuildableError("the build back end asks for other requirements each time it runs")


@dataclass(frozen=True, kw_only=True)
class _Build:
    project: Project
    top: Path
    box: Path
    interpreter: Interpreter

    async def run(self, python: Path | None = None, known: Sequence[str] = ()) -> Completed:
        """Run the script in the sandbox; without a Python it reads what the project requires."""
        project, facts, specification = self.project, self.top / "facts.jsonl", self.top / "specification.json"
        libraries = [_library(name) for name in LIBRARIES]
        spec = {
            "libraries": sorted({str(library.parent) for library in libraries}),
            "source": str(self.box / project.source.name),
            "kinds": list(project.kinds),
            "known": list(known),
            "made": str(_new(self.box / "made")),
            "work": str(_new(self.box / "unpacked")),
            "out": str(facts),
            **({"python": str(python)} if python else {}),
        }
        specification.write_text(json.dumps(spec))
        specification.chmod(0o644)
        facts.write_bytes(b"")
        script = Path(build_script.__file__)
        own = folders_of(PYTHON)
        read = (*own, *self.interpreter.folders, *libraries, script, specification)
        done = await sandbox.run(
            [PYTHON, "-I", script, specification],
            box=Box(read=read, write=(self.box, facts), network=project.network),
            env=self._variables(python),
            cwd=self.box,
            timeout=project.seconds,
            keep=KEPT_OF_THE_LOG,
            merge=True,
        )
        log = done.output.replace(f"{spec['source']}/", "").replace(str(self.top), "…")
        return done.model_copy(update={"output": log})

    def _variables(self, python: Path | None) -> dict[str, str]:
        home, temporary = _new(self.box / "home"), _new(self.box / "tmp")
        return {
            "PATH": f"{python.parent}:{SYSTEM_PATH}" if python else SYSTEM_PATH,
            "HOME": str(home),
            "TMPDIR": str(temporary),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONHASHSEED": "0",
            "NO_COLOR": "1",
            "GIT_CEILING_DIRECTORIES": str(self.box),  # the copy does not belong to a repository around it
            **self.project.variables,
        }


def _new(folder: Path) -> Path:
    """An empty folder in the place of what is there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _library(name: str) -> Path:
    found = find_spec(name)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def _requirements(top: Path) -> Iterator[str]:
    """The requirements that the script reported last, each parsed, so that none is an option of uv or an address."""
    try:
        lines = read_bounded(top / "facts.jsonl", LONGEST_FACTS).splitlines()
        for line in json.loads(lines[-1])["requires"] if lines else []:
            requirement = Requirement(line)
            if requirement.url:
                raise UnbuildableError(f"the build requires {requirement.name} from elsewhere than the index")
            yield str(requirement)
    except (UnreadableFileError, ValueError, RecursionError, LookupError, TypeError) as error:
        raise UnbuildableError(f"what the build requires can't be read: {type(error).__name__}: {error}") from None


async def _environment(
    environments: Environments, requirements: Sequence[str], folder: Path, interpreter: Interpreter
) -> Path:
    lock = (
        await environments.resolve(requirements, forced=(), interpreter=interpreter) if requirements else Lock(pins=())
    )
    if isinstance(lock, Unresolvable):
        raise UnbuildableError(f"what the build requires can't be had: {lock.reason}")
    return await environments.fresh(folder, lock, (), interpreter)


def _take(there: Path, made: Path) -> None:
    """Take over the files, each checked to be one: a link would be followed by whoever reads it."""
    for path in sorted(there.iterdir()):
        try:
            content = read_bounded(path, LARGEST_FILE)
        except UnreadableFileError as error:
            raise UnbuildableError(f"the build made {path.name}, and {error}") from None
        (made / path.name).write_bytes(content)
