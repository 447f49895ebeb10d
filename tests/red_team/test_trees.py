"""Attacks by the files of a source tree: on the time, the stack and the memory of the process that reads them."""

import asyncio
import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import pytest
from packaging.version import Version

from interlock.adapters.git import Remote, files_at
from interlock.adapters.git.tree_size import check_tree
from interlock.cells import suite_files
from interlock.contracts.candidates.source_tree import tree_digest
from interlock.contracts.verify.annotations import line_of
from interlock.errors import BuildError, DistributionError, RepositoryError
from interlock.matrix.source_trees import folder_files, needed, select
from interlock.project import tree_reader
from interlock.project.requirements import declared, proposed
from interlock.project.tree_reader import ProjectFacts, read_project
from interlock.project.version import find_version, mentions, project_name
from tests.support.projects import project

STATIC = '[project]\nname = "core"\nversion = "1.0"\n'
DYNAMIC = '[project]\nname = "core"\ndynamic = ["version"]\n'
HATCH = f'{DYNAMIC}[build-system]\nbuild-backend = "hatchling.build"\n[tool.hatch.version]\npath = "version.txt"\n'
SETUP = '[build-system]\nbuild-backend = "setuptools.build_meta"\n' + DYNAMIC
NESTED = r"^(?P<version>([0-9.]+)+)x$"
SLOW: dict[str, str | bytes] = {"pyproject.toml": f"{HATCH}pattern = '{NESTED}'\n", "version.txt": "1" * 60}


# --- on time: a pattern that never ends ---


def test_a_pattern_that_never_ends_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.project.version.pattern.SECONDS", 0.5)
    with pytest.raises(BuildError, match=r"version\.txt:1: the pattern .* takes too long"):
        find_version(project(tmp_path, SLOW))


def test_a_pattern_that_never_ends_for_the_next_version_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pattern = r"^(?P<version>1\.0|([0-9.]+)+x)$"
    files = {"pyproject.toml": f"{HATCH}pattern = '{pattern}'\n", "version.txt": "1.0"}
    place = find_version(project(tmp_path, files))
    monkeypatch.setattr("interlock.project.version.pattern.SECONDS", 0.5)
    with pytest.raises(BuildError, match="the build would not find the version"):
        place.write(Version("1" * 60))
    assert (tmp_path / "version.txt").read_text() == "1.0"


@pytest.mark.parametrize(
    ("content", "at"),
    [("VERSION: 1.2.3\n", 9), ("a\r\nb\r\nVERSION: 1.2.3\r\n", 15), ("é\r\nVERSION: 1.2.3", 13)],
)
def test_an_honest_pattern_is_found_where_it_stands(tmp_path: Path, content: str, at: int) -> None:
    pattern = r"^VERSION: (?P<version>[0-9.]+)$"
    files: dict[str, str | bytes] = {
        "pyproject.toml": f"{HATCH}pattern = '{pattern}'\n",
        "version.txt": content.encode(),
    }
    (literal,) = find_version(project(tmp_path, files)).literals
    assert (literal.text, literal.start) == ("1.2.3", at)
    find_version(tmp_path).write(Version("2.0"))
    assert (tmp_path / "version.txt").read_bytes() == content.replace("1.2.3", "2.0").encode()


# --- on stack and time: files of a shape that nobody writes ---

