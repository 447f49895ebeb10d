"""Mistakes of a request that show before anything is asked of anybody."""

from pathlib import Path

import pytest

from interlock.errors import UsageError
from interlock.matrix.preview import check
from interlock.matrix.request import MatrixRequest

FAMILY = """
[family]
name = "trains"

[packages.core]

[packages.board]
upstreams = ["core"]
suites = [{name = "imports", imports = true}]
"""


@pytest.fixture
def family(tmp_path: Path) -> Path:
    file = tmp_path / "family.toml"
    file.write_text(FAMILY)
    return file


def test_a_request_without_a_mistake_passes(family: Path, tmp_path: Path) -> None:
    check(MatrixRequest(family=str(family), html=str(tmp_path / "new.html"), json_file=str(tmp_path / "new.json")))


def test_a_report_never_replaces_the_family_file(family: Path) -> None:
    with pytest.raises(UsageError, match="is no report"):
        check(MatrixRequest(family=str(family), html=str(family)))
    assert family.read_text() == FAMILY


def test_a_report_never_replaces_what_is_no_report(family: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"notes\.txt"):
        check(MatrixRequest(family=str(family), json_file=str(tmp_path / "notes.txt")))


@pytest.mark.parametrize("begin", ["<!doctype html>", '{"format":1}', ""])
def test_an_earlier_report_is_replaced(family: Path, tmp_path: Path, begin: str) -> None:
    (tmp_path / "old").write_text(begin)
    check(MatrixRequest(family=str(family), html=str(tmp_path / "old")))


def test_two_reports_need_two_files(family: Path, tmp_path: Path) -> None:
    place = str(tmp_path / "one")
    with pytest.raises(UsageError, match="same file"):
        check(MatrixRequest(family=str(family), html=place, json_file=place))


def test_a_directory_is_no_place_for_a_report(family: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a directory"):
        check(MatrixRequest(family=str(family), html=str(tmp_path)))


def test_a_package_that_the_family_lacks_is_named(family: Path) -> None:
    with pytest.raises(UsageError, match='has no package "cor"'):
        check(MatrixRequest(family=str(family), upstream="cor"))


def test_a_downstream_that_is_given_as_an_upstream_is_guessed(family: Path) -> None:
    with pytest.raises(UsageError) as error:
        check(MatrixRequest(family=str(family), upstream="board"))
    assert "--downstream board" in (error.value.hint or "")


def test_versions_that_say_nothing_are_told_before_anything_is_asked(family: Path) -> None:
    with pytest.raises(UsageError, match="latest:0"):
        check(MatrixRequest(family=str(family), downstream_versions="latest:0"))
