"""What does isolation cost a cell?

Runs distinct cells of the real family with and without the sandbox in turn, environments warm, and prints the medians'
difference in seconds and the median of the ratios.

    python benchmarks/isolation.py --cells 6 --rounds 3
"""

import argparse
import asyncio
import os
import statistics
import time

from interlock.adapters.connections import open_connections
from interlock.cells.runner import run_cell
from interlock.common.sandbox import ISOLATION, isolation
from interlock.matrix.request import MatrixRequest
from interlock.matrix.run import plan_matrix
from interlock.model.family_file import load

KINDS = ("bubblewrap", "none")


async def _measure(cells: int, rounds: int) -> None:
    request = MatrixRequest(
        upstream="market-data-core",
        downstream=("market-data-pipeline",),
        upstream_versions="latest:4",
        downstream_versions="latest:4",
    )
    async with open_connections(load()) as connections:
        planned = await plan_matrix(connections, request)
        distinct = {cell.recipe.fingerprint: cell.recipe for cell in planned.plan.cells if cell.recipe}
        recipes = list(distinct.values())[:cells]
        taken: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for number in range(rounds + 1):
            for recipe in recipes:
                for kind in KINDS if number % 2 else reversed(KINDS):
                    os.environ[ISOLATION] = kind
                    isolation.cache_clear()
                    assert isolation().kind == kind, isolation().reason
                    began = time.perf_counter()
                    await run_cell(recipe, connections.uv)
                    if number:  # the first round warms up
                        taken[kind].append(time.perf_counter() - began)
    ratios = [one / other for one, other in zip(taken[KINDS[0]], taken[KINDS[1]], strict=True)]
    more = statistics.median(taken[KINDS[0]]) - statistics.median(taken[KINDS[1]])
    print(f"{len(recipes)} cells, {rounds} rounds: {more:+.3f} s a cell; ratio {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    asyncio.run(_measure(given.cells, given.rounds))
