"""Are the verdicts of a matrix the same by hand?

For a random sample of a report's cells, balanced by verdict: a fresh `uv venv`, `uv pip install` of both packages and
the suite's requirements with the upstream forced, and then plain `pytest` in the unpacked sdist (or one
`python -c "import x"` for each module). Interlock's planning, sharing, environments and runner are not used; only the
index is read with its client.

    python benchmarks/plain_verdicts.py report.json --sample 12 --seed 1
"""

import argparse
import asyncio
import random
import re
import subprocess
import tarfile
import tempfile
from collections import defaultdict
from pathlib import Path

from packaging.version import Version
from uv import find_uv_bin

from interlock.adapters.connections import open_connections
from interlock.adapters.distributions import modules_importing, read_wheel
from interlock.adapters.index.client import PackageIndex
from interlock.matrix.report import Cell, MatrixReport, Sheet
from interlock.model.family import Edge, Family
from interlock.model.family_file import load
from interlock.model.suites import Suite
from interlock.model.verdicts import Verdict

UV = find_uv_bin()
RED_LINE = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
# A sheet, the upstream's version, the downstream's version, and their cell.
Picked = tuple[Sheet, str, str, Cell]
UNCOMPARED = {Verdict.FLAKY, Verdict.TIMED_OUT, Verdict.UNTESTED}


def main() -> None:
    """Compare a sample, cell by cell; the exit code is the number of differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("--sample", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--family", type=Path)
    arguments = parser.parse_args()
    report = MatrixReport.model_validate_json(arguments.report.read_bytes())
    cells = _sample(_cells(report), arguments.sample, arguments.seed)
    raise SystemExit(asyncio.run(_compare(report, load(arguments.family), cells)))


def _cells(report: MatrixReport) -> list[Picked]:
    return [
        (sheet, upstream, row.version, cell)
        for sheet in report.sheets
        for row, cells in zip(sheet.rows, sheet.cells, strict=True)
        for upstream, cell in zip(sheet.upstream_versions, cells, strict=True)
        if cell.verdict not in UNCOMPARED
    ]


def _sample(cells: list[Picked], number: int, seed: int) -> list[Picked]:
    """Cells in random order, from each verdict in turn: red ones are few, but most worth comparing."""
    random.Random(seed).shuffle(cells)  # noqa: S311  a sample, not a secret
    turns: dict[Verdict, int] = defaultdict(int)
    ranked = []
    for cell in cells:
        ranked.append((turns[cell[3].verdict], cell))
        turns[cell[3].verdict] += 1
    return [cell for _turn, cell in sorted(ranked, key=lambda each: each[0])[:number]]


async def _compare(report: MatrixReport, family: Family, cells: list[Picked]) -> int:
    differences = 0
    async with open_connections(family) as connections:
        for sheet, upstream, downstream, cell in cells:
            plain = await _plain(family, connections.index, sheet, upstream, downstream)
            ours = _ours(report, cell)
            same = ours == plain
            differences += not same
            names = f"{sheet.upstream} {upstream} × {sheet.downstream} {downstream}"
            print(f"same      {names}: {ours}" if same else f"DIFFERENT {names}: {ours}; by hand: {plain}", flush=True)
    print(f"{len(cells)} cells, {differences} differences")
    return differences


def _ours(report: MatrixReport, cell: Cell) -> str:
    if cell.verdict is Verdict.UNRESOLVABLE:
        return "unresolvable"
    run = report.runs[cell.run or ""]
    return _words({test.id for test in run.red_tests})


def _words(red: set[str]) -> str:
    return f"red: {', '.join(sorted(red))}" if red else "green"


async def _plain(family: Family, index: PackageIndex, sheet: Sheet, upstream: str, downstream: str) -> str:
    edge = Edge(upstream=sheet.upstream, downstream=sheet.downstream)
    suite = next(suite for suite in family.suites_of(edge) if suite.name == sheet.suite)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = folder / "venv" / "bin" / "python"
        _run([UV, "venv", "--quiet", "--python", sheet.python, str(folder / "venv")])
        (folder / "overrides.txt").write_text(f"{sheet.upstream}=={upstream}\n")
        wanted = [f"{sheet.upstream}=={upstream}", f"{sheet.downstream}=={downstream}", *suite.requirements]
        options = ["--quiet", "--python", str(python), "--overrides", str(folder / "overrides.txt")]
        if _run([UV, "pip", "install", *options, *wanted]).returncode:
            return "unresolvable"
        release = (await index.releases(sheet.downstream))[Version(downstream)]
        if suite.imports is not None:
            wheel = await index.download(release.wheels[0])
            core = (await index.releases(sheet.upstream))[Version(upstream)]
            names = read_wheel(await index.download(core.wheels[0])).modules
            return _imports(python, suite, modules_importing(wheel, names))
        assert release.sdist is not None
        return _pytest(python, suite, _unpack(await index.download(release.sdist), folder))


def _imports(python: Path, suite: Suite, modules: tuple[str, ...]) -> str:
    wanted = (suite.imports and suite.imports.modules) or modules
    return _words({module for module in wanted if _run([str(python), "-c", f"import {module}"]).returncode})


def _unpack(sdist: Path, folder: Path) -> Path:
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "sdist", filter="data")
    return next((folder / "sdist").iterdir())


def _pytest(python: Path, suite: Suite, root: Path) -> str:
    command = [str(python), "-m", "pytest", "-rfE", "-p", "no:cacheprovider", *suite.pytest_args, suite.sdist or ""]
    done = _run(command, cwd=root)
    return _words(set(RED_LINE.findall(done.stdout)))


def _run(command: list[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True, timeout=600)


if __name__ == "__main__":
    main()
