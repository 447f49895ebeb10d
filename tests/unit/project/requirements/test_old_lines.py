"""Requirements for some environments only: the line that somebody left behind stays, and holds nothing."""

from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from interlock.project.requirements import Repin, declared, markers, old_lines, repin
from interlock.project.requirements.markers import are_disjoint, marker_of, pythons
from tests.support.projects import contents, project

CORE, V = "acme-core", Version("1.5.0")


def moved(root: Path, *lines: str, python: str = "", own: str = "") -> Repin:
    """What becomes of requirements in a `pyproject.toml`, and of no other byte of it."""
    said = f"requires-python = '{own}'\n" if own else ""
    text = f"[project]\n{said}dependencies = [\n" + "".join(f'  "acme-core{line}",\n' for line in lines) + "]\n"
    found = repin(project(root, {"pyproject.toml": text}), CORE, V, python=python)
    for change in found.changes if not found.refusals else ():
        text = text.replace(f'"{change.before}"', f'"{change.after}"')
    assert contents(root) == {"pyproject.toml": text.encode()}
    return found


def after(found: Repin) -> list[str]:
    return [change.after.removeprefix("acme-core") for change in found.changes]


@pytest.mark.parametrize(
    ("stays", "moves", "is_now"),
    [
        ("==1.2.0; python_version < '3.9'", "==1.4.0; python_version >= '3.9'", "==1.5.0; python_version >= '3.9'"),
        (">=1.2,<1.3; python_version < '3.9'", ">=1.4; python_version >= '3.9'", ">=1.5.0; python_version >= '3.9'"),
        ("<1.3; python_version < '3.9'", ">=1.4; python_version >= '3.9'", ">=1.5.0; python_version >= '3.9'"),
        (">=1.4,<1.5; python_version < '3.9'", ">=1.4; '3.9' <= python_version", ">=1.5.0; '3.9' <= python_version"),
        (
            "==1.2; python_full_version < '3.9.2'",
            "==1.4; python_full_version >= '3.9.2'",
            "==1.5.0; python_full_version >= '3.9.2'",
        ),
        ("==1.2; sys_platform == 'win32'", "==1.4; sys_platform != 'win32'", "==1.5.0; sys_platform != 'win32'"),
        ("==1.2; platform_release < '5'", "==1.4; platform_release >= '5'", "==1.5.0; platform_release >= '5'"),
        (
            "==1.2; os_name == 'nt' and python_version < '3.9'",
            "==1.4; os_name != 'nt' or python_version >= '3.9'",
            "==1.5.0; os_name != 'nt' or python_version >= '3.9'",
        ),
        ("==1.2.*; python_version in '3.7 3.8'", "==1.4.*; python_version > '3.8'", "==1.5.*; python_version > '3.8'"),
    ],
)
def test_a_line_behind_that_for_other_environments_stays_and_is_named(
    tmp_path: Path, stays: str, moves: str, is_now: str
) -> None:
    found = moved(tmp_path, stays, moves)
    assert (after(found), found.refusals) == ([is_now], ())
    (kept,) = found.unchanged
    (remark,) = found.remarks
    assert remark == str(kept)
    assert remark.startswith(f"pyproject.toml:3: acme-core{stays} (it is for other environments")
    again = repin(tmp_path, CORE, V)
    assert (again.changes, len(again.unchanged)) == ((), 2)
    assert [each.is_behind for each in declared(tmp_path, CORE)] == [True, False]


