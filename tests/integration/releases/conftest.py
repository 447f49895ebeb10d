"""A world for each test of releases, copied from one that is made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.rehearsed_release import RehearsedRelease, keep_builds, rehearse_release


@pytest.fixture
def here(seeded_world: Path, builds: Path, tmp_path: Path, interlock_home: Path) -> Iterator[RehearsedRelease]:
    """A world of this test's own, and the flow in it."""
    keep_builds(interlock_home, builds)
    with rehearse_release(seeded_world, tmp_path / "world") as served:
        yield served
