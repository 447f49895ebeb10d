"""Looking again until something is there, and beginning again what another try may cure."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import pytest

from interlock.common import retry
from interlock.common.retry import is_transient, patiently, until
from interlock.errors import PublishError

TRANSIENT, FINAL = PublishError("busy", transient=True), PublishError("never")


class Looks:
    """Gives what it was told, one by one, the last for ever; errors are raised."""

    def __init__(self, *shown: object) -> None:
        self.left, self.count = list(shown), 0

    async def __call__(self) -> object:
        self.count += 1
        found = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if isinstance(found, BaseException):
            raise found
        return found


def wait(looks: Looks, seconds: float = 60.0) -> object:
    return asyncio.run(until(looks, seconds=seconds, first=0.001, longest=0.002))


@pytest.mark.parametrize("before", [[], [None], [None, TRANSIENT, None], [TRANSIENT]])
def test_what_appears_is_given_as_soon_as_it_is_there(before: Iterable[object]) -> None:
    looks = Looks(*before, "there")
    assert wait(looks) == "there"
    assert looks.count == len(list(before)) + 1


@pytest.mark.parametrize("found", [False, 0, "", ()])
def test_only_none_is_nothing(found: object) -> None:
    looks = Looks(found)
    assert wait(looks) == found
    assert looks.count == 1


def test_it_looks_once_even_without_time() -> None:
    there, nothing = Looks("there"), Looks(None)
    assert wait(there, seconds=0) == "there"
    assert wait(nothing, seconds=0) is None
    assert (there.count, nothing.count) == (1, 1)


def test_when_time_is_up_there_is_nothing() -> None:
    looks = Looks(None)
    assert wait(looks, seconds=0.05) is None
    assert looks.count > 1


def test_when_time_is_up_the_last_trouble_is_told() -> None:
    with pytest.raises(PublishError, match="busy"):
        wait(Looks(TRANSIENT), seconds=0.05)


@pytest.mark.parametrize("error", [FINAL, ValueError("a defect"), KeyboardInterrupt()])
def test_what_no_waiting_cures_is_told_at_once(error: BaseException) -> None:
    looks = Looks(None, error)
    with pytest.raises(type(error)):
        wait(looks)
    assert looks.count == 2


def test_waiting_can_be_cancelled() -> None:
    async def give_up() -> None:
        await asyncio.wait_for(until(Looks(None), seconds=60, first=30), 0.01)

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())


def work(looks: Looks, tries: int = 5) -> object:
    return asyncio.run(patiently(looks, tries=tries, first=0.001))


def test_work_is_begun_again_while_that_may_help() -> None:
    looks = Looks(TRANSIENT, TRANSIENT, None)
    assert work(looks) is None
    assert looks.count == 3


def test_work_is_not_begun_more_often_than_was_said() -> None:
    looks = Looks(TRANSIENT)
    with pytest.raises(PublishError, match="busy"):
        work(looks, tries=3)
    assert looks.count == 3


@pytest.mark.parametrize("error", [FINAL, ValueError("a defect")])
def test_work_that_no_other_try_cures_is_begun_once(error: Exception) -> None:
    looks = Looks(error)
    with pytest.raises(type(error)):
        work(looks)
    assert looks.count == 1


def test_only_errors_that_say_so_may_be_cured_by_another_try() -> None:
    found: list[BaseException | None] = [None, FINAL, TRANSIENT, ValueError(), TimeoutError()]
    assert [is_transient(error) for error in found] == [False, False, True, False, False]


def test_a_test_can_replace_what_passes_every_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def pass_at_once(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(retry, "sleep", pass_at_once)
    assert asyncio.run(until(Looks(None, "there"), seconds=3600, first=1000, longest=2000)) == "there"
    assert asyncio.run(patiently(Looks(TRANSIENT, "done"), first=1000)) == "done"
    assert [1000 <= seconds <= 2000 for seconds in pauses] == [True, True]


def test_functions_are_awaited_whatever_they_are_made_of() -> None:
    """Tenacity looks at how a function is defined; a lambda that gives an awaitable must count as one too."""
    look: Callable[[], Awaitable[str]] = lambda: asyncio.sleep(0, "slept")  # noqa: E731
    assert asyncio.run(until(look, seconds=0)) == asyncio.run(patiently(look)) == "slept"