@pytest.mark.parametrize(
    "lines",
    [
        ("==1.4; python_version < '3.9'", "==1.4; python_version >= '3.9'"),
        ("==1.2; extra == 'a'", "==1.4; extra == 'b'"),
        ("==1.2; python_version < '3.10'", "==1.4; python_version >= '3.9'"),
        (">=1.4", ">=1.2; python_version < '3.9'"),
        ("==1.4.*; python_version < '3.9'", "==1.4.2; python_version >= '3.9'"),
        ("~=1.4; python_version < '3.9'", ">=1.4.2; python_version >= '3.9'"),
        ("==1.2; python_version < '3.9'",),
    ],
)
def test_lines_that_may_hold_together_or_are_not_behind_all_move(tmp_path: Path, lines: tuple[str, ...]) -> None:
    found = moved(tmp_path, *lines)
    assert (len(found.changes), found.refusals, found.remarks) == (len(lines), (), ())
    assert not any(each.is_behind for each in declared(tmp_path, CORE))


def test_a_version_for_those_that_were_left_behind_moves_their_line(tmp_path: Path) -> None:
    lines = "acme-core==1.2.0; python_version < '3.9'\nacme-core==1.6; python_version >= '3.9'\n"
    found = repin(project(tmp_path, {"requirements.txt": lines}), CORE, V)
    assert (after(found), found.refusals) == (["==1.5.0; python_version < '3.9'"], ())


def test_both_lines_are_held_by_the_same_cap(tmp_path: Path) -> None:
    found = moved(tmp_path, ">=1.2,<1.5; python_version < '3.9'", ">=1.2,<1.5; python_version >= '3.9'")
    assert [each.reason for each in found.refusals] == ['"<1.5" excludes 1.5.0'] * 2


def test_lines_in_other_files_are_compared_too(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": "[project]\ndependencies = ['acme-core==1.4; python_version>=\"3.9\"']\n"
        "[dependency-groups]\nold = ['acme-core==1.2; python_version<\"3.9\"']\n",
        "requirements.txt": 'acme-core==1.4\nacme-core==1.2 ; python_version < "3.9"\n',
        "dev-requirements.txt": 'acme-core==1.2 ; python_version < "3.9"\n',
    }
    found = repin(project(tmp_path, files), CORE, V)
    assert [change.at for change in found.changes] == ["pyproject.toml:2", "requirements.txt:1", "requirements.txt:2"]
    assert [kept.at for kept in found.unchanged] == ["pyproject.toml:4", "dev-requirements.txt:1"]


@pytest.mark.parametrize(
    "entry",
    [
        '{version = "1.2.0", python = "<3.9"}, {version = "1.4.0", python = ">=3.9"}',
        '{version = "^1.2", python = "~2.7 || ~3.8"}, {version = "^1.4", python = "^3.9"}',
        '{version = ">=1.2,<1.3", platform = "win32"}, {version = ">=1.4", markers = "sys_platform != \'win32\'"}',
    ],
)
def test_the_list_of_poetry_is_read_with_its_environments(tmp_path: Path, entry: str) -> None:
    text = f"[tool.poetry.dependencies]\nacme-core = [{entry}]\n"
    found = repin(project(tmp_path, {"pyproject.toml": text}), CORE, V)
    assert (len(found.changes), len(found.unchanged), found.refusals) == (1, 1, ())
    assert ("1.2" in contents(tmp_path)["pyproject.toml"].decode(), found.changes[0].before[-3:-1]) != (False, "1.2")


def test_an_extra_of_setup_py_may_have_a_marker_in_its_name(tmp_path: Path) -> None:
    code = (
        "from setuptools import setup\n"
        "setup(extras_require={':python_version<\"3.9\"': ['acme-core==1.2'],\n"
        "                      ':python_version>=\"3.9\"': ['acme-core==1.4']})\n"
    )
    found = repin(project(tmp_path, {"setup.py": code}), CORE, V)
    assert contents(tmp_path)["setup.py"].decode() == code.replace("==1.4", "==1.5.0")
    assert len(found.unchanged) == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("==1.4.0; python_version < '3.9'", "it is for Pythons that 1.5.0 is not for (it requires >=3.9)"),
        (">=1.4; python_version < '3.10'", "it is for Pythons that 1.5.0 is not for"),
    ],
)
def test_a_line_for_pythons_that_the_new_version_is_not_for_stays(tmp_path: Path, line: str, reason: str) -> None:
    found = moved(tmp_path, line, ">=1.4; python_version >= '3.10'", own=">=3.8", python=">=3.9")
    assert after(found) == [">=1.5.0; python_version >= '3.10'"]
    assert found.refusals == ()
    assert reason in found.unchanged[0].reason