SHAPES: dict[str, dict[str, str | bytes]] = {
    "deep TOML": {"pyproject.toml": "a = " + "[" * 100_000},
    "deep tables": {"pyproject.toml": STATIC + "[" + "a." * 2_000 + "a]"},
    "long keys": {"pyproject.toml": STATIC + "a." * 20_000 + "a = 1"},
    "a number of 5000 digits": {"pyproject.toml": STATIC + "a = " + "1" * 5_000},
    "a version of 5000 digits": {"pyproject.toml": STATIC.replace("1.0", "1" * 5_000)},
    "a version that no file name holds": {"pyproject.toml": STATIC.replace("1.0", "1" * 300)},
    "no text": {"pyproject.toml": b"\xff\xfe"},
    "deep Python": {"setup.py": "-" * 200_000 + "1"},
    "deeper Python": {"setup.py": "a" + ".a" * 100_000},
    "a zero byte": {"setup.py": b"\0"},
    "long lines": {"setup.cfg": "[metadata]\na" + " " * 500_000 + "b"},
    "no INI": {"setup.cfg": "[metadata\n=\n]"},
    "a path with a zero byte": {"pyproject.toml": HATCH.replace("version.txt", r"a\u0000b")},
    "a path that is too long": {"pyproject.toml": HATCH.replace("version.txt", "a" * 5_000)},
    "a path that leads out": {"pyproject.toml": HATCH.replace("version.txt", "../../../etc/passwd")},
    "a device": {"pyproject.toml": HATCH.replace("version.txt", "/dev/zero")},
    "a pattern without end": {"pyproject.toml": f"{HATCH}pattern = '{'(' * 5_000}'\n", "version.txt": "1.0"},
    "a pattern that repeats too often": {"pyproject.toml": f"{HATCH}pattern = 'a{{{'9' * 30}}}'\n", "version.txt": ""},
    "folders that lead out": {
        "pyproject.toml": SETUP + '[tool.setuptools.packages.find]\nwhere = ["/", "../..", "a\\u0000b"]\n'
    },
    "a module without end": {
        "pyproject.toml": SETUP + f'[tool.setuptools.dynamic]\nversion = {{attr = "{"a." * 900}b"}}'
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_hostile_shape_is_an_error_that_names_the_file(tmp_path: Path, shape: str) -> None:
    root = project(tmp_path / "core", SHAPES[shape])
    with pytest.raises(BuildError, match=r"pyproject\.toml|setup\.(py|cfg)|a{20}|leads out") as raised:
        find_version(root)
    assert len(raised.value.message) < 1_000
    for read in (project_name, lambda root: declared(root, "core"), lambda root: proposed(root, "core", Version("2"))):
        with contextlib.suppress(BuildError):
            read(root)


COPIES: dict[str, dict[str, str | bytes]] = {
    "deep JSON": {"package.json": "[" * 200_000},
    "a number of 5000 digits in JSON": {"codemeta.json": f'{{"version": {"1" * 5_000}}}'},
    "a module that imports itself": {"core.py": "from core import __version__\n"},
    "modules that import each other": {
        "core/__init__.py": "from .a import __version__\n",
        "core/a.py": "from . import __version__\n",
    },
    "deep Python": {"core.py": "__version__ = " + "a." * 100_000 + "b"},
    "imports that lead out": {"core.py": "from ....... import __version__\nfrom ....etc import VERSION\n"},
    "many modules": {f"src/m{number}.py": "" for number in range(600)},
    "deep folders": {"src/" + "a/" * 60 + "__init__.py": ""},
    "a crate elsewhere": {"pyproject.toml": STATIC + '[tool.maturin]\nmanifest-path = "../../etc/passwd"\n'},
    "brackets without end": {"meson.build": "project(" + "[" * 60_000},
    "quotes without end": {"meson.build": "project('" + "''' " * 20_000},
    "a lock without entries": {
        "Cargo.toml": '[package]\nname = "core"\nversion = "1.0"\n',
        "Cargo.lock": '[[package]]\nname = "core"\n' * 20_000,
    },
    "many lines": {"CITATION.cff": "version:" + " " * 500_000 + "\n" + "version: 1.0x\n" * 20_000},
    "a name that is a list": {"pyproject.toml": STATIC + "[tool.flit.module]\nname = ['', '..', '/', 'a' , 1]\n"},
}


@pytest.mark.parametrize("shape", COPIES)
def test_a_hostile_copy_of_the_version_is_passed_over(tmp_path: Path, shape: str) -> None:
    root = project(tmp_path / "core", {"pyproject.toml": STATIC, **COPIES[shape]})
    place = find_version(root)
    assert {each.path.name for each in place.literals} <= {"pyproject.toml", "Cargo.toml"}
    assert len(mentions(root, "core", Version("1.0"))) <= 6


@pytest.mark.parametrize("text", ["project(" + "[" * 60_000, "project('" + "''' " * 20_000, "project(version:"])
def test_a_hostile_meson_build_is_an_error(tmp_path: Path, text: str) -> None:
    files = {"pyproject.toml": DYNAMIC + '[build-system]\nbuild-backend = "mesonpy"\n', "meson.build": text}
    with pytest.raises(BuildError, match=r"meson\.build:1: its call of project\(\) has no version"):
        find_version(project(tmp_path, files))


def test_a_hostile_setup_py_names_no_file_outside(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text("1.0")
    text = "setup(name='core', version=f('../VERSION', '/etc/hostname', 'a' * 9, '\\0', 'link'))"
    root = project(tmp_path / "core", {"setup.py": text})
    (root / "link").symlink_to("../VERSION")
    with pytest.raises(BuildError, match="version is not a plain text"):
        find_version(root)


SPECIAL: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a link that leads out": lambda path: path.symlink_to("/etc/passwd"),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nothing": lambda path: path.symlink_to("lost"),
    "a gigabyte": lambda path: os.truncate(path, 1 << 30) if path.write_bytes(b"") == 0 else None,
}


@pytest.mark.parametrize("name", ["pyproject.toml", "setup.cfg", "setup.py"])
@pytest.mark.parametrize("special", SPECIAL)
def test_something_else_than_a_small_file_is_an_error(tmp_path: Path, name: str, special: str) -> None:
    root = project(tmp_path / "core", {"pyproject.toml": STATIC} if name != "pyproject.toml" else {})
    root.mkdir(exist_ok=True)
    SPECIAL[special](root / name)
    with pytest.raises(BuildError, match=name) as raised:
        find_version(root)
    assert raised.value.hint
    with pytest.raises(BuildError, match=name):
        declared(root, "core")


@pytest.mark.parametrize("special", [name for name in SPECIAL if name != "a gigabyte"])
def test_a_version_file_that_is_something_else_is_an_error(tmp_path: Path, special: str) -> None:
    root = project(tmp_path / "core", {"pyproject.toml": HATCH})
    SPECIAL[special](root / "version.txt")
    with pytest.raises(BuildError, match=r"version\.txt"):
        find_version(root)


@pytest.mark.parametrize("special", SPECIAL)
def test_a_lock_that_is_something_else_is_passed_over(tmp_path: Path, special: str) -> None:
    root = project(tmp_path / "core", {"pyproject.toml": STATIC})
    SPECIAL[special](root / "uv.lock")
    assert proposed(root, "core", Version("2.0")).remarks == ()


@pytest.mark.parametrize(
    "requirement",
    [
        "core>=" + "1" * 5_000,
        "core; " + "(" * 5_000,
        'core; os_name ~= "x"',
        "core" + "[a]" * 9_000,
        "core>=" + "1." * 2_500,
    ],
)
def test_a_requirement_that_nobody_writes_moves_nothing(tmp_path: Path, requirement: str) -> None:
    files = {"pyproject.toml": f"{STATIC}dependencies = ['{requirement}']\n", "requirements.txt": requirement}
    assert proposed(project(tmp_path, files), "core", Version("2.0")).changes == ()


# --- on time and memory: everything else, by the limits of the reader's own process ---


def test_a_tree_is_read_in_another_process(tmp_path: Path) -> None:
    facts = asyncio.run(read_project(project(tmp_path, {"pyproject.toml": STATIC})))
    assert (facts.name, facts.version.version) == ("core", Version("1.0"))
    assert facts == ProjectFacts.of(tmp_path)


def test_a_tree_that_takes_too_long_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_reader, "SECONDS", 0.1)
    with pytest.raises(BuildError, match="can't be read: more than"):
        asyncio.run(read_project(project(tmp_path, SLOW)))


def test_a_tree_with_a_name_and_no_version_says_both(tmp_path: Path) -> None:
    facts = asyncio.run(read_project(project(tmp_path, {"pyproject.toml": STATIC.replace("1.0", "one")})))
    assert facts.name == "core"
    with pytest.raises(BuildError, match=r'pyproject\.toml:3: "one" is not a version'):
        _ = facts.version


def test_a_tree_without_a_name_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="nothing names the distribution"):
        asyncio.run(read_project(tmp_path))


