"""A release that is killed, at whatever moment, is finished by running it again: and nothing is done twice."""

import asyncio
import os
import random
import select
import signal

import pytest

from interlock.model.release import Step
from interlock.releases.step_timer import StepEvent
from tests.support.forks import forked, is_killed
from tests.support.rehearsed_release import RehearsedRelease

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
TRACES = {Step.PUSH, Step.PUBLISH, Step.DISPATCH, Step.SUMMARY}
MOMENTS = 24
# About as many as a whole release makes: it is killed by what it has done, not by the clock of a fast or slow machine.
REQUESTS, MORE_SECONDS = 60, 0.1
GATE = 1


def _killed_after(here: RehearsedRelease, last: Step) -> int:
    """Release in another process that kills itself when a step has ended; how it ended."""

    async def die(step: Step, event: StepEvent) -> None:
        if (step, event) == (last, StepEvent.ENDS):
            os.kill(os.getpid(), signal.SIGKILL)

    child = forked(lambda: here.release_async(watch=die))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _assert_done_once(here: RehearsedRelease) -> None:
    """Everything is there once, whoever did it: in the world, by its own log."""
    writes = sorted(write for write in here.writes() if not write.startswith("kept "))
    assert writes == DONE
    assert here.git("market-data-core", "tag", "--list", "v1.2.11*").split() == ["v1.2.11"]
    assert here.git("market-data-core", "for-each-ref", "refs/interlock") == ""


# The gate takes those that change what can't be undone, `make test-long` all.
STEPS = [
    step if step in TRACES else pytest.param(step, marks=pytest.mark.long, id=step.value)
    for step in Step
    if step is not Step.DEVELOPMENT  # its own tests kill it: test_schemes.py
]


@pytest.mark.parametrize("last", STEPS)
def test_killed_after_a_step_it_is_finished_by_running_it_again(here: RehearsedRelease, last: Step) -> None:
    """The same command, which names no version; and once more after its success."""
    assert _killed_after(here, last) == -signal.SIGKILL

    release = here.release()

    assert release.is_finished
    assert release.nothing_new is (last is Step.SUMMARY)
    assert here.release().nothing_new
    assert all(record.receipt and record.receipt.is_good for record in release.dispatches)
    assert len(release.dispatches) == 4
    _assert_done_once(here)


# The gate takes some of them, `make test-long` all.
NUMBERS = [pytest.param(number, marks=pytest.mark.long) if number >= GATE else number for number in range(MOMENTS)]


@pytest.mark.parametrize("number", NUMBERS)
def test_killed_at_any_moment_it_is_finished_by_running_it_again(here: RehearsedRelease, number: int) -> None:
    chance = random.Random(number)
    for _ in range(chance.randint(1, 3)):
        child = forked(lambda: here.release_async(version="1.2.11"))
        is_killed(
            child, here.serving.log, requests=chance.randint(0, REQUESTS), seconds=chance.uniform(0, MORE_SECONDS)
        )

    release = here.release(version="1.2.11")

    assert release.is_finished
    _assert_done_once(here)


def test_a_fork_keeps_no_server_waiting_for_the_end_of_a_pipe() -> None:
    """As when it begins while a server's thread starts Git."""
    reading, writing = os.pipe()
    child = forked(lambda: asyncio.sleep(600))
    try:
        os.close(writing)
        assert select.select([reading], [], [], 60)[0]
        assert os.read(reading, 1) == b""
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
