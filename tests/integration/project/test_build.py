"""Builds: the same bytes whoever makes them, and files that are what they are released as."""

import asyncio
import gzip
import io
import os
import shutil
import stat
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version
from pydantic import SecretStr

from interlock.adapters.index.client import open_index
from interlock.adapters.index.settings import Index, find_index
from interlock.adapters.uv import Uv
from interlock.errors import BuildError
from interlock.project.build import FOR_INSTALLERS, BuiltFile, Demands, FailedBuildError, build, builder, check
from interlock.project.build.archives import normalise
from interlock.project.build.source_tree import copy_tree
from rehearsal.wheels import pack_closure
from tests.support.universe import Universe, make_sdist, make_wheel, open_universe

EPOCH = 1_700_000_000
# As it is before the tests have one of their own: the index of a live test.
ENVIRON = dict(os.environ)
NOWHERE = "http://127.0.0.1:9/simple"
VERSION = Version("1.2.3")
PYPI = Demands()
HATCH = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "market-data-core"
version = "1.2.3"
readme = "README.md"
requires-python = ">=3.11"
"""
# A backend in the project itself that does everything that makes builds differ.
SLOPPY = """\
[build-system]
requires = []
build-backend = "sloppy"
backend-path = ["."]

[project]
name = "market-data-core"
version = "1.2.3"
"""
SLOPPY_BACKEND = """\
import gzip, io, os, random, tarfile, time, zipfile
from pathlib import Path

STEM = "market_data_core-1.2.3"
METADATA = '''Metadata-Version: 2.1
Name: market-data-core
Version: 1.2.3
Description-Content-Type: text/plain

x'''
WHEEL = '''Wheel-Version: 1.0
Generator: sloppy
Root-Is-Purelib: true
Tag: py3-none-any
'''

def contents():
    names = ["pyproject.toml", "sloppy.py", "run.sh", "market_data_core/__init__.py", "market_data_core/z.py"]
    random.shuffle(names)
    return [(name, Path(name).read_bytes(), Path(name).stat().st_mode) for name in names]

def build_sdist(sdist_directory, config_settings=None):
    Path("market_data_core/__init__.py").touch()
    with tarfile.open(Path(sdist_directory, STEM + ".tar.gz"), "w:gz", compresslevel=random.choice([1, 9])) as archive:
        for name, data, mode in [*contents(), ("PKG-INFO", METADATA.encode(), 0o664)]:
            member = tarfile.TarInfo(f"{STEM}/{name}")
            member.size, member.mode, member.mtime = len(data), mode, time.time() + random.random()
            member.uid, member.uname = random.randrange(9999), "me"
            member.pax_headers = {"comment": str(random.random())}
            archive.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo(f"{STEM}/a-link")
        link.type, link.linkname = tarfile.SYMTYPE, "run.sh"
        archive.addfile(link)
        twin = tarfile.TarInfo(f"{STEM}/a-twin")
        twin.type, twin.linkname = tarfile.LNKTYPE, f"{STEM}/run.sh"
        archive.addfile(twin)
        folder = tarfile.TarInfo(f"{STEM}/market_data_core")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o700
        archive.addfile(folder)
    return STEM + ".tar.gz"

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = STEM + "-py3-none-any.whl"
    info = STEM + ".dist-info"
    files = [each for each in contents() if each[0].startswith("market")]
    files.append((f"{info}/METADATA", METADATA.encode(), 0o600))
    files.append((f"{info}/WHEEL", WHEEL.encode(), 0o600))
    record = "".join(f"{each[0]},,\\n" for each in files) + f"{info}/RECORD,,\\n"
    files.insert(0, (f"{info}/RECORD", record.encode(), 0o666))
    with zipfile.ZipFile(Path(wheel_directory, name), "w") as archive:
        for path, data, mode in files:
            member = zipfile.ZipInfo(path, time.localtime(time.time() + random.randrange(9999))[:6])
            member.external_attr = mode << 16
            archive.writestr(member, data, compress_type=random.choice([0, 8]))
    return name
