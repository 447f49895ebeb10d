"""A package in a repository of its own, whose build backend is a file of it; and what finds it there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from interlock.adapters.build_backend import Project
from interlock.adapters.connections import Connections
from interlock.adapters.github import Credentials
from interlock.adapters.ledger import Ledger
from interlock.adapters.uv import Uv
from interlock.contracts.candidates import CandidateBuilder
from interlock.model.family import Family
from interlock.project.build import builder
from tests.support.git_repositories import git
from tests.support.universe.connected import connected
from tests.support.universe.world import Universe

CORE, PIPELINE = "trains-core", "trains-pipeline"
T = TypeVar("T")

PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "{name}"
version = "{version}"
dependencies = {requires}
[project.optional-dependencies]
fast = ["trains-wheels"]
"""
# It tells which variables it was built with.
BACKEND = """\
import io, json, os, tarfile, tomllib, zipfile
from pathlib import Path

PROJECT = tomllib.loads(Path("pyproject.toml").read_text())["project"]
MODULE = PROJECT["name"].replace("-", "_")
STEM = f"{MODULE}-{PROJECT['version']}"
LINES = [f"Requires-Dist: {line}" for line in PROJECT["dependencies"]]
LINES += ["Provides-Extra: fast", "Requires-Dist: trains-wheels; extra == 'fast'"]
HEAD = ["Metadata-Version: 2.1", f"Name: {PROJECT['name']}", f"Version: {PROJECT['version']}"]
METADATA = "\\n".join([*HEAD, "Description-Content-Type: text/plain", *LINES, "", "x"])

def build_sdist(folder, settings=None):
    with tarfile.open(Path(folder, STEM + ".tar.gz"), "w:gz") as archive:
        paths = [path for path in Path().rglob("*") if path.is_file() and path.parts[0] != ".git"]
        files = {str(path): path.read_bytes() for path in paths}
        for name, data in {**files, "PKG-INFO": METADATA.encode()}.items():
            member = tarfile.TarInfo(f"{STEM}/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return STEM + ".tar.gz"

def build_wheel(folder, settings=None, metadata=None):
    info = STEM + ".dist-info"
    wheel = "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files = {str(path): path.read_text() for path in Path(MODULE).rglob("*.py")}
    files |= {f"{MODULE}/built_with.json": json.dumps(dict(os.environ))}
    files |= {f"{info}/METADATA": METADATA, f"{info}/WHEEL": wheel}
    files[f"{info}/RECORD"] = "".join(f"{name},,\\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(Path(folder, STEM + "-py3-none-any.whl"), "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return STEM + "-py3-none-any.whl"
"""


def project(name: str, version: str, *, requires: str = "[]", **modules: str) -> dict[str, str]:
    """The files of a package."""
    module = name.replace("-", "_")
    return {
        "pyproject.toml": PYPROJECT.format(name=name, version=version, requires=requires),
        "backend.py": BACKEND,
        f"{module}/__init__.py": "",
        **{f"{module}/{each}.py": text for each, text in modules.items()},
    }


@dataclass
class Origin:
    """A work tree that stands for everybody's, and the bare repository that GitHub would have."""

    work: Path
    bare: Path

    def commit(self, files: Mapping[str, str], message: str = "a change") -> str:
        """Commit files; nobody else has them yet."""
        for name, text in files.items():
            (self.work / name).parent.mkdir(parents=True, exist_ok=True)
            (self.work / name).write_text(text)
        git(self.work, "add", "--all")
        git(self.work, "commit", "--quiet", "--allow-empty", "--message", message)
        return git(self.work, "rev-parse", "HEAD")

    def push(self, *refspecs: str) -> None:
        """Let the bare repository have them."""
        git(self.work, "push", "--quiet", "--force", str(self.bare), *refspecs)


@dataclass
class CandidateWorld:
    """Repositories, and an index.

    Attributes:
        builds: The versions that were really built, not taken from a cache.
    """

    folder: Path
    universe: Universe
    family: Family
    builds: list[str] = field(default_factory=list)
    credentials: Credentials | None = None

    def origin(self, name: str, files: Mapping[str, str]) -> Origin:
        """A repository with one commit, tagged v1.0, on its branch main."""
        work, bare = self.folder / f"work-{name}", self.folder / "acme" / f"{name}.git"
        for each, options in ((work, []), (bare, ["--bare"])):
            each.mkdir(parents=True)
            git(each, "init", "--quiet", "--initial-branch=main", *options)
        origin = Origin(work, bare)
        origin.commit(files, "first")
        git(work, "tag", "--annotate", "--message=one", "v1.0")
        origin.push("main", "v1.0")
        return origin

    @contextlib.asynccontextmanager
    async def connected(self, ledger: Ledger | None = None) -> AsyncIterator[Connections]:
        """Connections of their own, as another process would have them."""
        server, cache = str(self.folder), self.folder / "cache"
        async with connected(
            self.universe, self.family, cache, ledger=ledger, credentials=self.credentials, server=server
        ) as connections:
            yield connections

    def run(self, does: Callable[[CandidateBuilder], Awaitable[T]]) -> T:
        """Do something with a builder of candidates."""

        async def done() -> T:
            async with self.connected() as connections:
                return await does(CandidateBuilder(connections))

        return asyncio.run(done())


def a_family(**pipeline: object) -> Family:
    """Two packages, of which the second requires the first."""
    packages = {CORE: {}, PIPELINE: {"upstreams": [CORE], **pipeline}}
    return Family.model_validate({"name": "trains", "owner": "acme", "packages": packages})


@contextlib.contextmanager
def candidate_world(folder: Path, universe: Universe) -> Iterator[CandidateWorld]:
    """Nothing but an index yet."""
    folder.mkdir(parents=True, exist_ok=True)
    world = CandidateWorld(folder, universe, a_family())
    really = builder._run_build

    async def counted(project: Project, made: Path, uv: Uv, out: Path) -> None:
        await really(project, made, uv, out)
        world.builds += [path.name for path in made.glob("*.whl")]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builder, "_run_build", counted)
        yield world
