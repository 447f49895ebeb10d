import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename
from uv import find_uv_bin

from interlock.adapters.distributions import read_wheel
from interlock.errors import RehearsalError
from rehearsal.wheels import closure, pack_closure, repack

NEEDED = ("hatchling", "pytest", "pytest-asyncio", "pydantic")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    return pack_closure(tmp_path_factory.mktemp("packed"), NEEDED)


def test_everything_that_is_required_is_packed_and_fits_here(packed: tuple[Path, ...]) -> None:
    wheels = {read_wheel(path).name: path for path in packed}
    assert set(wheels) >= {*NEEDED, "pydantic-core", "pluggy", "packaging", "pathspec", "annotated-types"}
    for name, path in wheels.items():
        _name, version, _build, tags = parse_wheel_filename(path.name)
        assert str(version) == importlib.metadata.version(name)
        assert set(tags) & set(sys_tags())


def test_compiled_modules_are_packed_under_the_tags_that_they_were_installed_by(packed: tuple[Path, ...]) -> None:
    (core,) = (path for path in packed if path.name.startswith("pydantic_core-"))
    installed = importlib.metadata.distribution("pydantic-core").read_text("WHEEL") or ""
    tags = {line.removeprefix("Tag: ") for line in installed.splitlines() if line.startswith("Tag:")}
    assert {str(tag) for tag in parse_wheel_filename(core.name)[3]} == tags
    assert "none-any" not in core.name


def test_they_can_be_installed_without_a_network_and_work(packed: tuple[Path, ...], tmp_path: Path) -> None:
    words = ["pip", "install", "--no-index", "--find-links", str(packed[0].parent), "--python", sys.executable]
    subprocess.run([find_uv_bin(), *words, "--target", tmp_path / "in", *NEEDED], check=True, capture_output=True)
    program = "import hatchling.build, pydantic, pytest_asyncio; print(pydantic.__file__); pydantic.TypeAdapter(int)"
    command, environ = [sys.executable, "-S", "-c", program], os.environ | {"PYTHONPATH": str(tmp_path / "in")}
    done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
    assert done.stdout.startswith(str(tmp_path / "in"))
    assert (tmp_path / "in" / "bin" / "hatchling").exists(), "programs are made of the entry points"
    assert not list((tmp_path / "in").rglob("direct_url.json"))


def test_they_are_made_once_and_equal_whenever_they_are_made(packed: tuple[Path, ...], tmp_path: Path) -> None:
    before = [path.stat().st_mtime_ns for path in packed]
    assert pack_closure(packed[0].parent, NEEDED) == packed
    assert [path.stat().st_mtime_ns for path in packed] == before
    again = repack(tmp_path, "Pluggy")
    (pluggy,) = (path for path in packed if path.name == again.name)
    assert again.read_bytes() == pluggy.read_bytes()
    assert list(tmp_path.iterdir()) == [again]


def test_only_what_is_required_here_is_reached() -> None:
    assert closure(["pytest"]) == ("iniconfig", "packaging", "pluggy", "pygments", "pytest")
    assert closure(["pluggy", "Pluggy"]) == ("pluggy",)


def test_extras_count_where_they_are_asked_for() -> None:
    assert "h2" not in closure(["httpx"])
    assert closure(["httpx", "httpx[http2]"]) == closure(["httpx[http2]"])
    assert "h2" in closure(["httpx[http2]"])


def test_what_is_not_installed_is_named() -> None:
    with pytest.raises(RehearsalError, match="no-such-distribution is not installed beside Interlock"):
        closure(["no-such-distribution"])
