"""Families of real packages from public bug reports: each pair gets the verdict that the report describes."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.live
# As it is before the tests have one of their own: the user's own index is meant.
ENVIRON = dict(os.environ)
SCRIPT = ROOT / "benchmarks" / "family_verdicts.py"
FAMILIES = tomllib.loads((ROOT / "benchmarks" / "families" / "list.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_verdicts_are_those_of_the_bug_report(family: str, interlock_home: Path) -> None:
    environ = {**ENVIRON, "INTERLOCK_HOME": str(interlock_home)}
    command = [sys.executable, str(SCRIPT), family, "--no-hand"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=900, env=environ)
    assert done.returncode == 0, done.stdout + done.stderr
