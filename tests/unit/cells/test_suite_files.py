import tomllib
from collections.abc import Mapping
from pathlib import Path

import iniconfig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.cells.suite_files import read_folder, select, write_files
from interlock.errors import DistributionError

TREE = {
    "conftest.py": b"root",
    "__init__.py": b"root package",
    "pyproject.toml": b"[project]\nname = 'pipe'\n",
    "setup.py": b"setup()",
    "src/pipe/__init__.py": b"under test",
    "pipe/__init__.py": b"under test",
    "tests/__init__.py": b"",
    "tests/conftest.py": b"tests",
    "tests/helpers/data.json": b"{}",
    "tests/unit/conftest.py": b"unit",
    "tests/unit/test_y.py": b"y",
    "tests/contracts/test_x.py": b"x",
    "tests/contracts/deep/test_z.py": b"z",
    "tests/contracts_old/test_o.py": b"o",
    "tests/contracts.py": b"c",
}


def test_a_suite_is_its_directory_with_what_pytest_reads_above_it_and_nothing_under_test() -> None:
    assert set(select(TREE, "tests/contracts")) == {
        "conftest.py",
        "__init__.py",
        "tests/__init__.py",
        "tests/conftest.py",
        "tests/contracts/test_x.py",
        "tests/contracts/deep/test_z.py",
    }


def test_a_suite_can_be_one_file() -> None:
    assert "tests/contracts.py" in select(TREE, "tests/contracts.py")
    assert "tests/contracts/test_x.py" not in select(TREE, "tests/contracts.py")


def test_what_else_a_suite_needs_is_included() -> None:
    chosen = select(TREE, "tests/contracts", ["tests/helpers", "tests/unit/test_y.py"])
    assert set(chosen) - set(select(TREE, "tests/contracts")) == {"tests/helpers/data.json", "tests/unit/test_y.py"}


@pytest.mark.parametrize("top", ["", "src/", "python/src/"])
def test_an_init_of_the_distribution_is_no_part_of_a_suite(top: str) -> None:
    names = ["pipe/__init__.py", "pipe/conftest.py", "pipe/tests/__init__.py", "pipe/tests/unit/test_x.py"]
    tree = {f"{top}{name}": b"" for name in names}
    chosen = select(tree, f"{top}pipe/tests/unit", installed={"pipe/__init__.py", "pipe/tests/__init__.py"})
    assert set(chosen) == {f"{top}{name}" for name in names[1:]}


def test_a_wheel_that_ships_the_tests_at_its_top_takes_no_init_from_them() -> None:
    chosen = select(TREE, "tests/contracts", installed={"tests/__init__.py", "__init__.py", "pipe/__init__.py"})
    assert chosen == select(TREE, "tests/contracts")


def test_no_tests_are_no_suite_whatever_is_beside_them() -> None:
    assert select(TREE, "tests/nothing", ["tests/helpers"]) == {}
    assert select({}, "tests") == {}


def configuration(**files: str) -> dict[str, str]:
    """What is taken of pytest's configuration from files at the root."""
    named = {name.replace("__", "."): text.encode() for name, text in files.items()}
    chosen = select({"tests/test_x.py": b"", **named}, "tests")
    return {name: data.decode() for name, data in chosen.items() if name != "tests/test_x.py"}


def test_pytests_own_file_is_taken_as_it_is() -> None:
    text = "# ours\n[pytest]\nasyncio_mode = auto\n"
    assert configuration(pytest__ini=text, setup__cfg="[tool:pytest]\na = b\n") == {"pytest.ini": text}
    assert configuration(pytest__toml="[pytest]\n", pytest__ini=text) == {"pytest.toml": "[pytest]\n"}


def test_a_pyproject_is_cut_down_to_pytests_part() -> None:
    own = '[tool.pytest.ini_options]\nmarkers = ["slow: x"]\n'
    text = f'[project]\nname = "pipe"\nversion = "1.0"\n{own}[tool.ruff]\na = 1\n'
    chosen = configuration(pyproject__toml=text, tox__ini="[pytest]\na = b\n")
    assert set(chosen) == {"pyproject.toml"}
    assert tomllib.loads(chosen["pyproject.toml"]) == {"tool": {"pytest": {"ini_options": {"markers": ["slow: x"]}}}}


