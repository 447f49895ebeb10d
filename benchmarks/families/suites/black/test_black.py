"""The command starts, and the library formats."""

import subprocess
import sys

import black


def test_the_command_starts():
    done = subprocess.run([sys.executable, "-m", "black", "--version"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_line_is_formatted():
    assert black.format_str("x = (1)", mode=black.Mode()) == "x = 1\n"
