"""Cells that are asked for one by one are run in chunks, and each gets its own answer."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from interlock.cells.recipe import Recipe
from interlock.errors import IndexUnavailableError
from interlock.matrix.chunks import Chunks
from interlock.model.verdicts import Run
from tests.support.matrix_values import a_recipe, a_run


def recipes(count: int) -> list[Recipe]:
    return [a_recipe(f"f{number}", f"cell {number}") for number in range(count)]


class Cluster:
    """Runs chunks, and remembers how many cells each had."""

    def __init__(self, work: Callable[[int], Awaitable[None]] | None = None) -> None:
        self.sizes: list[int] = []
        self.ended = 0
        self._work = work

    async def __call__(self, chunk: tuple[Recipe, ...]) -> tuple[tuple[Run, ...], ...]:
        self.sizes.append(len(chunk))
        if self._work:
            await self._work(len(self.sizes))
        self.ended += 1
        return tuple((a_run(fingerprint=recipe.fingerprint),) for recipe in chunk)


async def asked(cluster: Cluster, count: int, takers: int = 2, most: int = 8) -> list[str]:
    async with Chunks(cluster, takers=takers, most=most, moment=0) as chunks:
        answers = await asyncio.gather(*(chunks(recipe) for recipe in recipes(count)))
    return [run.fingerprint for (run,) in answers]


@pytest.mark.parametrize(
    ("count", "takers", "sizes"),
    [(1, 2, [1]), (4, 2, [2, 2]), (5, 2, [3, 2]), (16, 2, [8, 8]), (17, 2, [8, 8, 1]), (3, 8, [1, 1, 1])],
)
def test_what_is_asked_for_at_once_is_divided_among_the_takers(count: int, takers: int, sizes: list[int]) -> None:
    cluster = Cluster()
    found = asyncio.run(asked(cluster, count, takers))
    assert cluster.sizes == sizes
    assert found == [recipe.fingerprint for recipe in recipes(count)]


def test_what_a_chunk_ends_with_reaches_everybody_in_it_and_nobody_else() -> None:
    async def work(number: int) -> None:
        if number == 1:
            raise IndexUnavailableError("no index")

    async def all_of_them() -> list[object]:
        async with Chunks(Cluster(work), takers=2, most=2, moment=0) as chunks:
            return list(await asyncio.gather(*(chunks(each) for each in recipes(4)), return_exceptions=True))

    found = asyncio.run(all_of_them())
    assert [type(each) for each in found] == [IndexUnavailableError, IndexUnavailableError, tuple, tuple]


def test_who_is_asked_later_goes_with_the_next_chunk() -> None:
    async def twice(cluster: Cluster) -> None:
        async with Chunks(cluster, takers=1, most=8, moment=0) as chunks:
            for recipe in recipes(2):
                await chunks(recipe)

    cluster = Cluster()
    asyncio.run(twice(cluster))
    assert cluster.sizes == [1, 1]


def test_at_the_end_nothing_runs_any_more() -> None:
    async def interrupted() -> Cluster:
        begun = asyncio.Event()

        async def forever(_number: int) -> None:
            begun.set()
            await asyncio.Event().wait()

        cluster = Cluster(forever)
        async with Chunks(cluster, takers=1, most=8, moment=0) as chunks:
            asking = asyncio.ensure_future(chunks(recipes(1)[0]))
            await begun.wait()
            asking.cancel()
        return cluster

    cluster = asyncio.run(interrupted())
    assert (cluster.sizes, cluster.ended) == ([1], 0)
