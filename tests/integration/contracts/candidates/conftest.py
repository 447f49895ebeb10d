"""Repositories of each test's own, beside the session's index."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.candidates import CandidateWorld, candidate_world
from tests.support.universe.world import Universe


@pytest.fixture
def world(shared_universe: Universe, tmp_path: Path) -> Iterator[CandidateWorld]:
    """Nothing but an index yet."""
    with candidate_world(tmp_path / "world", shared_universe) as made:
        yield made
