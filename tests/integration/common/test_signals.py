"""The tests' own surroundings: how signals reach the children of a test."""

import subprocess
import sys

CHILD = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
# As a shell does for what it runs in the background.
IGNORED = f"""
import signal, subprocess, sys
from tests.support.universe.fixtures import heed_signals

for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
subprocess.run([sys.executable, "-c", {CHILD!r}], check=True)
heed_signals()
subprocess.run([sys.executable, "-c", {CHILD!r}], check=True)
"""


def test_children_of_tests_heed_ctrl_c_also_when_the_tests_run_in_the_background() -> None:
    done = subprocess.run([sys.executable, "-c", IGNORED], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["True", "False"]
