"""A family on the session's index, and a ledger for each test."""

from pathlib import Path

import pytest

from tests.support.admission_family import Table, publish
from tests.support.universe import Universe


@pytest.fixture(scope="session")
def published(shared_universe: Universe) -> Universe:
    """The index with the family on it."""
    publish(shared_universe)
    return shared_universe


@pytest.fixture
def table(published: Universe, tmp_path: Path) -> Table:
    """Nothing is known yet."""
    return Table(published, tmp_path / "cache")
