"""Interlock releases itself, by the family file that stands among the examples."""

import asyncio
import shutil
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.version import Version

from interlock.model.release import ReleasedFile
from rehearsal.wheels import pack_closure
from rehearsal.world import World
from tests.support.git_repositories import git
from tests.support.paths import ROOT
from tests.support.rehearsed_release import RehearsedRelease, serve_world
from tests.support.universe.index import TinyIndex

FAMILY = ROOT / "examples" / "interlock.toml"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
VERSION = PROJECT["project"]["version"]
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def make_repository(folder: Path) -> Path:
    """This checkout as it is now, in one commit, which is the last release; the rest of its history says nothing."""
    folder.mkdir()
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "family.toml", "prefect.yaml", ".gitignore"):
        shutil.copy2(ROOT / name, folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--force", "--all")
    git(folder, "commit", "--quiet", "--message=everything")
    git(folder, "tag", "--annotate", "--message=the last release", f"v{VERSION}")
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interlock_home: Path) -> Iterator[RehearsedRelease]:
    source = make_repository(tmp_path / "interlock")
    (tmp_path / "wheels").mkdir()
    pack_closure(tmp_path / "wheels", ["hatchling"])
    with TinyIndex(tmp_path / "wheels") as behind:
        monkeypatch.setenv("UV_DEFAULT_INDEX", behind.url)
        world = asyncio.run(World.create_or_open(tmp_path / "world", sources=[str(source)], family=FAMILY))
        with serve_world(world) as served:
            yield served


def files_of(here: RehearsedRelease, file: ReleasedFile) -> set[str]:
    """The files in an sdist or a wheel that is on the index."""
    path = here.serving.index.content(file.sha256, file.name)
    assert path is not None
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return set(wheel.namelist())
    with tarfile.open(path) as sdist:
        return {name.partition("/")[2] for name in sdist.getnames()}


def test_interlock_releases_itself_with_all_of_its_packages(here: RehearsedRelease) -> None:
    release = here.release("interlock")

    previous = Version(VERSION)
    version = f"{previous.major}.{previous.minor}.{previous.micro + 1}"
    assert (str(release.previous), str(release.version), release.tag) == (VERSION, version, f"v{version}")
    assert here.git("interlock", "rev-parse", f"v{version}^{{commit}}", "main").split() == [release.commit] * 2
    assert tomllib.loads(here.git("interlock", "show", "main:pyproject.toml"))["project"]["version"] == version

    sdist, wheel = (files_of(here, file) for file in release.files)
    source = set(here.git("interlock", "ls-tree", "-r", "--name-only", "main", *PACKAGES).splitlines())
    assert {name.partition("/")[0] for name in source} == {"interlock", "rehearsal", "blocks", "flows", "deployments"}
    assert source - sdist == set()
    assert source - wheel == set()
