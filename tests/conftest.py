"""Loads what every test runs in, and begins with the files that take longest."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# What is slow on a busy machine is not wrong.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The gate's examples are few and the same each time; `make test-long` takes more of them, at random.
settings.register_profile("gate", settings.get_profile("patient"), max_examples=50, derandomize=True)
settings.register_profile("long", settings.get_profile("patient"), max_examples=400)
settings.load_profile("gate")

pytest_plugins = ["tests.universe.fixtures", "tests.ledger_fixtures"]

# Each file is one worker's, and they are given out in this order: none of these is left alone at the end. Any other
# order is right as well, and only slower.
LONGEST = (
    "deployments/test_release_for_real.py",
    "test_matrix_end_to_end.py",
    "releases/test_release_flow.py",
    "deployments/test_cascade_command.py",
    "releases/test_release_corners.py",
    "cascades/test_policies.py",
    "releases/test_interruptions.py",
    "releases/test_change.py",
    "verification/test_verify_contracts.py",
    "reports/test_report_page_in_browser.py",
    "deployments/test_automations.py",
    "deployments/test_embedded_server.py",
    "deployments/test_up_for_real.py",
    "deployments/test_release_secrets.py",
    "deployments/test_embedded_server_real.py",
    "deployments/test_doctor_with_server.py",
    "cascades",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    tests = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(tests).as_posix()
        return next((number for number, each in enumerate(LONGEST) if path.startswith(each)), len(LONGEST))

    items.sort(key=place)
