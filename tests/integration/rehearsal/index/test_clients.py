"""twine, uv and pip as they are, against the rehearsal's index."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from rehearsal.faults import Effect, FaultScript, InjectedFault
from tests.support.running_index import OTHERS, Running, change, run, said, twine
from tests.support.universe import make_wheel


def uv_install(
    index: Running, target: Path, *words: str, url: str = "", **environ: str
) -> subprocess.CompletedProcess[str]:
    command = [find_uv_bin(), "pip", "install", "--python", sys.executable, "--target", str(target), *words]
    environment = {**os.environ, "UV_DEFAULT_INDEX": url or f"{index.url}/simple/", **environ}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def installed(target: Path) -> list[str]:
    return sorted(path.name.removesuffix(".dist-info") for path in target.glob("*.dist-info"))


def test_twine_uploads_twice_and_the_second_time_nothing_happens(index: Running, wheel: Path, sdist: Path) -> None:
    for note in ("upload", "kept"):
        done = twine(index, [wheel, sdist])
        assert done.returncode == 0, said(done)
        assert {f"{note} {wheel.name}", f"{note} {sdist.name}"} <= {seen.note for seen in index.log.all()}
    assert index.shown("core") == [wheel.name, sdist.name]
    assert {seen.user for seen in index.log.writes("index")} == {"me"}


def test_twine_says_why_another_file_is_refused(index: Running, wheel: Path) -> None:
    twine(index, [wheel])
    before = index.page("core")
    done = twine(index, [change(wheel)])
    assert done.returncode == 1
    assert "legacy/ File already exists ('core-1.0-py3-none-any.whl', with blake2_256 hash" in said(done)
    assert index.page("core") == before


def test_twine_says_why_a_stranger_is_refused(index: Running, wheel: Path) -> None:
    twine(index, [wheel])
    done = twine(index, [wheel], OTHERS)
    assert done.returncode == 1
    assert "legacy/ The user 'them' isn't allowed to upload to project 'core'." in said(done)


def test_twine_ends_well_when_the_first_answer_is_lost(index: Running, wheel: Path, faults: FaultScript) -> None:
    faults.add(InjectedFault(effect=Effect.LOSE, method="POST", path="/legacy/"))
    assert twine(index, [wheel]).returncode == 0
    assert [seen.note for seen in index.log.writes()] == [f"upload {wheel.name}", f"kept {wheel.name}"]


def test_uv_publishes(index: Running, wheel: Path) -> None:
    words = ["publish", "--publish-url", f"{index.url}/legacy/", "--trusted-publishing", "never", str(wheel)]
    environment = {**os.environ, "UV_PUBLISH_TOKEN": "pypi-of-mine"}
    subprocess.run([find_uv_bin(), *words], env=environment, check=True, capture_output=True)
    assert index.shown("core") == [wheel.name]


def test_uv_installs_the_newest_release_as_soon_as_it_is_there(index: Running, tmp_path: Path, wheel: Path) -> None:
    index.upload(wheel)
    uv_install(index, tmp_path / "first", "core").check_returncode()
    index.upload(make_wheel(tmp_path / "dist", "core", "1.1", files={}, requires_python=">=3.8"))
    uv_install(index, tmp_path / "second", "core").check_returncode()
    assert installed(tmp_path / "first") + installed(tmp_path / "second") == ["core-1.0", "core-1.1"]
    asked = [seen.path for seen in index.log.all()]
    assert any(path.endswith(".whl.metadata") for path in asked), "it reads the metadata by itself (PEP 658)"


@pytest.mark.parametrize("serves_json", [True, False])
def test_uv_passes_over_a_yanked_release_unless_it_is_pinned(
    index: Running, tmp_path: Path, wheel: Path, serves_json: bool
) -> None:
    index.switches.serves_json = serves_json
    index.upload(wheel)
    index.upload(make_wheel(tmp_path / "dist", "core", "1.1", files={}))
    index.store.yank("core", "1.1", "it was broken")
    uv_install(index, tmp_path / "newest", "core").check_returncode()
    pinned = uv_install(index, tmp_path / "pinned", "core==1.1")
    assert installed(tmp_path / "newest") + installed(tmp_path / "pinned") == ["core-1.0", "core-1.1"]
    assert "it was broken" in pinned.stderr


def test_uv_installs_from_a_private_index_with_the_password_alone(index: Running, tmp_path: Path, wheel: Path) -> None:
    index.upload(wheel)
    index.switches.password = ("reader", "hush")
    assert uv_install(index, tmp_path / "without", "core").returncode != 0
    with_it = index.url.replace("http://", "http://reader:hush@") + "/simple/"
    uv_install(index, tmp_path / "with", "core", url=with_it).check_returncode()
    assert installed(tmp_path / "with") == ["core-1.0"]


def test_uv_sees_the_new_release_when_the_stale_window_ends(index: Running, tmp_path: Path, wheel: Path) -> None:
    index.upload(wheel)
    index.store.go_stale()
    index.upload(make_wheel(tmp_path / "dist", "core", "1.1", files={}))
    assert uv_install(index, tmp_path / "stale", "core==1.1").returncode != 0
    index.store.go_stale(0)
    uv_install(index, tmp_path / "fresh", "core==1.1").check_returncode()


def test_pip_downloads_with_what_is_required_and_passes_over_what_is_yanked(
    index: Running, tmp_path: Path, wheel: Path
) -> None:
    index.upload(wheel)
    index.upload(make_wheel(tmp_path / "dist", "core", "1.1", files={}))
    index.upload(make_wheel(tmp_path / "dist", "pipe", "2.0", files={}, requires=["Core>=1"]))
    index.store.yank("core", "1.1")
    words = ["download", "--quiet", "--disable-pip-version-check", "--dest", str(tmp_path / "got"), "pipe"]
    done = run("pip", *words, PIP_INDEX_URL=f"{index.url}/simple/", PIP_CACHE_DIR=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "got").iterdir()) == [
        "core-1.0-py3-none-any.whl",
        "pipe-2.0-py3-none-any.whl",
    ]
