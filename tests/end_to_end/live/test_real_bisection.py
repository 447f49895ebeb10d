"""Which of seventy real releases broke something, found on the real index by a few runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from interlock.contracts.bisect.models import Bisection

pytestmark = pytest.mark.live
# As it is before the tests have one of their own: the index of whoever runs them is meant.
ENVIRON = dict(os.environ)
INTERLOCK = Path(sys.executable).with_name("interlock")


def test_the_core_after_which_an_orchestrator_misses_redis_is_found(interlock_home: Path) -> None:
    """With it, core no longer brought what the orchestrator had never declared; other modules of it never imported."""
    edge = ("--of", "market-data-core", "--downstream", "market-data-orchestrator", "--downstream-version", "0.8.95")
    command: list[str | Path] = [INTERLOCK, "bisect", *edge, "--good", "1.2.9", "--bad", "1.4.61", "--json"]
    environ = {**ENVIRON, "INTERLOCK_HOME": str(interlock_home)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=900, env=environ)
    subprocess.run([INTERLOCK, "server", "stop", "--force"], check=False, capture_output=True, env=environ)

    assert done.returncode == 0, done.stderr
    found = Bisection.model_validate_json(done.stdout)
    assert (found.last_good.name, found.first_bad.name) == ("1.2.9", "1.2.11")
    assert found.steps > 60
    assert found.runs <= 8
    (broken,) = found.broken
    assert broken.tests["market_data_orchestrator.audit.logger"] == "ModuleNotFoundError: No module named 'redis'"
    assert any("not counted: market_data_orchestrator.api.control" in note for note in found.notes)
