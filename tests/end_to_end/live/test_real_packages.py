"""The claims that are made of real packages, tried on the real index."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from interlock.matrix.report import MatrixReport, Sheet
from interlock.model.verdicts import Verdict
from tests.support.paths import ROOT

pytestmark = pytest.mark.live
INTERLOCK = Path(sys.executable).with_name("interlock")
# The tests' own setting says that there is no index.
SETTING = "UV_DEFAULT_INDEX"
ENVIRON = {name: value for name, value in os.environ.items() if name == SETTING}
EXAMPLE = ROOT / "examples" / "prefect.toml"


def _matrix(folder: Path, *options: str) -> tuple[int, Sheet, MatrixReport]:
    file = folder / "report.json"
    command: list[str | Path] = [INTERLOCK, "matrix", "--json", file, "--html", folder / "report.html", *options]
    env = {**{name: value for name, value in os.environ.items() if name != SETTING}, **ENVIRON}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=900, env=env)
    assert file.exists(), done.stderr
    report = MatrixReport.model_validate(json.loads(file.read_text()))
    return done.returncode, report.sheets[0], report


def test_the_newest_core_and_pipeline_fit_together(tmp_path: Path) -> None:
    options = ("--upstream", "market-data-core", "--downstream", "market-data-pipeline")
    code, sheet, report = _matrix(
        tmp_path, *options, "--upstream-versions", "latest:3", "--downstream-versions", "latest:3"
    )
    assert code == 0
    assert {cell.verdict for row in sheet.cells for cell in row} == {Verdict.COMPATIBLE}
    assert report.totals.run + report.totals.known < report.totals.cells or report.totals.known == 9


def test_a_fault_of_the_first_pipelines_is_told_from_what_core_broke(tmp_path: Path) -> None:
    options = ("--upstream", "market-data-core", "--downstream", "market-data-pipeline")
    code, sheet, report = _matrix(
        tmp_path, *options, "--upstream-versions", "1.2.9, 1.4.61", "--downstream-versions", "0.8.3, 0.8.4"
    )
    broken, mended = sheet.cells
    assert code == 0
    assert {cell.verdict for cell in broken} == {Verdict.BROKEN_BEFORE}
    assert {cell.verdict for cell in mended} == {Verdict.COMPATIBLE}
    (red,) = report.runs[broken[0].run or ""].red_tests
    assert red.id.endswith("::test_pulse_consumer_registry_integration")
    assert red.error is not None
    assert red.error.startswith("NameError")


def test_the_version_of_fastapi_that_breaks_prefect_is_found_inside_its_declared_range(tmp_path: Path) -> None:
    versions = ("--upstream-versions", "0.142.0, 0.150.0, 0.163.2", "--downstream-versions", "3.8.8")
    code, sheet, _report = _matrix(tmp_path, "--family", str(EXAMPLE), *versions)
    assert code == 1
    assert sheet.cells[0][0].verdict is Verdict.COMPATIBLE
    assert sheet.cells[0][-1].verdict is Verdict.INCOMPATIBLE
    assert sheet.rows[0].falsely_allowed


def _family(folder: Path, upstream: str, downstream: str, suite: str) -> str:
    path = folder / "family.toml"
    path.write_text(
        f'[family]\nname = "two"\npython = ["3.11"]\n[packages.{upstream}]\n[packages.{downstream}]\n'
        f'upstreams = ["{upstream}"]\n[[packages.{downstream}.suites]]\nname = "suite"\n{suite}\n'
    )
    return str(path)


def test_a_table_that_lies_behind_the_break_of_marshmallow_blames_no_environs(tmp_path: Path) -> None:
    family = _family(tmp_path, "marshmallow", "environs", "imports = true")
    versions = ("--upstream-versions", ">=4.0,<4.0.2", "--downstream-versions", "9.5.0, 12.0.0")
    code, sheet, _report = _matrix(tmp_path, "--family", family, *versions)
    assert code == 1
    assert [[cell.verdict for cell in row] for row in sheet.cells] == [
        [Verdict.INCOMPATIBLE] * 2,
        [Verdict.COMPATIBLE] * 2,
    ]
    (step,) = sheet.regressions
    assert (step.good, step.bad) == ("3.14.1", "4.0.0")


def test_an_old_flask_is_outdated_where_it_loads_and_broken_where_werkzeug_broke_it(tmp_path: Path) -> None:
    family = _family(tmp_path, "werkzeug", "flask", 'sdist = "tests"\nrequirements = ["pytest"]')
    versions = ("--upstream-versions", "2.3.8, 3.0.0", "--downstream-versions", "2.2.2")
    code, sheet, report = _matrix(tmp_path, "--family", family, *versions)
    assert code == 1
    (own, broken), (row,) = sheet.cells[0], sheet.rows
    assert own.own_fault
    assert (broken.verdict, broken.regressed) == (Verdict.INCOMPATIBLE, ("(the suite)",))
    assert [(step.test, step.good, step.bad) for step in sheet.regressions] == [("(the suite)", "2.3.8", "3.0.0")]
    (dated,) = (report.runs[control.run] for control in row.controls if control.as_of)
    assert len(dated.red_tests) < len(own.own) / 100
