import json
import os
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from deployments.cli.main import app
from interlock.errors import FamilyError
from interlock.model import family_file
from tests.support.paths import ROOT

CYCLE = ROOT / "tests/unit/model/families/cycle/family.toml"


def interlock(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from deployments.cli.main import main; main()", *arguments]
    environ = {**os.environ, **variables, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environ, timeout=60)


def test_show_names_every_member_once_in_dependency_order() -> None:
    shown = CliRunner().invoke(app, ["family", "show", "--family", str(ROOT / "family.toml")])
    assert shown.exit_code == 0
    heads = [line.split() for line in shown.output.splitlines() if line[:1].isdigit()]
    assert tuple(name for _, name, *_ in heads) == family_file.load(ROOT / "family.toml").order()


def test_show_tells_who_hears_of_what_and_how_each_reacts() -> None:
    shown = CliRunner().invoke(app, ["family", "show", "--family", str(ROOT / "family.toml")]).output
    assert "mjdevaccount/market_data_pipeline, branch base" in shown
    assert "downstream_release(origin, version) → market-data-orchestrator, market-data-infra" in shown
    assert "command: make rebuild-all" in shown
    assert "contracts: tests/contracts of the sdist" in shown


def test_show_keeps_brackets_and_tells_axes_and_narrowed_upstreams(tmp_path: Path) -> None:
    path = tmp_path / "family.toml"
    path.write_text(
        '[family]\nname = "tiny [red]"\n[packages.a]\n[packages.b]\nupstreams = ["a"]\n[packages.c]\n'
        'upstreams = ["a", "b"]\nsuites = [{ name = "x", upstreams = ["b"], path = "[t]", axes = { n = ["1", "2"] } },'
        ' { name = "y", git = { path = "tests" } }, { name = "z", imports = ["c.d"] }]\n'
    )
    shown = CliRunner().invoke(app, ["family", "show", "--family", str(path)]).output
    assert shown.startswith("tiny [red]  ")
    assert f"x: {tmp_path.resolve()}/[t], against b, along n (2)" in shown
    assert "y: tests in Git" in shown
    assert "z: c.d, imported" in shown


def test_check_says_what_was_verified() -> None:
    checked = CliRunner().invoke(app, ["family", "check", "--family", str(ROOT / "family.toml")])
    assert checked.exit_code == 0
    assert "market-data: " not in checked.output
    assert checked.output.count("✓") == 5
    assert "12 edges and 4 dispatches" in checked.output


def test_check_raises_the_families_error_for_the_command_line_to_show() -> None:
    checked = CliRunner().invoke(app, ["family", "check", "--family", str(CYCLE)])
    assert isinstance(checked.exception, FamilyError)


def test_a_faulty_file_ends_with_3_and_names_the_line_without_a_traceback() -> None:
    ended = interlock("family", "check", "--family", "tests/unit/model/families/cycle/family.toml")
    assert ended.returncode == 3
    assert ended.stdout == ""
    assert ended.stderr.startswith(
        "error: tests/unit/model/families/cycle/family.toml:5: upstreams form a cycle: a -> b -> a\n"
    )
    assert "Traceback" not in ended.stderr


def test_the_variable_names_the_family_and_long_paths_stay_in_one_piece(tmp_path: Path) -> None:
    directory = tmp_path / ("long-" * 20) / ("longer-" * 20)
    directory.mkdir(parents=True)
    path = directory / "family.toml"
    path.write_text('[family]\nname = "tiny"\n[packages.core]\n')
    ended = interlock("family", "check", INTERLOCK_FAMILY=str(path), COLUMNS="40")
    assert ended.returncode == 0
    assert ended.stdout.splitlines()[0] == f"{path}: tiny"


def test_schema_prints_the_file_in_the_docs() -> None:
    printed = CliRunner().invoke(app, ["family", "schema"]).output
    assert printed == (ROOT / "docs/family.schema.json").read_text("utf-8")
    assert json.loads(printed)["properties"].keys() == {"family", "packages"}
