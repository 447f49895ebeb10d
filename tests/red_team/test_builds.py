"""What build back ends try: to read secrets, to reach the network, to leave something for others or for a release."""

import asyncio
import os
import socket
import uuid
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version
from pydantic import SecretStr

from interlock.adapters.index.client import open_index
from interlock.adapters.index.settings import Index
from interlock.adapters.uv import Uv
from interlock.errors import BuildError
from interlock.project.build import BuiltFile, FailedBuildError, build
from tests.support.sandboxes import open_to

PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "core"
version = "1.0"
"""
BACKEND = """
import io, os, pathlib, socket, subprocess, sys, tarfile, zipfile

WHEEL = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"

def get_requires_for_build_sdist(config_settings=None):
    return REQUIRES

def attack(folder):
    pass

def build_sdist(folder, config_settings=None):
    attack(pathlib.Path(folder))
    with tarfile.open(pathlib.Path(folder, "core-1.0.tar.gz"), "w:gz") as archive:
        for name, data in {"PKG-INFO": b"Metadata-Version: 2.1\\nName: core\\nVersion: 1.0\\n",
                           "pyproject.toml": open("pyproject.toml", "rb").read(),
                           "backend.py": open("backend.py", "rb").read()}.items():
            member = tarfile.TarInfo("core-1.0/" + name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return "core-1.0.tar.gz"

def build_wheel(folder, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(pathlib.Path(folder, "core-1.0-py3-none-any.whl"), "w") as archive:
        archive.writestr("core.py", "x = 1\\n")
        archive.writestr("core-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: core\\nVersion: 1.0\\n")
        archive.writestr("core-1.0.dist-info/WHEEL", WHEEL)
        archive.writestr("core-1.0.dist-info/RECORD", "")
    return "core-1.0-py3-none-any.whl"
"""


def built(folder: Path, attack: str, requires: str = "[]", **settings: Any) -> tuple[BuiltFile, ...]:
    """Build a project whose back end attacks while it makes the sdist."""
    source = folder / "source"
    source.mkdir(parents=True, exist_ok=True)
    (source / "pyproject.toml").write_text(PROJECT)
    body = "\n".join(f"    {line}" for line in attack.splitlines())
    (source / "backend.py").write_text(BACKEND.replace("    pass", body or "    pass").replace("REQUIRES", requires))

    async def building() -> tuple[BuiltFile, ...]:
        url = "http://127.0.0.1:9/simple"
        async with open_index(Index(name="none", url=SecretStr(url), configured=True), folder / "cache") as index:
            uv = Uv({"UV_DEFAULT_INDEX": url}, folder / "cache/environments", index)
            return await build(source, version=Version("1.0"), epoch=1, uv=uv, out=folder / "out", **settings)

    return asyncio.run(building())


def test_a_harmless_one_is_built(tmp_path: Path) -> None:
    assert [file.name for file in built(tmp_path, "")] == ["core-1.0.tar.gz", "core-1.0-py3-none-any.whl"]


def test_it_finds_no_secret_and_no_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINE_PASSWORD", "hunter2")
    with socket.create_server(("127.0.0.1", 0)) as server, open_to(tmp_path / "shared") as shared:
        attack = f"""
loot = [p.read_bytes() for p in pathlib.Path("/proc").glob("[0-9]*/environ")]
try:
    socket.create_connection(("127.0.0.1", {server.getsockname()[1]}), 2); loot.append(b"reached")
except OSError:
    loot.append(b"refused")
open({str(shared / "loot")!r}, "wb").write(b" ".join(loot))
""".strip()
        built(tmp_path, attack)
        loot = (shared / "loot").read_bytes()
    assert b"hunter2" not in loot
    assert loot.endswith(b"refused")


def test_with_a_network_of_its_own_it_is_told_apart(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        built(tmp_path, f"socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 2)", network=True)


def test_one_that_downloads_is_refused_with_the_setting_that_allows_it(tmp_path: Path) -> None:
    with pytest.raises(FailedBuildError) as caught:
        built(tmp_path, "import urllib.request; urllib.request.urlopen('https://example.org/crate.tar.gz')")
    assert "build_network = true" in str(caught.value.hint)


@pytest.mark.parametrize(
    "attack",
    [
        "os.symlink('/etc/shadow', folder / 'core-1.0-py2-none-any.whl')",
        "os.mkfifo(folder / 'core-1.0-py2-none-any.whl')",
        "(folder / 'core-1.0-py2-none-any.whl').mkdir()",
    ],
    ids=["link", "pipe", "folder"],
)
def test_what_it_makes_must_be_files(tmp_path: Path, attack: str) -> None:
    with pytest.raises(BuildError, match=r"core-1\.0-py2-none-any\.whl, and it"):
        built(tmp_path, attack)


@pytest.mark.parametrize("requires", ["[]", "[f'later-{os.getpid()}'] if os.path.exists('x') else []"])
def test_links_that_it_puts_in_the_place_of_folders_lead_nowhere(tmp_path: Path, requires: str) -> None:
    """What Interlock does in these folders after the back end, it does as itself."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret-1.0-py3-none-any.whl").write_bytes(b"secret")
    attack = f"""
import shutil
for name in ("box", "made", "environment", "facts.jsonl"):
    for top in (folder.parent, folder.parent.parent):
        try:
            shutil.rmtree(top / name) if (top / name).is_dir() else os.unlink(top / name)
            os.symlink({str(outside)!r}, top / name)
        except OSError:
            pass
for name in ("home", "tmp", "unpacked"):
    shutil.rmtree(folder.parent / "box" / name, ignore_errors=True)
os.symlink({str(outside)!r}, folder.parent / "box" / "home")
""".strip()
    try:
        files = built(tmp_path, attack, requires=requires)
    except BuildError:
        files = ()
    assert "secret" not in "".join(file.name for file in files)
    assert [path.name for path in outside.iterdir()] == ["secret-1.0-py3-none-any.whl"]


@pytest.mark.parametrize(
    "requires",
    [
        "['--index-url=http://127.0.0.1:9/evil', 'x']",
        "['-r /etc/passwd']",
        "['x\\\\n--index-url http://127.0.0.1:9/evil']",
        "['x @ file:///etc/passwd']",
        "[1, None]",
        "['x' * 3_000_000]",
    ],
)
def test_what_it_requires_is_only_ever_a_requirement(tmp_path: Path, requires: str) -> None:
    with pytest.raises(BuildError):
        built(tmp_path, "", requires=requires)


def test_what_it_leaves_behind_is_in_no_later_build(tmp_path: Path) -> None:
    """It writes into everything that it can; a release of the same tree is built from nothing and is the same."""
    clean = {file.name: file.sha256 for file in built(tmp_path / "clean", "")}
    name = uuid.uuid4().hex
    attack = f"""
MADE = str(folder)
if os.environ.get("HOME", "").startswith("/tmp"):
    for top in ("/", "/usr", "/etc", "/tmp", "/dev/shm", {str(tmp_path)!r}, {str(Path(__file__).parents[2])!r}):
        for top_of, _, files in os.walk(top):
            if top_of.startswith(("/proc", "/sys", os.getcwd(), MADE)):
                continue
            try:
                pathlib.Path(top_of, {name!r}).write_text("evil")
            except OSError:
                pass
""".strip()
    built(tmp_path / "evil", attack, cache=tmp_path / "candidate-builds")
    for top in (tmp_path, Path("/tmp"), Path("/dev/shm"), Path(__file__).parents[2]):
        assert not list(top.glob(f"*/{name}"))
        assert not (top / name).exists()
    assert {file.name: file.sha256 for file in built(tmp_path / "clean", "")} == clean


def test_a_kept_build_that_was_changed_is_built_again(tmp_path: Path) -> None:
    first = built(tmp_path, "", cache=tmp_path / "kept")
    (wheel,) = (tmp_path / "kept").rglob("*.whl")
    stat = wheel.stat()
    wheel.chmod(0o644)
    wheel.write_bytes(wheel.read_bytes()[:-4] + b"evil")
    os.utime(wheel, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert [file.sha256 for file in built(tmp_path, "", cache=tmp_path / "kept")] == [file.sha256 for file in first]
