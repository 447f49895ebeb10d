"""The JSON report and its published schema."""

import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from interlock.errors import UsageError
from interlock.matrix.report import MatrixReport
from interlock.reports import schema, schema_text, write_json
from interlock.reports.write import write_atomically
from tests.support.matrix_reports import Case, family_report, pipeline_report, small_report
from tests.support.paths import ROOT

PUBLISHED = ROOT / "docs" / "matrix.schema.json"


def test_the_published_schema_is_current() -> None:
    regenerate = """python -c 'from interlock.reports import schema_text; print(schema_text(), end="")'"""
    assert PUBLISHED.read_text(encoding="utf-8") == schema_text(), f"{regenerate} > docs/matrix.schema.json"


def test_the_schema_is_one_and_describes_every_report(tmp_path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    write_json(family_report(), tmp_path / "matrix.json")
    jsonschema.Draft202012Validator(schema()).validate(json.loads((tmp_path / "matrix.json").read_text()))


def test_the_schema_refuses_what_is_no_report() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema()).validate({"format": 2})


def test_what_was_written_reads_back_as_the_same_report(tmp_path: Path) -> None:
    write_json(pipeline_report(), tmp_path / "deep" / "matrix.json")
    assert MatrixReport.model_validate_json((tmp_path / "deep" / "matrix.json").read_text()) == pipeline_report()


def test_a_set_is_written_in_order(tmp_path: Path) -> None:
    report = pipeline_report()
    runs = {key: run.model_copy(update={"reads": frozenset("zyxabc")}) for key, run in report.runs.items()}
    write_json(report.model_copy(update={"runs": runs}), tmp_path / "matrix.json")
    written = json.loads((tmp_path / "matrix.json").read_text())
    assert {tuple(run["reads"]) for run in written["runs"].values()} == {tuple("abcxyz")}


def test_a_log_that_is_no_text_can_be_written_and_read_back(tmp_path: Path) -> None:
    write_json(small_report(Case(), log="\udcff\n"), tmp_path / "matrix.json")
    (run,) = MatrixReport.model_validate_json((tmp_path / "matrix.json").read_text()).runs.values()
    assert "\n?\n" in run.log


def test_a_new_report_takes_the_place_of_the_old_one_and_leaves_nothing_else(tmp_path: Path) -> None:
    for text in ("old", "new"):
        write_atomically(tmp_path / "matrix.json", text)
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == [("matrix.json", "new")]


def test_a_failed_write_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "matrix.json").mkdir()
    with pytest.raises(UsageError, match="cannot write the report"):
        write_atomically(tmp_path / "matrix.json", "new")
    assert [found.name for found in tmp_path.iterdir()] == ["matrix.json"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot write the report .*file/matrix\.json"):
        write_atomically(tmp_path / "file" / "matrix.json", "")