def test_the_reader_writes_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree_reader.main(str(project(tmp_path, {"pyproject.toml": STATIC})))
    assert json.loads(capsys.readouterr().out)["name"] == "core"


# --- on the disk: a small repository with a large tree ---


def bomb(repository: Path, levels: int) -> str:
    """A commit of a tree with ten times the same tree, and so on, above one file of a MiB; its SHA."""
    succeed(["git", "init", "--quiet", "--bare", repository])
    kept = (repository / "file", repository / "list")
    kept[0].write_bytes(bytes(1 << 20))
    below = succeed(["git", "-C", repository, "hash-object", "-w", kept[0]])
    for level in range(levels):
        entry = f"100644 blob {below}" if level == 0 else f"040000 tree {below}"
        kept[1].write_text("".join(f"{entry}\t{number}\n" for number in range(10)))
        with kept[1].open() as file:
            below = succeed(["git", "-C", repository, "mktree"], stdin=file)
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    return succeed(["git", "-C", repository, *who, "commit-tree", "-m", "a", below])


def succeed(command: Sequence[str | Path], stdin: IO[str] | None = None) -> str:
    return subprocess.run(command, stdin=stdin, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [
        ("LARGEST", 900 << 20, "the files of .* have more than 900 MiB"),
        ("MOST_FILES", 900, "more than 900 files"),
        ("LONGEST_LIST", 50_000, "more files than can be listed"),
    ],
)
def test_a_tree_that_fills_the_disk_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, message: str
) -> None:
    monkeypatch.setattr(f"interlock.adapters.git.tree_size.{limit}", value)
    sha = bomb(tmp_path / "core.git", 3)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*")) < 3 << 20
    with pytest.raises(RepositoryError, match=message):
        asyncio.run(check_tree(tmp_path / "core.git", sha))
    succeed(["git", "-C", tmp_path / "core.git", "update-ref", "refs/heads/main", sha])
    with pytest.raises(RepositoryError, match=message):
        asyncio.run(files_at(Remote(url=str(tmp_path / "core.git")), "main", tmp_path))