"""


def write(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def sloppy(root: Path, mode: int = 0o644) -> Path:
    files = {"market_data_core/__init__.py": "", "market_data_core/z.py": "Z = 1\n", "run.sh": "#!/bin/sh\n"}
    write(root, {"pyproject.toml": SLOPPY, "sloppy.py": SLOPPY_BACKEND, **files})
    (root / "market_data_core/z.py").chmod(mode)
    (root / "run.sh").chmod(0o755)
    return root


def hatch(root: Path) -> Path:
    return write(
        root, {"pyproject.toml": HATCH, "README.md": "# Core\n", "src/market_data_core/__init__.py": "A = 1\n"}
    )


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


def made(source: Path, out: Path, index: Universe | str = NOWHERE, **others: Any) -> tuple[BuiltFile, ...]:
    settings: dict[str, Any] = {"version": VERSION, "epoch": EPOCH, "out": out, **others}
    url = index if isinstance(index, str) else index.url

    async def building() -> tuple[BuiltFile, ...]:
        async with open_index(Index(name="tiny", url=SecretStr(url), configured=True), out.parent / "uv") as opened:
            uv = Uv({"UV_DEFAULT_INDEX": url}, out.parent / "uv/environments", opened)
            return await build(source, uv=uv, **settings)

    return asyncio.run(building())


def checked(*files: Path, demands: Demands = PYPI, name: str = "market-data-core", version: Version = VERSION) -> None:
    asyncio.run(check([BuiltFile.of(file) for file in files], demands, name=name, version=version))


@pytest.fixture(scope="module")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Universe]:
    """An index that has hatchling and what it needs."""
    with open_universe(tmp_path_factory.mktemp("backends")) as opened:
        pack_closure(opened.folder, ["hatchling"])
        yield opened


def test_a_build_makes_an_sdist_and_a_wheel_that_pass_their_check(backends: Universe, tmp_path: Path) -> None:
    source, out = hatch(tmp_path / "source"), tmp_path / "out"
    files = made(source, out, backends)
    names = ["market_data_core-1.2.3.tar.gz", "market_data_core-1.2.3-py3-none-any.whl"]
    assert [file.name for file in files] == names
    assert [file.kind for file in files] == ["sdist", "wheel"]
    assert all(file.pure and file.path.parent == out and file == BuiltFile.of(file.path) for file in files)
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    checked(*(file.path for file in files))


def test_a_project_in_a_directory_is_built_there_and_may_name_files_of_the_repository(
    backends: Universe, tmp_path: Path
) -> None:
    root, cache = tmp_path / "root", tmp_path / "cache"
    hatch(root)
    core = hatch(root / "packages/core")
    include = '\n[tool.hatch.build.targets.sdist.force-include]\n"../../beside.txt" = "LICENSE"\n'
    (core / "pyproject.toml").write_text(HATCH + include)
    (root / "beside.txt").write_text("beside")
    git(root, "init", "-q")
    git(root, "add", "-A")

    sdist, wheel = made(root, tmp_path / "out", backends, directory="packages/core", cache=cache)

    with tarfile.open(sdist.path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        assert archive.extractfile("market_data_core-1.2.3/LICENSE").read() == b"beside"  # type: ignore[union-attr]
    assert {"pyproject.toml", "LICENSE", "src/market_data_core/__init__.py"} <= names
    assert not {"beside.txt", "packages/core/pyproject.toml"} & names
    # Another package of the same tree, with the same version and time, is another build.
    assert made(root, tmp_path / "other", backends, cache=cache)[0].sha256 != sdist.sha256
    assert made(root, tmp_path / "again", backends, directory="packages/core", cache=cache)[1].sha256 == wheel.sha256


def test_hatchling_gives_the_same_bytes_in_another_place_from_files_of_another_time(
    backends: Universe, tmp_path: Path
) -> None:
    one, two = hatch(tmp_path / "one"), hatch(tmp_path / "elsewhere" / "two")
    for path in two.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.utime(path, (1_500_000_000, 1_500_000_000))
    first = made(one, tmp_path / "first", backends)
    second = made(two, tmp_path / "second", backends)
    assert [file.sha256 for file in first] == [file.sha256 for file in second]


def test_a_backend_that_makes_every_build_differ_gives_the_same_bytes(tmp_path: Path) -> None:
    first = made(sloppy(tmp_path / "one", 0o600), tmp_path / "first")
    second = made(sloppy(tmp_path / "two", 0o664), tmp_path / "second")
    assert [file.sha256 for file in first] == [file.sha256 for file in second]
    checked(*(file.path for file in first))
    later = made(tmp_path / "two", tmp_path / "third", epoch=EPOCH + 2)
    assert {file.sha256 for file in later}.isdisjoint(file.sha256 for file in second)


def test_an_archives_members_have_the_epoch_plain_modes_and_no_owner(tmp_path: Path) -> None:
    sdist, wheel = made(sloppy(tmp_path / "source", 0o600), tmp_path / "out")
    stem = "market_data_core-1.2.3"
    with tarfile.open(sdist.path) as archive:
        members = {member.name.removeprefix(f"{stem}/"): member for member in archive}
        twin = archive.extractfile(f"{stem}/a-twin")
        assert twin is not None
        assert twin.read() == b"#!/bin/sh\n"
    assert list(members) == sorted(members)
    assert {member.mtime for member in members.values()} == {EPOCH}
    assert {(member.uid, member.gid, member.uname, member.gname) for member in members.values()} == {(0, 0, "", "")}
    assert [members[name].mode for name in ("run.sh", "market_data_core/z.py", "market_data_core")] == [
        0o755,
        0o644,
        0o755,
    ]
    assert (members["a-link"].linkname, members["a-twin"].type) == ("run.sh", tarfile.REGTYPE)
    assert not any(member.pax_headers for member in members.values())
    assert sdist.path.read_bytes()[3:8] == bytes(5)  # neither a name nor a time
    with zipfile.ZipFile(wheel.path) as archive:
        infos = archive.infolist()
        record = archive.read(infos[-1]).decode()
    assert {info.date_time for info in infos} == {(2023, 11, 14, 22, 13, 20)}
    assert {info.external_attr >> 16 for info in infos} == {stat.S_IFREG | 0o644}
    assert [info.filename.rpartition("/")[2] for info in infos] == [
        "__init__.py",
        "z.py",
        "METADATA",
        "WHEEL",
        "RECORD",
    ]
    assert record.splitlines() == sorted(record.splitlines())


def test_a_wheel_keeps_executables_folders_and_the_oldest_time_that_it_can_say(tmp_path: Path) -> None:
    wheel = tmp_path / "a-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(_info("a.data/scripts/run", 0o775), "#!python\n")
        archive.writestr(_info("a/", stat.S_IFDIR | 0o700), "")
        archive.writestr(_info("a-1.dist-info/RECORD", 0), "b,,\r\na,,\r\n")
    normalise(wheel, 0)
    with zipfile.ZipFile(wheel) as archive:
        found = {info.filename: oct(info.external_attr >> 16) for info in archive.infolist()}
        assert archive.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)
        assert archive.read("a-1.dist-info/RECORD") == b"a,,\r\nb,,\r\n"
    assert found == {"a.data/scripts/run": "0o100755", "a/": "0o40755", "a-1.dist-info/RECORD": "0o100644"}


def _info(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def test_normalising_twice_is_normalising_once(tmp_path: Path) -> None:
    for file in made(sloppy(tmp_path / "source"), tmp_path / "out"):
        normalise(file.path, EPOCH)
        assert BuiltFile.of(file.path) == file


def test_what_is_neither_wheel_nor_tar_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a-1.zip").write_bytes(b"zip")
    normalise(tmp_path / "a-1.zip", EPOCH)
    assert (tmp_path / "a-1.zip").read_bytes() == b"zip"


def test_a_build_leaves_its_source_as_it_is_and_takes_what_git_tracks_as_it_is_now(
    backends: Universe, tmp_path: Path
) -> None:
    source = hatch(tmp_path / "source")
    (source / "link").symlink_to("README.md")
    (source / "gone.txt").touch()
    git(source, "init", "-q")
    git(source, "add", ".")
    git(source, "commit", "-qm", "x")
    write(source, {"secret.txt": "not tracked", "src/market_data_core/__init__.py": "A = 2\n"})
    (source / "gone.txt").unlink()
    before = {path: path.stat().st_mtime_ns for path in source.rglob("*")}
    sdist, wheel = made(source, tmp_path / "out", backends)
    assert {path: path.stat().st_mtime_ns for path in source.rglob("*")} == before
    with tarfile.open(sdist.path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names == {"PKG-INFO", "README.md", "link", "pyproject.toml", "src/market_data_core/__init__.py"}
    with zipfile.ZipFile(wheel.path) as archive:
        assert archive.read("market_data_core/__init__.py") == b"A = 2\n"


def test_litter_of_a_plain_directory_is_not_built(tmp_path: Path) -> None:
    source = sloppy(tmp_path / "source")
    write(source, {"__pycache__/random.py": "1 / 0", ".venv/x": "", "random.py": "import x_missing"})
    (source / "folder").symlink_to("market_data_core")
    with pytest.raises(FailedBuildError, match="x_missing"):  # what is no litter does take part
        made(source, tmp_path / "out")
    (source / "random.py").unlink()
    checked(*(file.path for file in made(source, tmp_path / "out")))


def test_a_checkout_that_git_can_not_read_is_said(tmp_path: Path) -> None:
    source = sloppy(tmp_path / "source")
    (source / ".git").write_text("gitdir: nowhere\n")
    with pytest.raises(BuildError, match="git can't say what is in") as caught:
        made(source, tmp_path / "out")
    assert caught.value.hint == "clone it again"


TAGGED = SLOPPY.replace('version = "1.2.3"', 'dynamic = ["version"]')
ASKING_BACKEND = """
import os, subprocess
from sloppy_one import *
from sloppy_one import build_sdist as _build_sdist

