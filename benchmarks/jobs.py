"""What number of cells side by side is best on this machine?

Runs the same distinct cells of the real family repeatedly with different numbers of jobs, environments warm, and
prints each wall time as a ratio to that of one job at a time.

    python benchmarks/jobs.py --cells 8
"""

import argparse
import asyncio
import os
import time

from interlock.adapters.connections import open_connections
from interlock.adapters.uv import Uv
from interlock.cells.recipe import Recipe
from interlock.cells.runner import run_cell
from interlock.matrix.request import MatrixRequest
from interlock.matrix.run import plan_matrix
from interlock.model.family_file import load

TRIED = (1, 2, 3, 4, 6, 8)


async def _measure(cells: int) -> None:
    request = MatrixRequest(
        upstream="market-data-core",
        downstream=("market-data-pipeline",),
        upstream_versions="all",
        downstream_versions=">=0.8.4",
    )
    async with open_connections(load()) as connections:
        planned = await plan_matrix(connections, request)
        distinct = {cell.recipe.fingerprint: cell.recipe for cell in planned.plan.cells if cell.recipe}
        recipes = list(distinct.values())[:cells]
        await _timed(recipes, connections.uv, 2)
        alone = await _timed(recipes, connections.uv, 1)
        print(f"{len(recipes)} cells on {os.cpu_count()} cores; wall time as a ratio to one job at a time")
        for jobs in TRIED:
            print(f"  --jobs {jobs}: {await _timed(recipes, connections.uv, jobs) / alone:.2f}")


async def _timed(recipes: list[Recipe], uv: Uv, jobs: int) -> float:
    allowed = asyncio.Semaphore(jobs)

    async def run(recipe: Recipe) -> None:
        async with allowed:
            await run_cell(recipe, uv)

    began = time.perf_counter()
    await asyncio.gather(*map(run, recipes))
    return time.perf_counter() - began


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=8)
    asyncio.run(_measure(parser.parse_args().cells))
