"""Suites that the probe runs under plain pytest: no environments, and one Python that forks for each suite."""

import json
import os
import runpy
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

from interlock.cells import probe
from interlock.cells.outcome import Facts, ModuleOrigin, Outcome, judge, read_facts
from interlock.common.process import Completed

INSTALLED = ModuleOrigin(name="core", package="core", file="/environment/core.py")


def probed(folder: Path, suites: Mapping[str, Mapping[str, str]]) -> dict[str, tuple[Facts, Outcome]]:
    """What the probe recorded of each suite, and what is judged of it.

    Args:
        folder: Where they are written.
        suites: The files of each; a file `addopts` holds options for its `pytest.ini`.
    """
    places = {name: folder / str(number) for number, name in enumerate(suites)}
    for name, place in places.items():
        _write(place, suites[name])
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    command = [sys.executable, __file__, *map(str, places.values())]
    subprocess.run(command, check=True, timeout=300, env={**clean, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    return {name: _read(place) for name, place in places.items()}


def _write(place: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = place / "suite" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    options = files.get("addopts", "")
    (place / "suite" / "pytest.ini").write_text(f"[pytest]\naddopts = {options}\n")
    arguments = ["-rfE", "--continue-on-collection-errors", "--maxfail=0", "."]
    specification = {"out": str(place / "facts.jsonl"), "arguments": arguments}
    (place / "specification.json").write_text(json.dumps(specification))


def _read(place: Path) -> tuple[Facts, Outcome]:
    found = read_facts(place / "facts.jsonl").model_copy(update={"origins": (INSTALLED,)})
    code = int((place / "code").read_text())
    completed = Completed(returncode=code, output=(place / "output").read_text(), errors="", seconds=1.0)
    return found, judge(found, completed, upstream="core", environment=Path("/environment"), limit=60)


def _run_each(places: list[str]) -> None:
    """Fork for each; the fork is left by the exit of the probe, as its own Python would be."""
    from _pytest.config import get_config

    get_config()  # imports all of pytest, once for all
    for place in map(Path, places):
        child = os.fork()
        if not child:
            os.chdir(place / "suite")
            output = os.open(place / "output", os.O_WRONLY | os.O_CREAT)
            os.dup2(output, 1)
            os.dup2(output, 2)
            sys.argv = [probe.__file__, str(place / "specification.json")]
            runpy.run_path(probe.__file__, run_name="__main__")
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        (place / "code").write_text(str(code))


if __name__ == "__main__":
    _run_each(sys.argv[1:])
