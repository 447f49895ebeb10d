"""A release that is killed, at whatever moment, is finished by running it again: and nothing is done twice."""

import asyncio
import os
import random
import signal
import time

import pytest

from interlock.lifecycle import Step
from interlock.releases.progress import StepEvent
from tests.releases.rehearsed import Rehearsed

DONE = sorted(
    [
        "create release v1.2.11 as a draft",
        "publish release v1.2.11",
        "push refs/heads/main refs/tags/v1.2.11",
        *("upload asset market_data_core-1.2.11-py3-none-any.whl", "upload asset market_data_core-1.2.11.tar.gz"),
        *("upload market_data_core-1.2.11-py3-none-any.whl", "upload market_data_core-1.2.11.tar.gz"),
        "dispatch core_release mjdevaccount/market-data-ibkr",
        "dispatch core_release mjdevaccount/market-data-store",
        "dispatch core_release mjdevaccount/market_data_orchestrator",
        "dispatch core_release mjdevaccount/market_data_pipeline",
    ]
)
TRACES = {Step.COMMIT_AND_TAG, Step.PUSH, Step.PUBLISH, Step.GITHUB_RELEASE, Step.DISPATCH}
MOMENTS = 24
GATE = 1


def _killed_after(here: Rehearsed, last: Step) -> int:
    """Release in another process that kills itself when a step has ended; how it ended."""

    async def die(step: Step, event: StepEvent) -> None:
        if (step, event) == (last, StepEvent.ENDS):
            os.kill(os.getpid(), signal.SIGKILL)

    return os.waitstatus_to_exitcode(os.waitpid(_forked(here, die), 0)[1])


def _forked(here: Rehearsed, watch: object = None) -> int:
    """A process that releases, and ends without a word; forked, since starting Python costs more than a release."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.setsid()
        asyncio.run(here.release_async(watch=watch))  # type: ignore[arg-type]
        code = 0
    finally:
        os._exit(code)


def _assert_done_once(here: Rehearsed) -> None:
    """Everything is there once, whoever did it: in the world, by its own log."""
    writes = sorted(write for write in here.writes() if not write.startswith("kept "))
    assert writes == DONE
    assert here.git("market-data-core", "tag", "--list", "v1.2.11*").split() == ["v1.2.11"]
    assert here.git("market-data-core", "for-each-ref", "refs/interlock") == ""


# The gate takes those that change the world, `make test-long` all.
STEPS = [
    step if step in TRACES else pytest.param(step, marks=pytest.mark.long, id=step.value) for step in list(Step)[:-1]
]


@pytest.mark.parametrize("last", STEPS)
def test_killed_after_a_step_it_is_finished_by_running_it_again(here: Rehearsed, last: Step) -> None:
    assert _killed_after(here, last) == -signal.SIGKILL

    release = here.release(version="1.2.11")

    assert release.is_finished
    assert all(record.receipt and record.receipt.is_good for record in release.dispatches)
    assert len(release.dispatches) == 4
    _assert_done_once(here)


# The gate takes some of them, `make test-long` all.
NUMBERS = [pytest.param(number, marks=pytest.mark.long) if number >= GATE else number for number in range(MOMENTS)]


@pytest.mark.parametrize("number", NUMBERS)
def test_killed_at_any_moment_it_is_finished_by_running_it_again(here: Rehearsed, number: int) -> None:
    chance = random.Random(number)
    for _ in range(chance.randint(1, 3)):
        child = _forked(here)
        time.sleep(chance.uniform(0.0, 3.0))
        os.killpg(child, signal.SIGKILL) if os.getpgid(child) == child else os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    release = here.release(version="1.2.11")

    assert release.is_finished
    _assert_done_once(here)
