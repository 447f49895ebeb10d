"""Families of real packages from public bug reports: each pair gets the verdict that the report describes."""

import subprocess
import sys
import tomllib

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.live
SCRIPT = ROOT / "benchmarks" / "family_verdicts.py"
FAMILIES = tomllib.loads((ROOT / "benchmarks" / "families" / "list.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_verdicts_are_those_of_the_bug_report(family: str) -> None:
    command = [sys.executable, str(SCRIPT), family, "--no-hand"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
