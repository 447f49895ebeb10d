"""Loads what every test runs in, and says in which order."""

import gc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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
