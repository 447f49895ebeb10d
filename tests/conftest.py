"""Loads what every test runs in."""

pytest_plugins = ["tests.universe.fixtures", "tests.ledger_fixtures"]
