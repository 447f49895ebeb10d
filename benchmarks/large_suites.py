"""What does a cell add to the time of plain pytest?

Runs a suite of N small tests with plain pytest and as a matrix of one cell, its record and its report included, in turn
and with warm environments. Prints the medians' ratio for two sizes: it may not grow with the number of tests.

    python benchmarks/large_suites.py --tests 5000 20000
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

from interlock.adapters.connections import Connections, open_connections
from interlock.cells.recipe import Recipe
from interlock.common import process
from interlock.common.clock import now
from interlock.matrix.request import MatrixRequest
from interlock.matrix.run import PlannedMatrix, plan_matrix, run_planned
from interlock.model.family_file import load
from interlock.model.verdicts import Verdict
from interlock.reports.json_report import write_json

FAMILY = """
[family]
name = "large-suites"
python = ["{python}"]
[packages.iniconfig]
[packages.pytest]
upstreams = ["iniconfig"]
[[packages.pytest.suites]]
name = "large"
path = "suite"
timeout = 3600
"""
TESTS = """
import iniconfig, pytest

@pytest.mark.parametrize("number", range({}))
def test_number(number):
    assert number >= 0
"""


async def _measure(tests: int, rounds: int, python: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["INTERLOCK_HOME"] = folder
        Path(folder, "suite").mkdir()
        Path(folder, "suite/test_large.py").write_text(TESTS.format(tests))
        Path(folder, "family.toml").write_text(FAMILY.format(python=python))
        async with open_connections(load(Path(folder, "family.toml"))) as connections:
            matrix = await plan_matrix(
                connections, MatrixRequest(fresh=True, upstream_versions="latest:1", downstream_versions="latest:1")
            )
            (recipe,) = [cell.recipe for cell in matrix.plan.cells if cell.recipe]
            plain = await _environment(recipe, connections, Path(folder, "plain"))
            times: list[tuple[float, float]] = []
            for number in range(rounds + 1):
                once = (await _plain(plain, Path(folder)), await _cell(connections, matrix, Path(folder)))
                times += [once] if number else []  # the first round warms up
    ratio = statistics.median(cell / pytest for pytest, cell in times)
    more = statistics.median(cell - pytest for pytest, cell in times)
    print(f"{tests} tests: {ratio:.2f} times plain pytest, {more:+.1f} s")


async def _environment(recipe: Recipe, connections: Connections, folder: Path) -> Path:
    wheels = [wheel.path for wheel in recipe.wheels]
    return await connections.uv.fresh(folder, recipe.lock, wheels, recipe.interpreter)


async def _plain(python: Path, folder: Path) -> float:
    arguments: list[str | Path] = [python, "-m", "pytest", "-p", "no:cacheprovider", folder / "suite"]
    done = await process.run(arguments, env=process.tool_environment(), cwd=folder, merge=True)
    assert done.returncode == 0, done.output
    return done.seconds


async def _cell(connections: Connections, matrix: PlannedMatrix, folder: Path) -> float:
    began = time.perf_counter()
    report = await run_planned(connections, matrix, started_at=now())
    write_json(report, folder / "report.json")
    assert report.totals.verdicts == {Verdict.COMPATIBLE: 1}, report.totals
    return time.perf_counter() - began


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", type=int, nargs="+", default=[5000, 20000])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--python", default="3.11")
    given = parser.parse_args()
    for size in given.tests:
        asyncio.run(_measure(size, given.rounds, given.python))