def build_sdist(sdist_directory, config_settings=None):
    print("told", os.environ.get("PDM_BUILD_SCM_VERSION"), "git", subprocess.call(["git", "rev-parse", "HEAD"]))
    raise SystemExit("that is all")
"""


def test_pbr_finds_the_tag_that_the_release_will_have(tmp_path: Path) -> None:
    source = sloppy(tmp_path / "source")
    asking = ASKING_BACKEND.replace("PDM_BUILD_SCM_VERSION", "PBR_VERSION").replace(
        '["git", "rev-parse", "HEAD"]', '["git", "describe", "--exact-match"]'
    )
    (source / "sloppy.py").rename(source / "sloppy_one.py")
    files = {"pyproject.toml": TAGGED.replace('"sloppy"', '"pbr.build"'), "pbr/build.py": asking, "pbr/__init__.py": ""}
    write(source, files)
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        git(source, *command)
    with pytest.raises(FailedBuildError) as caught:
        made(source, tmp_path / "out")
    assert "told 1.2.3 git 0" in caught.value.log
    assert list((source / ".git/refs/tags").iterdir()) == []


def test_a_project_with_its_version_from_tags_is_told_it_and_may_ask_git(tmp_path: Path) -> None:
    source = sloppy(tmp_path / "source")
    (source / "sloppy.py").rename(source / "sloppy_one.py")
    files = {"pyproject.toml": TAGGED.replace('"sloppy"', '"pdm.backend"'), "pdm/backend.py": ASKING_BACKEND}
    write(source, {**files, "pdm/__init__.py": ""})
    with (source / "pyproject.toml").open("a") as file:
        file.write('[tool.pdm.version]\nsource = "scm"\n')
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        git(source, *command)
    with pytest.raises(FailedBuildError) as caught:
        made(source, tmp_path / "out")
    assert "told 1.2.3 git 0" in caught.value.log
    assert "that is all" in caught.value.message


def test_without_such_a_version_the_build_sees_no_repository(tmp_path: Path) -> None:
    source = sloppy(tmp_path / "source")
    (source / "sloppy.py").rename(source / "sloppy_one.py")
    write(source, {"sloppy.py": ASKING_BACKEND})
    for root in (source, tmp_path):  # neither its own nor one that the copy lies in
        for command in (["init", "-q"], ["add", "--all", "."], ["commit", "-qm", "x"]):
            git(root, *command)
    with pytest.raises(FailedBuildError) as caught:
        made(source, tmp_path / "out", cache=tmp_path / "cache")
    assert "told None git 128" in caught.value.log
    assert list((tmp_path / "cache").iterdir()) == []


def test_files_are_kept_under_their_key_and_handed_out_again(tmp_path: Path) -> None:
    source = sloppy(tmp_path / "source")
    cache = tmp_path / "cache"
    first = made(source, tmp_path / "first", cache=cache)
    shutil.rmtree(source)
    again = made(source, tmp_path / "second", cache=cache)
    assert [(file.name, file.sha256) for file in again] == [(file.name, file.sha256) for file in first]
    assert all(file.path.parent == tmp_path / "second" for file in again)
    assert len(list(cache.iterdir())) == 1
    others: list[dict[str, Any]] = [{"cache": tmp_path / "other"}, {"epoch": EPOCH + 1}, {"version": Version("2")}]
    for other in others:
        with pytest.raises(BuildError):
            made(source, tmp_path / "third", **{"cache": cache, **other})


def test_a_build_that_fails_says_why_and_keeps_its_log(tmp_path: Path) -> None:
    source = write(sloppy(tmp_path / "source"), {"sloppy.py": "print('begun')\nraise ValueError('no compiler')\n"})
    with pytest.raises(FailedBuildError) as caught:
        made(source, tmp_path / "out")
    assert caught.value.message == "the build failed:\n  ValueError: no compiler"
    log = tmp_path / "out" / "build.log"
    assert str(caught.value.hint) == f"try it in a clone: python -m build; the whole log: {log}"
    assert log.read_text() == caught.value.log
    assert "begun" in caught.value.log
    assert caught.value.exit_code == 14


def test_a_build_that_fails_without_an_error_shows_its_last_lines(tmp_path: Path) -> None:
    source = write(sloppy(tmp_path / "source"), {"sloppy.py": "import os\nprint('odd', flush=True)\nos._exit(3)\n"})
    with pytest.raises(FailedBuildError) as caught:
        made(source, tmp_path / "out")
    assert "failed" in caught.value.message
    assert "odd" in caught.value.log


def test_an_index_without_the_backend_is_said_without_its_password(universe: Universe, tmp_path: Path) -> None:
    with pytest.raises(FailedBuildError) as caught:
        made(hatch(tmp_path / "source"), tmp_path / "out", universe.index.url_with("me", "hunter2"))
    assert "hatchling was not found" in caught.value.message
    assert "the index must serve everything that [build-system] requires" in str(caught.value.hint)
    assert "hunter2" not in caught.value.log


def test_passwords_are_not_kept_in_a_log(tmp_path: Path) -> None:
    text = "raise ValueError('https://me:hunter2@index.example/simple')\n"
    with pytest.raises(FailedBuildError) as caught:
        made(write(sloppy(tmp_path / "source"), {"sloppy.py": text}), tmp_path / "out")
    assert "https://***@index.example/simple" in caught.value.message


def test_a_build_without_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "BUILD_SECONDS", 3.0)
    source = write(sloppy(tmp_path / "source"), {"sloppy.py": "import time\ntime.sleep(600)\n"})
    with pytest.raises(FailedBuildError, match="is not done after 0 minutes"):
        made(source, tmp_path / "out")


def test_no_token_reaches_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REPO_DISPATCH_TOKEN", "TWINE_PASSWORD", "UV_PUBLISH_TOKEN"):
        monkeypatch.setenv(name, "hunter2")
    text = "import os\nraise ValueError(sorted(os.environ), 'hunter2' in os.environ.values())\n"
    with pytest.raises(FailedBuildError, match=r"SOURCE_DATE_EPOCH.*False"):
        made(write(sloppy(tmp_path / "source"), {"sloppy.py": text}), tmp_path / "out")


def test_a_project_whose_version_can_not_be_known_is_not_built(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"pyproject\.toml:1: \[project\] has no version"):
        made(write(tmp_path / "source", {"pyproject.toml": '[project]\nname = "x"\n'}), tmp_path / "out")


def test_a_platform_wheel_is_known_by_its_name(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "core", "1.0", files={"core.py": ""}, tag="cp311-cp311-linux_x86_64")
    assert not BuiltFile.of(wheel).pure


@pytest.mark.parametrize("name", ["core.whl", "core.tar.gz", "readme.txt"])
def test_a_file_that_is_not_named_as_a_distribution_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with pytest.raises(BuildError, match=f"{name} is not named as a distribution is"):
        BuiltFile.of(tmp_path / name)


def test_every_reason_against_the_files_is_said_at_once(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "market-data-core", "1.2.2", files={"core.py": ""})
    other = make_wheel(tmp_path, "market-data-cor", "1.2.3", files={"core.py": ""})
    with pytest.raises(BuildError) as caught:
        checked(wheel, other)
    assert caught.value.message.splitlines() == [
        "the build made 0 sdists, and there must be one",
        f'{wheel.name}: the file\'s name says version "1.2.2", and 1.2.3 is to be released',
        f'{wheel.name}: its metadata says version "1.2.2", and 1.2.3 is to be released',
        f'{other.name}: the file\'s name says that it is of "market-data-cor", not of market-data-core',
        f'{other.name}: its metadata says that it is of "market-data-cor", not of market-data-core',
    ]
    assert "python -m zipfile -l" in str(caught.value.hint)


def test_there_must_be_a_wheel_and_one_sdist(tmp_path: Path) -> None:
    sdists = [make_sdist(tmp_path / where, "market-data-core", "1.2.3", {}) for where in "ab"]
    with pytest.raises(BuildError, match=r"made 2 sdists.*\nthe build made no wheel"):
        checked(*sdists)


def test_metadata_that_says_something_else_than_the_name_is_said(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "market-data-core", "1.2.4", files={"core.py": ""})
    wheel = wheel.rename(tmp_path / "market_data_core-1.2.3-py3-none-any.whl")
    with pytest.raises(BuildError, match=r'its metadata says version "1\.2\.4"'):
        checked(wheel)


@pytest.mark.parametrize("name", ["market_data_core-1.2.3-py3-none-any.whl", "market_data_core-1.2.3.tar.gz"])
def test_a_damaged_file_is_said(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(BuildError, match=f"{name} can't be read"):
        checked(tmp_path / name)


def test_an_sdist_without_metadata_is_said(tmp_path: Path) -> None:
    inner = io.BytesIO()
    tarfile.open(fileobj=inner, mode="w").close()
    (tmp_path / "market_data_core-1.2.3.tar.gz").write_bytes(gzip.compress(inner.getvalue()))
    with pytest.raises(BuildError, match='its metadata says that it is of ""'):
        checked(tmp_path / "market_data_core-1.2.3.tar.gz")


def test_what_twine_finds_is_said_with_its_cure(backends: Universe, tmp_path: Path) -> None:
    source = write(
        hatch(tmp_path / "source"),
        {"pyproject.toml": HATCH.replace("README.md", "README.rst"), "README.rst": "Core\n====\n\n.. nowhere:: x\n"},
    )
    files = made(source, tmp_path / "out", backends)
    with pytest.raises(BuildError) as caught:
        checked(*(file.path for file in files))
    assert "Checking market_data_core-1.2.3.tar.gz: FAILED" in caught.value.message
    assert 'Unknown directive type "nowhere"' in caught.value.message
    assert "\x1b" not in caught.value.message
    assert "readme" in str(caught.value.hint)


def test_what_twine_warns_of_is_refused_where_a_package_wants_that(tmp_path: Path) -> None:
    sdist = make_sdist(tmp_path, "market-data-core", "1.2.3", {"pyproject.toml": ""})
    wheel = make_wheel(tmp_path, "market-data-core", "1.2.3", files={"core.py": ""})
    with pytest.raises(BuildError, match="`long_description` missing") as caught:
        checked(sdist, wheel, demands=Demands(strict=True))
    assert 'readme = "rendered"' in str(caught.value.hint)
    checked(sdist, wheel)


def test_what_an_index_would_refuse_is_said_of_every_file_with_the_ways_out(tmp_path: Path) -> None:
    sdist = make_sdist(tmp_path, "market-data-core", "1.2.3", {"pyproject.toml": ""})
    tag = "cp311-cp311-linux_x86_64"
    wheel = make_wheel(tmp_path, "market-data-core", "1.2.3", files={"a.py": ""}, requires=["x @ file:///x"], tag=tag)
    with pytest.raises(BuildError) as caught:
        checked(sdist, wheel)
    assert caught.value.message.splitlines() == [
        "PyPI would refuse the files:",
        f"{wheel.name}: Binary wheel '{wheel.name}' has an unsupported platform tag 'linux_x86_64'.",
        f"{wheel.name}: Can't have direct dependency: x @ file:///x",
    ]
    for way in ("cibuildwheel", "auditwheel", 'files = "sdist"', 'index_rules = "format"', "direct references"):
        assert way in str(caught.value.hint)
    checked(sdist, wheel, demands=FOR_INSTALLERS)
    checked(sdist, wheel, demands=Demands(files="sdist"))


REAL_BACKENDS = {
    "setuptools": '["setuptools>=69"]\nbuild-backend = "setuptools.build_meta"',
    "flit": '["flit_core>=3.9"]\nbuild-backend = "flit_core.buildapi"',
    "hatchling": '["hatchling"]\nbuild-backend = "hatchling.build"',
}


def test_the_sandboxs_user_can_read_what_is_built_whatever_the_umask_is(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        source = write(hatch(tmp_path / "source"), {"src/market_data_core/deep/c.py": ""})
        subprocess.run(["git", "init", "--quiet", source], check=True)
        subprocess.run(["git", "-C", source, "add", "."], check=True)
        asyncio.run(copy_tree(source, tmp_path / "copy", epoch=EPOCH, history=True))
    finally:
        os.umask(before)
    copied = [tmp_path / "copy", *(tmp_path / "copy").rglob("*")]
    assert {path.stat().st_mode & 0o055 for path in copied if path.is_dir()} == {0o055}
    assert {path.stat().st_mode & 0o044 for path in copied} == {0o044}


@pytest.mark.live
@pytest.mark.parametrize("backend", REAL_BACKENDS.values(), ids=REAL_BACKENDS)
def test_real_backends_give_the_same_bytes_twice(backend: str, tmp_path: Path) -> None:
    real = find_index("pypi", ENVIRON).url.get_secret_value()
    text = HATCH.replace('["hatchling"]\nbuild-backend = "hatchling.build"', backend) + 'description = "Core"\n'
    results = []
    for name, umask in (("one", 0o022), ("two/deeper", 0o077)):
        source = hatch(tmp_path / name)
        write(source, {"pyproject.toml": text, "src/market_data_core/b.py": "", "tests/test_it.py": ""})
        before = os.umask(umask)
        try:
            results.append(made(source, tmp_path / "out" / name, index=real))
        finally:
            os.umask(before)
        checked(*(file.path for file in results[-1]))
    assert [file.sha256 for file in results[0]] == [file.sha256 for file in results[1]]
