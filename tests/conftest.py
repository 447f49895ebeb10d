"""Loads what every test runs in, and says in which order."""

import gc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

# What is slow on a busy machine is not wrong.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The gate's examples are few and the same each time; `make test-long` takes more of them, at random.
settings.register_profile("gate", settings.get_profile("patient"), max_examples=50, derandomize=True)
settings.register_profile("long", settings.get_profile("patient"), max_examples=400)
settings.load_profile("gate")

# Modules and tests stay.
gc.set_threshold(50_000)

pytest_plugins = ["tests.support.universe.fixtures", "tests.support.ledgers", "tests.support.prefect_api"]

# Each file is one worker's, and they are given out in this order: what takes long is not left alone at the end.
FIRST = ("end_to_end", "red_team", "integration/releases", "integration/cascades", "integration/contracts/verify")

# These use one Prefect server, which takes longer to start than most of their tests: they are one worker's.
SERVED = frozenset(
    f"tests/{name}.py"
    for name in (
        "end_to_end/deployments/gateway/test_prefect_starter",
        "end_to_end/deployments/test_automations",
        "end_to_end/deployments/test_doctor_with_server",
        "red_team/test_prefect_api",
        "red_team/test_prefect_pages",
    )
)


class FileScheduling(LoadFileScheduling):  # type: ignore[misc]  # ships no types
    """Gives each file to one worker, and the files that share a server to the same."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "a Prefect server" if file in SERVED else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileScheduling | None:
    """Where files are given out whole."""
    return FileScheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what starts processes."""
    tests = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(tests).as_posix()
        return next((number for number, each in enumerate(FIRST) if path.startswith(each)), len(FIRST))

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Look for garbage in what a test makes, not in all that was imported and collected before."""
    gc.collect()
    gc.freeze()
