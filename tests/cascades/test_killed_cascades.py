"""A cascade that is killed, at whatever moments, ends as if nothing had happened: and nothing is done twice."""

import asyncio
import faulthandler
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from interlock.cascade_plan import Outcome
from tests.cascades.walked import Walked, quickly, states, versions, walked

# How often it is killed in each of them: the first is the gate's, and `make test-long` takes all.
BLOCKS = (4, 10, 20)
# Of all requests of an undisturbed cascade, how many one run makes at most before it is killed.
PART = 1 / 3
MORE_SECONDS = 0.1
# Who makes no request for so long hangs: no pause of a walk with `quickly` is a tenth of it.
SILENCE = 60.0
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
    with pytest.MonkeyPatch.context() as patch, walked(seeded_world, folder / "world") as here, quickly(here):
        patch.setenv("INTERLOCK_HOME", str(folder / "home"))
        (folder / "home" / "cache").mkdir(parents=True)
        (folder / "home" / "cache" / "builds").symlink_to(builds, target_is_directory=True)
        assert here.cascade().outcome is Outcome.DONE
        return _left(here), len(here.serving.log.all())


def _left(here: Walked) -> Left:
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


def _forked(here: Walked) -> int:
    """A process that walks, and ends without a word; forked, since starting Python costs more than a release."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.setsid()
        faulthandler.register(signal.SIGUSR1)
        asyncio.run(here.cascade_async())
        code = 0
    finally:
        os._exit(code)


def _quiet(here: Walked) -> None:
    """Wait until the servers are done with a killed process's requests: a fork takes over locks that they hold."""
    seen = -1
    while seen != len(here.serving.log.all()):
        seen = len(here.serving.log.all())
        time.sleep(0.1)


def _is_killed(here: Walked, child: int, requests: int, seconds: float) -> bool:
    """Kill a process some time after its requests; false when it ended before. One that hangs says where."""
    until = len(here.serving.log.all()) + requests
    moment = time.monotonic() + SILENCE
    seen = 0
    while (now := len(here.serving.log.all())) < until:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            seconds = 0
            break
        if now > seen:
            seen, moment = now, time.monotonic() + SILENCE
        if time.monotonic() > moment:
            os.kill(child, signal.SIGUSR1)
            pytest.fail(f"a walk made no request for {SILENCE:.0f} seconds: see its traceback")
        time.sleep(0.005)
    time.sleep(seconds)
    os.killpg(child, signal.SIGKILL) if os.getpgid(child) == child else os.kill(child, signal.SIGKILL)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert ended in {0, -signal.SIGKILL}
    _quiet(here)
    return ended != 0


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
        with walked(seeded_world, tmp_path / str(world)) as here, quickly(here):
            while _is_killed(
                here, _forked(here), chance.randint(0, int(requests * PART)), chance.uniform(0, MORE_SECONDS)
            ):
                kills += 1
                assert kills < MOST_KILLS
            assert _left(here) == left, f"world {world}, after {kills} kills"
            assert [
                ref
                for name in here.repositories.iterdir()
                for ref in here.git(name.stem, "for-each-ref", "refs/interlock").split()
            ] == []