def test_an_exact_line_that_is_for_others_too_is_for_a_person(tmp_path: Path) -> None:
    found = moved(
        tmp_path, "==1.4; python_version < '3.10'", "==1.4; python_version > '3.9'", own=">=3.7", python=">=3.9"
    )
    (refusal,) = found.refusals
    assert refusal.reason == (
        "it is for Python 3.7, 3.8 too, which 1.5.0 is not for (it requires >=3.9): split it by its marker"
    )


@pytest.mark.parametrize(
    ("lines", "own", "python"),
    [
        (["==1.4; python_version < '3.12'"], "", ">=3.9"),
        (["==1.4; python_version >= '3.9'"], ">=3.8", ">=3.9"),
        (["==1.4; python_version >= '3.9'"], ">=3.8", ">=3.8,<3.14"),
        (["==1.4; sys_platform == 'win32'"], ">=3.8", ">=3.9"),
        (["==1.4; python_version < '3.9'"], ">=3.8", "nonsense"),
    ],
)
def test_a_line_for_pythons_that_the_new_version_is_for_moves(
    tmp_path: Path, lines: list[str], own: str, python: str
) -> None:
    found = moved(tmp_path, *lines, own=own, python=python)
    assert (len(found.changes), found.refusals) == (1, ())


@pytest.mark.parametrize(
    ("files", "own"),
    [
        ({"pyproject.toml": "[project]\nrequires-python='>=3.8'\ndependencies=['acme-core>=1.4']\n"}, ">=3.8"),
        ({"pyproject.toml": "[tool.poetry.dependencies]\npython='^3.8'\nacme-core='^1.4'\n"}, "<4,>=3.8"),
        ({"setup.cfg": "[options]\npython_requires = >=3.8\ninstall_requires = acme-core>=1.4\n"}, ">=3.8"),
    ],
)
def test_a_release_that_old_pythons_can_not_install_any_more_is_named(
    tmp_path: Path, files: dict[str, str | bytes], own: str
) -> None:
    found = repin(project(tmp_path, files), CORE, V, python=">=3.10")
    (remark,) = found.remarks
    assert len(found.changes) == 1
    assert remark.startswith(f"acme-core 1.5.0 requires Python >=3.10, and this says that it runs on {own}: ")
    assert remark.endswith("it can't be installed on Python 3.8, 3.9 any more")


def test_more_markers_than_can_be_compared_are_for_a_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(old_lines, "MOST_MARKERS", 1)
    found = moved(tmp_path, "==1.2; python_version < '3.9'", "==1.4; python_version >= '3.9'")
    assert len(found.refusals) == 2


def test_markers_with_too_many_environments_are_never_said_to_hold_together() -> None:
    text = " or ".join(f"sys_platform == '{n}' and os_name == '{n}'" for n in range(10))
    one = marker_of(text)
    assert one is not None
    assert are_disjoint(one, marker_of("os_name == '1'"))
    assert markers.pythons(one, SpecifierSet(">=3.9,<3.11")) == {
        Version(f"3.{n}.{m}") for n in (9, 10) for m in (0, 99)
    }


@pytest.mark.parametrize("text", ["", "x" * 5_000, "(" * 900, "python_version"])
def test_what_is_no_marker_is_for_all_environments(text: str) -> None:
    assert marker_of(text) is None
    assert pythons(marker_of(text), SpecifierSet("==3.9.0")) == {Version("3.9.0")}


def test_a_comparison_that_has_no_meaning_may_hold() -> None:
    assert not are_disjoint(marker_of("os_name ~= 'x'"), marker_of("os_name == 'x'"))
