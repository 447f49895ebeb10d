"""Pins of the family's newest real sdists, moved by one version."""

import asyncio
import os
import tarfile
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from interlock.adapters.index.client import open_index
from interlock.adapters.index.settings import find_index
from interlock.model.bump import Bump
from interlock.project.requirements import Change, declared, repin

pytestmark = pytest.mark.live
# As it is before the tests have one of their own: the index of whoever runs them is meant.
ENVIRON = dict(os.environ)
FAMILY = [f"market-data-{name}" for name in ("core", "store", "ibkr", "pipeline", "orchestrator")]


async def _unpack(package: str, folder: Path) -> Path:
    """The newest sdist of a package, unpacked."""
    async with open_index(find_index("pypi", ENVIRON), folder / "cache") as index:
        releases = await index.releases(package)
        sdist = releases[max(version for version, release in releases.items() if release.sdist)].sdist
        assert sdist is not None
        with tarfile.open(await index.download(sdist)) as archive:
            archive.extractall(folder / package, filter="data")
    return next((folder / package).iterdir())


def _requirements(root: Path) -> list[Requirement]:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = project.get("optional-dependencies", {}).values()
    return [Requirement(text) for texts in (project["dependencies"], *extras) for text in texts]


def _contents(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("package", FAMILY[1:])
def test_the_newest_release_can_be_pinned_to_the_next_version_of_each_upstream(package: str, tmp_path: Path) -> None:
    root = asyncio.run(_unpack(package, tmp_path))
    edges = 0
    for upstream in FAMILY:
        wanted = [each for each in _requirements(root) if canonicalize_name(each.name) == upstream]
        places = [each for each in declared(root, upstream) if each.path.name == "pyproject.toml"]
        assert [each.specifier for each in places] == [each.specifier for each in wanted]
        for place in places[:1]:
            edges += 1
            assert place.specifier is not None
            _move(root, upstream, Bump.parse("patch").next(min(Version(each.version) for each in place.specifier)))
    assert edges >= 1


def _move(root: Path, upstream: str, version: Version) -> None:
    before = _contents(root)
    found = repin(root, upstream, version)
    assert (found.refusals, len(found.changes) >= 1) == ((), True)
    after = _contents(root)
    assert {path for path in after if after[path] != before[path]} == {root / path for path in found.files}
    for path in found.files:
        changes = [change for change in found.changes if change.path == path]
        assert after[root / path].splitlines() == _expected(before[root / path], changes)


def _expected(content: bytes, changes: list[Change]) -> list[bytes]:
    lines = content.splitlines()
    for change in changes:
        line = lines[change.line - 1]
        lines[change.line - 1] = line.replace(change.before.encode(), change.after.encode())
    return lines