def test_a_tree_without_end_is_not_listed_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.adapters.git.tree_size.LONGEST_LIST", 50_000)
    with pytest.raises(RepositoryError, match="more files than can be listed"):
        asyncio.run(check_tree(tmp_path / "core.git", bomb(tmp_path / "core.git", 12)))


def test_a_tree_of_a_usual_size_is_written(tmp_path: Path) -> None:
    asyncio.run(check_tree(tmp_path / "core.git", bomb(tmp_path / "core.git", 1)))


# --- on memory and time: the files of a suite ---


def test_only_the_files_of_a_suite_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.matrix.source_trees.LARGEST_HELD", 1_000)
    tree = project(tmp_path, {"src/x.py": "x" * 5_000, "tests/test_x.py": "x", ".git/tests/x": "x", "setup.cfg": "[a]"})
    (tree / "tests" / "link").symlink_to("/etc/passwd")
    os.mkfifo(tree / "tests" / "pipe")
    assert set(folder_files(tree, needed("tests"))) == {"tests/test_x.py", "setup.cfg"}
    with pytest.raises(DistributionError, match="the files of the tests can't be read"):
        folder_files(tree, needed("tests", ["src"]))
    assert asyncio.run(tree_digest(tree))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pyproject.toml", b"a = " + b"[" * 100_000),
        ("setup.cfg", b"[tool:pytest]\na" + b" " * 500_000 + b"b"),
        ("tox.ini", b"[pytest]\na" + b" " * 500_000 + b"b"),
    ],
)
def test_a_configuration_of_pytest_that_nobody_writes_is_named(name: str, content: bytes) -> None:
    with pytest.raises(DistributionError, match=name):
        select({"tests/test_x.py": b"", name: content}, "tests", ())


def test_an_invalid_configuration_of_pytest_is_left_out() -> None:
    files = {"tests/test_x.py": b"", "pyproject.toml": b"=", "tox.ini": b"=", "setup.cfg": b"\xff"}
    assert select(files, "tests", ()) == suite_files.select(files, "tests") == {"tests/test_x.py": b""}


@pytest.mark.parametrize("source", [b"-" * 200_000 + b"1", b"\0", b"#" * (5 << 20), b"x = " + b"1" * 5_000])
def test_the_line_of_a_name_in_a_hostile_file_is_the_first(source: bytes) -> None:
    assert line_of(source, "x") == 1
