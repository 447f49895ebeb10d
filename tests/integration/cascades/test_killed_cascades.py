"""A cascade that is killed, at whatever moments, ends as if nothing had happened: and nothing is done twice."""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from interlock.model.cascade import Outcome
from tests.support.forks import forked, is_killed
from tests.support.rehearsed_cascade import RehearsedCascade, quickly, rehearse_cascade, states, versions
from tests.support.rehearsed_release import keep_builds

# How often it is killed in each of them: the first is the gate's, and `make test-long` takes all.
BLOCKS = (4, 10, 20)
# Of all requests of an undisturbed cascade, how many one run makes at most before it is killed.
PART = 1 / 3
MORE_SECONDS = 0.1
# A world in which it takes more kills than this to get to the end does not get there.
MOST_KILLS = 40


@dataclass(frozen=True)
class Left:
    """What a cascade leaves in the world."""

    writes: Counter[str]
    refs: Mapping[str, str]
    files: Mapping[str, str]
    states: Mapping[str, str]
    versions: Mapping[str, str]


@pytest.fixture(scope="module")
def undisturbed(seeded_world: Path, builds: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Left, int]:
    """What it leaves when nobody kills it, and how many requests that takes."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch, rehearse_cascade(seeded_world, folder / "world") as here, quickly(here):
        patch.setenv("INTERLOCK_HOME", str(folder / "home"))
        keep_builds(folder / "home", builds)
        assert here.cascade().outcome is Outcome.DONE
        return _left(here), len(here.serving.log.all())


def _left(here: RehearsedCascade) -> Left:
    with here.ledger() as ledger:
        (cascade,) = ledger.cascades()
    projects = here.serving.index.projects()
    files = [file for project in projects for file in here.serving.index.files(project) or ()]
    return Left(
        writes=here.counted(),
        refs=here.refs(),
        files={file.filename: file.sha256 for file in files},
        states=states(cascade),
        versions=versions(cascade),
    )


@pytest.mark.long
@pytest.mark.parametrize("wanted", BLOCKS)
@pytest.mark.usefixtures("kept_builds")
def test_killed_again_and_again_it_ends_as_if_nothing_had_happened(
    seeded_world: Path, tmp_path: Path, undisturbed: tuple[Left, int], wanted: int
) -> None:
    left, requests = undisturbed
    chance, kills, world = random.Random(wanted), 0, 0
    while kills < wanted:
        world += 1
        with rehearse_cascade(seeded_world, tmp_path / str(world)) as here, quickly(here):
            while is_killed(
                forked(here.cascade_async),
                here.serving.log,
                requests=chance.randint(0, int(requests * PART)),
                seconds=chance.uniform(0, MORE_SECONDS),
            ):
                kills += 1
                assert kills < MOST_KILLS
            assert _left(here) == left, f"world {world}, after {kills} kills"
            assert [
                ref
                for name in here.repositories.iterdir()
                for ref in here.git(name.stem, "for-each-ref", "refs/interlock").split()
            ] == []
