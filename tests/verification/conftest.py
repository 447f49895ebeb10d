"""A world for the tests of verifications: they change different branches of it, and share what was built and run."""

from collections.abc import Iterator

import pytest

from interlock.verification import ContractsReport
from tests.releases.rehearsed import CORE, seed
from tests.verification.verified import PIPELINE, RENAMED, STORE, TELEMETRY, Verified, verified


@pytest.fixture(scope="package")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verified]:
    """A world, and verifications in it."""
    folder = tmp_path_factory.mktemp("verified")
    with verified(seed(folder / "seeded"), folder / "world") as served:
        yield served


@pytest.fixture(scope="package")
def first(here: Verified) -> tuple[ContractsReport, int]:
    """What a branch that renames a value does to two downstreams, and how many suites were run to find out."""
    here.branch("rename", here.changed(CORE, TELEMETRY, *RENAMED))
    return here.verify("rename", PIPELINE, STORE)
