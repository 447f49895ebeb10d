"""Cells of a tiny family: two wheels, and suites that are written by the tests."""

import asyncio
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from interlock.adapters.distributions import read_wheel
from interlock.adapters.interpreter import Interpreter
from interlock.cells.recipe import Recipe
from interlock.cells.runner import run_cell
from interlock.model.lockfile import Lock
from interlock.model.suites import Suite
from interlock.model.verdicts import Run
from tests.support.universe import Universe, make_wheel

CORE = {
    "core/__init__.py": """
        __version__ = "1.0"

        def add(a, b):
            return a + b
        """,
}
# Modules of `pipe`, each for an `imports` suite that shows one thing.
PIPE = {
    "pipe/__init__.py": "",
    "pipe/uses.py": "import core",
    "pipe/alone.py": "x = 1",
    "pipe/literal.py": "from core import __version__",
    "pipe/undeclared.py": "import core, yaml",
    "pipe/exits.py": "raise SystemExit('not today')",
    "pipe/wordy.py": "error = ValueError('first line\\nsecond line')\nerror.add_note('a note')\nraise error",
    "pipe/wrong.py": "def (",
    "pipe/half/__init__.py": "import sys, core\nif not hasattr(core, 'seen'):\n    core.seen = True\n    import yaml",
    "pipe/half/first.py": "import core",
    "pipe/half/second.py": "import core",
    "pipe/aborts.py": "import os, core\nos.abort()",
    "pipe/wavers.py": """
        import os, pathlib, core
        tries = pathlib.Path(os.environ["TRIES"])
        tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
        assert len(tries.read_text()) > 1, "the first try fails"
        """,
    "pipe/particular.py": """
        import sys, core, iniconfig
        assert iniconfig.__file__.startswith(sys.prefix), "not installed as by a user"
        """,
    "pipe/hangs.py": """
        import os, pathlib, subprocess, sys, time, core
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
        with open(os.environ["PIDS"], "a") as file:
            print(child.pid, os.environ["TMPDIR"], file=file)
        print("hanging", flush=True)
        time.sleep(600)
        """,
}


def dedented(files: Mapping[str, str]) -> dict[str, str]:
    return {name: textwrap.dedent(text) for name, text in files.items()}


@dataclass(frozen=True)
class World:
    """What every cell here is made of: two wheels, and the third-party packages that pytest needs."""

    universe: Universe
    folder: Path
    lock: Lock
    interpreter: Interpreter
    wheels: tuple[Path, ...]

    def run(self, suite: Mapping[str, object], **recipe: object) -> tuple[Run, ...]:
        wanted = Recipe.model_validate(
            {
                "fingerprint": "f",
                "title": "core 1.0 with pipe 1.0",
                "upstream": "core",
                "downstream": "pipe",
                "suite": Suite.model_validate({"name": "contracts", **suite}),
                "point": {},
                "wheels": tuple(map(read_wheel, self.wheels)),
                "lock": self.lock,
                "interpreter": self.interpreter,
                **recipe,
            }
        )

        async def running() -> tuple[Run, ...]:
            async with self.universe.uv(self.folder) as uv:
                return await run_cell(wanted, uv)

        return asyncio.run(running())

    def imports(self, *modules: str, **suite: object) -> tuple[Run, ...]:
        """Run a suite that imports modules."""
        return self.run({"imports": list(modules), **suite}, modules=modules)

    def tests(self, folder: Path, files: Mapping[str, str], **suite: object) -> tuple[Run, ...]:
        """Run a suite of files, written below a folder; they are under `tests/contracts`."""
        for name, text in dedented(files).items():
            path = folder / "tests" / "contracts" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        point = suite.pop("point", {})
        return self.run({"sdist": "tests/contracts", **suite}, tests=folder, target="tests/contracts", point=point)


def a_world(universe: Universe, folder: Path) -> World:
    """The world of the cells; downloads and environments are kept in the folder."""

    async def begin() -> tuple[Interpreter, Lock]:
        async with universe.uv(folder) as uv:
            interpreter = await uv.interpreter("{}.{}".format(*sys.version_info))
            lock = await uv.resolve(["pytest"], forced=[], interpreter=interpreter)
            assert isinstance(lock, Lock), lock
            return interpreter, lock

    interpreter, lock = asyncio.run(begin())
    core = make_wheel(folder, "core", "1.0", files=dedented(CORE))
    pipe = make_wheel(folder, "pipe", "1.0", files=dedented(PIPE), requires=["core"])
    return World(universe=universe, folder=folder, lock=lock, interpreter=interpreter, wheels=(core, pipe))


def outcomes(run: Run) -> dict[str, tuple[str, str | None]]:
    """The outcome and the error of each test, by its short name."""
    return {test.id.rpartition("::")[2]: (test.outcome.value, test.error) for test in run.tests}
