"""Are Interlock's verdicts true for families of real packages that nobody of the project uses?

`families/list.toml` names families from public bug reports, and what the reports say of each pair. For each of them
this prints three answers: what was expected, what Interlock says, and what comes of a fresh `uv venv`, `uv pip install`
and `pytest` (or one `python -c "import x"` for each module of the downstream). By hand, a pair *works* when nothing is
red but what is red with every version of the upstream; it *breaks* when more is red; a row whose reds are always the
same is its *own*. The exit code is the number of rows in which the answers differ.

    python benchmarks/family_verdicts.py            # all families, by Interlock and by hand
    python benchmarks/family_verdicts.py docker --no-hand
"""

import argparse
import asyncio
import json
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from uv import find_uv_bin

from interlock.adapters.connections import open_connections
from interlock.matrix.report import Cell, MatrixReport
from interlock.matrix.request import MatrixRequest
from interlock.matrix.run import make_matrix
from interlock.model.family_file import load
from interlock.model.verdicts import Verdict

HERE = Path(__file__).parent / "families"
PYTHON = "3.11"
# Every module of a distribution's files, each imported in a Python of its own; the names of the red ones are printed.
IMPORT_ALL = """
import importlib.metadata, subprocess, sys
for file in importlib.metadata.files(sys.argv[1]):
    parts = file.with_suffix("").parts
    if file.suffix == ".py" and all(part.isidentifier() for part in parts):
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        done = subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True)
        if done.returncode and parts[-1] != "__main__":
            print(name)
"""
RECORD = """
import json, sys
class Plugin:
    red = set()
    def pytest_runtest_logreport(self, report):
        if report.failed: self.red.add(report.nodeid)
    def pytest_collectreport(self, report):
        if report.failed: self.red.add(report.nodeid)
import pytest
plugin = Plugin()
code = pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[2:]], plugins=[plugin])
json.dump(sorted(plugin.red) or ([] if code == 0 else ["(the suite)"]), open(sys.argv[1], "w"))
"""


@dataclass(frozen=True)
class Case:
    """One family of the list."""

    name: str
    upstream: str
    downstream: str
    upstream_versions: tuple[str, ...]
    suite: Mapping[str, Any]
    expected: Mapping[str, Sequence[str]]

    @classmethod
    def read(cls, name: str, table: Mapping[str, Any]) -> "Case":
        """A case from its table."""
        suite = dict(table["suite"])
        if "path" in suite:
            suite["path"] = str(HERE / suite["path"])
        return cls(
            name=name,
            upstream=table["upstream"],
            downstream=table.get("downstream", name),
            upstream_versions=tuple(table["upstream_versions"].split(", ")),
            suite=suite,
            expected=table["expected"],
        )

    def family_file(self) -> str:
        """Its family file."""
        downstream = {"upstreams": [self.upstream], "suites": [{"name": "suite", **self.suite}]}
        family = {"name": self.name, "python": [PYTHON]}
        return tomlkit.dumps({"family": family, "packages": {self.upstream: {}, self.downstream: downstream}})


def main() -> None:
    """Compare, family by family."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="families of the list; default: all")
    parser.add_argument("--no-hand", action="store_true", help="compare with the expected words alone")
    arguments = parser.parse_args()
    tables = tomllib.loads((HERE / "list.toml").read_text(encoding="utf-8"))
    cases = [Case.read(name, tables[name]) for name in arguments.names or tables]
    rows = cells = different = 0
    for case in cases:
        ours = asyncio.run(_by_interlock(case))
        for version, expected in case.expected.items():
            answers = {"expected": list(expected), "Interlock": ours[version]}
            if not arguments.no_hand:
                answers["by hand"] = _by_hand(case, version)
            same = len({tuple(words) for words in answers.values()}) == 1
            rows, cells, different = rows + 1, cells + len(expected), different + (not same)
            pair = f"{case.downstream} {version} × {case.upstream} {', '.join(case.upstream_versions)}"
            print("same     " if same else "DIFFERENT", pair, answers["Interlock"] if same else answers, flush=True)
    print(f"{len(cases)} families, {rows} rows, {cells} cells: {different} rows differ")
    raise SystemExit(different)


async def _by_interlock(case: Case) -> dict[str, list[str]]:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "family.toml"
        file.write_text(case.family_file(), encoding="utf-8")
        request = MatrixRequest(
            upstream_versions=", ".join(case.upstream_versions), downstream_versions=", ".join(case.expected)
        )
        async with open_connections(load(file)) as connections:
            return _words(await make_matrix(connections, request, record=False))


def _words(report: MatrixReport) -> dict[str, list[str]]:
    (sheet,) = report.sheets
    return {row.version: [_word(cell) for cell in cells] for row, cells in zip(sheet.rows, sheet.cells, strict=True)}


def _word(cell: Cell) -> str:
    if cell.own_fault or cell.verdict is Verdict.BROKEN_BEFORE:
        return "own"
    broken = {Verdict.INCOMPATIBLE, Verdict.UNRESOLVABLE}
    return "works" if cell.verdict is Verdict.COMPATIBLE else "breaks" if cell.verdict in broken else cell.verdict.value


def _by_hand(case: Case, version: str) -> list[str]:
    red = [_red(case, upstream, version) for upstream in case.upstream_versions]
    always = frozenset.intersection(*red)
    if all(each == always for each in red):
        return ["own" if always else "works"] * len(red)
    return ["breaks" if each - always else "works" for each in red]


def _red(case: Case, upstream: str, downstream: str) -> frozenset[str]:
    """What is red with one pair, each installed with its version whatever the other declares."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python, out = folder / "venv" / "bin" / "python", folder / "red.json"
        pair = [f"{case.upstream}=={upstream}", f"{case.downstream}=={downstream}"]
        (folder / "overrides.txt").write_text("\n".join(pair), encoding="utf-8")
        _run([find_uv_bin(), "venv", "--quiet", "--python", PYTHON, folder / "venv"])
        install: list[str | Path] = [find_uv_bin(), "pip", "install", "--quiet", "--python", python, *pair]
        install += case.suite.get("requirements", ())
        # An override would drop the extras of a requirement, so it is for pairs that the downstream does not admit.
        if _run(install) and (reason := _run([*install, "--overrides", folder / "overrides.txt"])):
            return frozenset({f"(not installed: {reason})"})
        if case.suite.get("imports"):
            return frozenset(_run([python, "-c", IMPORT_ALL, case.downstream]).split())
        tests = ["--pyargs", case.suite["package"]] if "package" in case.suite else ["suite"]
        if "path" in case.suite:  # a copy, so that pytest finds no settings of this project
            shutil.copytree(case.suite["path"], folder / "suite")
        _run([python, "-c", RECORD, out, *tests], folder)
        return frozenset(json.loads(out.read_text()) if out.exists() else ["(the suite)"])


def _run(command: Sequence[str | Path], folder: Path | None = None) -> str:
    """Run a program; its output if it failed or wrote any."""
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=900)
    return done.stdout or (done.stderr if done.returncode else "")


if __name__ == "__main__":
    main()
