"""Projects with a lock that uv has made, and an index with the packages that it holds."""

import asyncio
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from packaging.version import Version
from pydantic import SecretStr
from uv import find_uv_bin

from interlock.adapters.index.client import open_index
from interlock.adapters.index.settings import Index
from interlock.project.lock_files import Followed, Locks
from tests.support.universe.world import Universe, open_universe

PYPROJECT = """\
[project]
name = "acme-app"
version = "0.5.0"
requires-python = ">=3.11"
dependencies = ["acme-core>=1.4,<2", "acme-third"]

[dependency-groups]
dev = ["acme-core-extra"]

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Universe]:
    """Two versions of the upstream, of which the later needs one package more, and of others."""
    with open_universe(tmp_path_factory.mktemp("packages") / "files") as universe:
        universe.wheel("acme-core", "1.4.0")
        universe.wheel("acme-core-extra", "1.4.0")
        universe.wheel("acme-third", "1.0")
        yield universe


@pytest.fixture(scope="module")
def locked(packages: Universe, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """A project that was locked before the later versions came."""
    root = tmp_path_factory.mktemp("locked")
    (root / "pyproject.toml").write_text(PYPROJECT)
    uv(root, packages, "lock")
    packages.wheel("acme-core", "1.5.0", requires=["acme-new>=0.1"])
    packages.wheel("acme-new", "0.2")
    packages.wheel("acme-third", "1.1")
    return {name: (root / name).read_bytes() for name in ("pyproject.toml", "uv.lock")}


def uv(root: Path, packages: Universe, *arguments: str) -> subprocess.CompletedProcess[str]:
    """uv, as a person with this index has it."""
    env = {**os.environ, "UV_DEFAULT_INDEX": packages.url, "UV_CACHE_DIR": str(packages.folder.parent / "uv")}
    command = [find_uv_bin(), *arguments, "--no-progress"]
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    assert "--check" in arguments or done.returncode == 0, done.stderr
    return done


def follow(
    top: Path,
    url: str,
    *,
    version: str | None = None,
    moved: Mapping[str, str] | None = None,
    project: str = ".",
    name: str = "acme-app",
) -> Followed:
    """Bring the locks of a project up to date, with an index at this address."""

    async def done() -> Followed:
        cache = top.parent / "cache"
        async with open_index(Index(name="tiny", url=SecretStr(url), configured=True), cache) as index:
            locks = Locks(top=top, project=top / project, name=name, index=index, when=0)
            upstreams = {each: Version(text) for each, text in (moved or {}).items()}
            return await locks.follow(Version(version) if version else None, upstreams)

    return asyncio.run(done())
