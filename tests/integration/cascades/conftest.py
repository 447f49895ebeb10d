"""A world for each test of cascades, copied from one that is made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.rehearsed_cascade import RehearsedCascade, quickly, rehearse_cascade
from tests.support.rehearsed_release import keep_builds


@pytest.fixture
def kept_builds(builds: Path, interlock_home: Path) -> None:
    """What was built before is found here too."""
    keep_builds(interlock_home, builds)


@pytest.fixture
def here(seeded_world: Path, tmp_path: Path, kept_builds: None) -> Iterator[RehearsedCascade]:
    """A world of this test's own, and what is done in it."""
    with rehearse_cascade(seeded_world, tmp_path / "world") as served:
        yield served


@pytest.fixture
def quick(here: RehearsedCascade) -> Iterator[pytest.MonkeyPatch]:
    """Without suites, uploads by subprocess and whatever is the same each time."""
    with quickly(here) as patch:
        yield patch