@pytest.mark.parametrize(("file", "section"), [("setup__cfg", "tool:pytest"), ("tox__ini", "pytest")])
def test_an_ini_file_is_cut_down_to_pytests_part(file: str, section: str) -> None:
    text = f"""\
[metadata]
version = 1.0

[{section}]
# why
markers =
    slow: takes 50% longer
    fast: x=y
DJANGO_SETTINGS_MODULE = site.settings
addopts = -ra
    --strict-markers

[flake8]
ignore = E1
"""
    name, cut = configuration(**{file: text}).popitem()
    assert name == file.replace("__", ".")
    before = dict(iniconfig.IniConfig("x", data=text)[section].items())
    assert "slow: takes 50% longer\nfast: x=y" in before["markers"]
    parsed = iniconfig.IniConfig("x", data=cut)
    assert [found.name for found in parsed] == [section]
    assert dict(parsed[section].items()) == before


def test_configuration_is_taken_from_the_first_file_that_pytest_would_take() -> None:
    tox, cfg = "[pytest]\naddopts = -x\n", "[tool:pytest]\naddopts = -v\n"
    plain = "[project]\nname = 'pipe'\n"
    assert set(configuration(pyproject__toml=plain, tox__ini=tox, setup__cfg=cfg)) == {"tox.ini"}
    assert set(configuration(pyproject__toml=plain, tox__ini="[tox]\n", setup__cfg=cfg)) == {"setup.cfg"}
    assert configuration(pyproject__toml=plain, tox__ini="[tox]\n", setup__cfg="[flake8]\n") == {}


@pytest.mark.parametrize("text", ["[tool.pytest", "no section = 1", "\udcff"])
def test_configuration_that_can_not_be_read_is_none(text: str) -> None:
    data = text.encode(errors="surrogateescape")
    for name in ("pyproject.toml", "tox.ini", "setup.cfg"):
        assert select({"tests/test_x.py": b"", name: data}, "tests") == {"tests/test_x.py": b""}


def test_configuration_nearer_to_the_tests_wins_as_in_pytest() -> None:
    tree = {
        "tests/contracts/test_x.py": b"",
        "tests/pytest.ini": b"[pytest]\n",
        "pyproject.toml": b"[tool.pytest]\na=1\n",
    }
    assert set(select(tree, "tests/contracts")) == {"tests/contracts/test_x.py", "tests/pytest.ini"}


def test_a_folder_is_read_under_its_own_name_without_byte_code(tmp_path: Path) -> None:
    folder = tmp_path / "contracts"
    for name in ("test_x.py", "deep/data.json", "__pycache__/test_x.pyc", "deep/__pycache__/y.pyc"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    assert read_folder(folder) == {"contracts/test_x.py": b"test_x.py", "contracts/deep/data.json": b"deep/data.json"}


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DistributionError, match=r"no directory .*lost"):
        read_folder(tmp_path / "lost")


def test_files_are_kept_once(tmp_path: Path) -> None:
    folder = tmp_path / "suites" / "digest"
    write_files({"tests/test_x.py": b"x", "conftest.py": b"c"}, folder)
    assert (folder / "tests/test_x.py").read_bytes() == b"x"
    before = (folder / "tests/test_x.py").stat().st_ino
    write_files({"tests/test_x.py": b"x", "conftest.py": b"c"}, folder)
    assert (folder / "tests/test_x.py").stat().st_ino == before
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize("changed", ["tests/test_x.py", "tests/sitecustomize.py"])
def test_files_that_were_changed_are_written_again(tmp_path: Path, changed: str) -> None:
    folder = tmp_path / "suites" / "digest"
    write_files({"tests/test_x.py": b"x"}, folder)
    (folder / changed).write_bytes(b"evil")
    write_files({"tests/test_x.py": b"x"}, folder)
    assert [path.read_bytes() for path in folder.rglob("*") if path.is_file()] == [b"x"]


def test_files_that_another_process_kept_meanwhile_serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "digest"
    (folder / "tests").mkdir(parents=True)
    answers = iter([False])
    monkeypatch.setattr(Path, "exists", lambda _self: next(answers, True))
    write_files({"tests/test_x.py": b"x"}, folder)
    assert [path.name for path in tmp_path.iterdir()] == ["digest"]


names = st.lists(st.sampled_from(["tests", "contracts", "src", "conftest.py", "a.py"]), min_size=1, max_size=4)


@given(st.dictionaries(names.map("/".join), st.binary(max_size=2)), names.map("/".join))
def test_a_suite_is_a_part_of_its_tree_and_is_its_own_suite(files: Mapping[str, bytes], tests: str) -> None:
    chosen = select(files, tests)
    assert chosen.items() <= files.items()
    assert select(chosen, tests) == chosen
