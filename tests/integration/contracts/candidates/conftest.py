"""Repositories of each test's own, beside the session's index."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.candidates import Yard, a_yard
from tests.support.universe.world import Universe


@pytest.fixture
def yard(shared_universe: Universe, tmp_path: Path) -> Iterator[Yard]:
    """Nothing but an index yet."""
    with a_yard(tmp_path / "yard", shared_universe) as made:
        yield made
