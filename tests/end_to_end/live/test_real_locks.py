"""A lock with packages of the real index, brought up to date: uv itself finds nothing to update in it."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
from packaging.version import Version
from uv import find_uv_bin

from interlock.adapters.index.client import open_index
from interlock.adapters.index.settings import find_index
from interlock.project.lock_files import Locks
from interlock.project.lock_files.lock_text import packages_of
from tests.support.projects import project

pytestmark = pytest.mark.live
# As it is before the tests have one of their own: the index of the person that runs them is meant.
ENVIRON = dict(os.environ)
CORE = "market-data-core"
PYPROJECT = """\
[build-system]
requires = ["flit_core<4"]
build-backend = "flit_core.buildapi"

[project]
name = "acme-dangerous"
version = "2.3.0.dev"
requires-python = ">=3.11"
dependencies = ["market-data-core>=1.2"]

[dependency-groups]
tests = ["iniconfig", "pluggy<1.6"]
"""


def uv(root: Path, *arguments: str) -> int:
    return subprocess.run([find_uv_bin(), "lock", "--quiet", *arguments], cwd=root, env=ENVIRON, check=False).returncode


@pytest.mark.parametrize("version", ["2.3.0", None])
def test_a_lock_of_real_packages_is_up_to_date_after_a_release(tmp_path: Path, version: str | None) -> None:
    # With None: a project with a dynamic version, for which a plain `uv lock` would run its back end.
    static = version is not None
    text = (
        PYPROJECT if static else PYPROJECT.replace('version = "2.3.0.dev"', 'dynamic = ["version"]\ndescription = "x"')
    )
    root = project(tmp_path / "project", {"pyproject.toml": text, "acme_dangerous.py": '"""x"""\n__version__ = "1"\n'})

    async def moved() -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
        async with open_index(find_index("pypi", ENVIRON), tmp_path / "cache") as index:
            old, new = sorted(each for each in await index.releases(CORE) if not each.is_prerelease)[-2:]
            assert uv(root, "--upgrade-package", f"{CORE}=={old}", "--upgrade-package", "iniconfig==2.0.0") == 0
            before = {(each.name, each.version) for each in packages_of((root / "uv.lock").read_text())}
            changed = text.replace(">=1.2", f">={new}").replace("2.3.0.dev", "2.3.0")
            (root / "pyproject.toml").write_text(changed)
            assert uv(root, "--check") != 0
            locks = Locks(top=root, project=root, name="acme-dangerous", index=index, when=0)
            done = await locks.follow(Version(version or "1"), {CORE: new})
            assert done == ((root / "uv.lock",), ())
            after = {(each.name, each.version) for each in packages_of((root / "uv.lock").read_text())}
            return before, after

    before, after = asyncio.run(moved())

    assert uv(root, "--check") == 0
    assert {name for name, _ in before ^ after} == {CORE, *(["acme-dangerous"] if static else [])}
