import asyncio

import pytest

from interlock.common.single_flight import SingleFlight


class Work:
    """Work that counts how often it was begun, and that goes on when it is let."""

    def __init__(self) -> None:
        self.begun = 0
        self.go = asyncio.Event()

    async def do(self) -> int:
        self.begun += 1
        await self.go.wait()
        return self.begun


def test_what_many_ask_for_is_done_once() -> None:
    async def ask() -> None:
        once: SingleFlight[str, int] = SingleFlight()
        work = Work()
        asked = [asyncio.create_task(once.get("key", work.do)) for _ in range(5)]
        await asyncio.sleep(0)
        work.go.set()
        assert await asyncio.gather(*asked) == [1] * 5
        assert await once.get("key", work.do) == 1
        assert await once.get("another key", work.do) == 2

    asyncio.run(ask())


def test_what_failed_is_begun_anew() -> None:
    async def fails() -> int:
        raise ValueError("no")

    async def works() -> int:
        return 7

    async def ask() -> int:
        once: SingleFlight[str, int] = SingleFlight()
        for _ in range(2):
            with pytest.raises(ValueError, match="no"):
                await once.get("key", fails)
        return await once.get("key", works)

    assert asyncio.run(ask()) == 7


def test_one_who_gives_up_does_not_take_the_result_from_the_others() -> None:
    async def ask() -> int:
        once: SingleFlight[str, int] = SingleFlight()
        work = Work()
        first = asyncio.create_task(once.get("key", work.do))
        other = asyncio.create_task(once.get("key", work.do))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        work.go.set()
        return await other

    assert asyncio.run(ask()) == 1
