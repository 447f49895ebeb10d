"""The command `interlock` answers at once, whatever it could do."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.cli import INTERRUPTED
from interlock.errors import InterlockError

# What only a command that works may load: each of these takes longer than all of --help.
HEAVY = ("prefect", "sqlalchemy", "fastapi", "httpx", "jinja2", "twine", "alembic")

SHOW_HELP = """
import sys
from deployments.cli import app
try:
    app({arguments!r}, prog_name="interlock")
except SystemExit as ended:
    assert ended.code == 0, ended.code
print("LOADED", *sys.modules)
"""


def loaded_by(*arguments: str) -> list[str]:
    ended = subprocess.run(
        [sys.executable, "-c", SHOW_HELP.format(arguments=list(arguments))], capture_output=True, text=True, check=True
    )
    shown, _, loaded = ended.stdout.partition("LOADED ")
    assert "Usage: interlock" in shown
    return loaded.split()


def test_help_itself_loads_none_of_the_domains_models() -> None:
    assert "pydantic" not in loaded_by("--help")  # Typer loads it to read the arguments of a command


@pytest.mark.parametrize("arguments", [["--help"], ["matrix", "--help"], ["server", "--help"], ["family", "--help"]])
def test_help_loads_nothing_that_takes_long(arguments: list[str]) -> None:
    loaded = loaded_by(*arguments)
    assert [name for name in HEAVY if name in loaded] == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_made_for_the_shell(shell: str) -> None:
    program = Path(sys.executable).with_name("interlock")
    environ = os.environ | {
        "_INTERLOCK_COMPLETE": f"source_{shell}",
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    ended = subprocess.run([program], capture_output=True, text=True, check=True, env=environ)
    assert "_INTERLOCK_COMPLETE" in ended.stdout


def test_the_shell_completes_commands() -> None:
    program = Path(sys.executable).with_name("interlock")
    environ = os.environ | {"_INTERLOCK_COMPLETE": "complete_bash", "COMP_WORDS": "interlock ma", "COMP_CWORD": "1"}
    ended = subprocess.run([program], capture_output=True, text=True, check=True, env=environ)
    assert "matrix" in ended.stdout.split()


def test_without_a_command_the_help_is_shown() -> None:
    program = Path(sys.executable).with_name("interlock")
    ended = subprocess.run([program], capture_output=True, text=True, check=False)
    assert "matrix" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_table_of_exit_codes_is_that_of_the_errors() -> None:
    table = (Path(__file__).parents[2] / "docs" / "exit-codes.md").read_text("utf-8")
    documented = [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)]
    errors: list[type[InterlockError]] = [InterlockError, *InterlockError.__subclasses__()]
    of_errors = [error.exit_code for error in errors]
    assert len(set(of_errors)) == len(of_errors)
    assert documented == sorted([0, 1, INTERRUPTED, *of_errors])
