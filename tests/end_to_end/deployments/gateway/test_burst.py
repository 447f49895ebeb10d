"""The benchmark in small: a burst from another process, while Prefect and the gateway are killed and come back."""

import os
import subprocess
import sys

import pytest

from tests.support.paths import ROOT


@pytest.mark.long
def test_a_burst_is_kept_and_run_exactly_once_whatever_is_killed_meanwhile() -> None:
    program = [sys.executable, str(ROOT / "benchmarks" / "gateway.py"), "--stand-in"]
    program += ["--deliveries", "200", "--at-once", "8"]
    ended = subprocess.run(program, capture_output=True, text=True, check=False, timeout=900, env=os.environ)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    counts = [line for line in ended.stdout.splitlines() if line.startswith("= ")]
    assert len(counts) == 9
    assert "= sent, and answered: 200, 200" in counts
