"""A release meets faults at random, again and again, and in the end everything is there once."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.errors import InterlockError
from interlock.releases.plan import Timeouts
from rehearsal.faults import seeded
from tests.support.quick_releases import quick_releases
from tests.support.rehearsed_release import RehearsedRelease, keep_builds, rehearse_release

STORE = "market-data-store"
DONE = sorted(
    [
        "create release v0.6.4 as a draft",
        "publish release v0.6.4",
        "push refs/heads/main refs/tags/v0.6.4",
        *("upload asset market_data_store-0.6.4-py3-none-any.whl", "upload asset market_data_store-0.6.4.tar.gz"),
        *("upload market_data_store-0.6.4-py3-none-any.whl", "upload market_data_store-0.6.4.tar.gz"),
        *(f"dispatch downstream_release mjdevaccount/market_data_{name}" for name in ("infra", "orchestrator")),
    ]
)
SCRIPTS, PARTS = 300, 100
# A release asks about that often; a fault that is due later than its end never happens.
REQUESTS = 32
# However unlucky a script is, it has no more faults than this, and each ends at most one run.
MOST_FAULTS = 4


IMPATIENT = Timeouts(index=2, receipt=0.4, run=2)


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    with quick_releases():
        yield


def _until_done(here: RehearsedRelease, seed: int) -> int:
    """Run it until it ends well; how many runs that took."""
    for run in range(1, MOST_FAULTS + 3):
        try:
            release = here.release(STORE, version="0.6.4", patience=IMPATIENT)
        except InterlockError:
            continue
        assert release.is_finished
        assert len(release.dispatches) == 2
        return run
    raise AssertionError(f"script {seed} was not done after {MOST_FAULTS + 2} runs")


# The gate takes a few of them, `make test-long` all.
BLOCKS = [0, *(pytest.param(block, marks=pytest.mark.long) for block in range(1, PARTS))]


# A fault ends all requests that are made beside it. One that has connected in this moment is forgotten by anyio's
# connect_tcp, and its socket is closed when Python finds that nobody has it.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <(socket.socket|function _SelectorTransport.__del__)")
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.usefixtures("quick")
def test_whatever_goes_wrong_in_the_end_everything_is_there_once(
    seeded_world: Path, builds: Path, tmp_path: Path, interlock_home: Path, block: int
) -> None:
    keep_builds(interlock_home, builds)
    for seed in range(block, SCRIPTS, PARTS):
        with rehearse_release(seeded_world, tmp_path / str(seed)) as here:
            count = random.Random(seed).randint(1, MOST_FAULTS)
            here.serving.faults.add(*seeded(seed, requests=REQUESTS, count=count))
            _until_done(here, seed)
            writes = sorted(write for write in here.writes() if not write.startswith("kept "))
            assert writes == DONE, f"script {seed}"
            assert here.git(STORE, "tag", "--list", "v0.6.4*").split() == ["v0.6.4"]
