"""A world for the tests of verifications: they change different branches of it, and share what was built and run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.contracts.verify import ContractsReport
from tests.support.rehearsed_release import CORE
from tests.support.rehearsed_verification import (
    PIPELINE,
    RENAMED,
    STORE,
    TELEMETRY,
    RehearsedVerification,
    rehearse_verification,
)


@pytest.fixture(scope="package")
def here(seeded_world: Path, builds: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RehearsedVerification]:
    """A world, and verifications in it."""
    with rehearse_verification(seeded_world, tmp_path_factory.mktemp("verified") / "world", builds) as served:
        yield served


@pytest.fixture(scope="package")
def first(here: RehearsedVerification) -> tuple[ContractsReport, int]:
    """What a branch that renames a value does to two downstreams, and how many suites were run to find out."""
    here.branch("rename", here.changed(CORE, TELEMETRY, *RENAMED))
    return here.verify("rename", PIPELINE, STORE)
