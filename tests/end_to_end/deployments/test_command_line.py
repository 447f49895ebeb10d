"""The command `interlock` answers at once, whatever it could do."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.cli.main import COMMANDS, INTERRUPTED, load
from interlock.errors import InterlockError
from tests.support.paths import ROOT

SHOW_HELP = """
import sys
from deployments.cli.main import COMMANDS, app, load
try:
    app({arguments!r}, prog_name="interlock")
except SystemExit as ended:
    assert ended.code == 0, ended.code
print("LOADED", *sys.modules)
for name in COMMANDS:
    load(name)
print("LOADED", *sys.modules)
"""


def loaded_by(*arguments: str) -> tuple[set[str], set[str]]:
    """What is loaded when the help is shown, and when every command is loaded."""
    ended = subprocess.run(
        [sys.executable, "-c", SHOW_HELP.format(arguments=list(arguments))], capture_output=True, text=True, check=True
    )
    shown, first, every = ended.stdout.split("LOADED ")
    assert "Usage: interlock" in shown
    return set(first.split()), set(every.split())


def test_help_loads_no_command_and_no_command_loads_prefect() -> None:
    """Prefect reads its settings when it is imported: a command first finds out which server they name."""
    by_help, by_commands = loaded_by("--help")
    assert [name for name in by_help if name.startswith(("deployments.cli.commands", "pydantic"))] == []
    assert "deployments.cli.commands.notify" in by_commands
    assert "prefect" not in by_commands


def test_a_command_loads_no_other() -> None:
    loaded, _ = loaded_by("check", "--help")
    names = {
        name.removeprefix("deployments.cli.commands.")
        for name in loaded
        if name.startswith("deployments.cli.commands.")
    }
    assert names == {"check"}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_lists_a_command_with_the_first_sentence_of_its_own(name: str) -> None:
    first, _, _ = load(name).help.partition("\n\n")
    assert COMMANDS[name][1] == " ".join(first.split())


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
    table = (ROOT / "docs" / "exit-codes.md").read_text("utf-8")
    documented = [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)]
    errors: list[type[InterlockError]] = [InterlockError, *InterlockError.__subclasses__()]
    of_errors = [error.exit_code for error in errors]
    assert len(set(of_errors)) == len(of_errors)
    assert documented == sorted([0, 1, INTERRUPTED, *of_errors])
