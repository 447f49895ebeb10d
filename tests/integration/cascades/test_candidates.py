"""What is proved is what is released: the head of a branch with its new requirements, built once."""

import asyncio
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.version import Version
from uv import find_uv_bin

from interlock.adapters.build_backend import Project
from interlock.adapters.connections import access_from, open_connections
from interlock.adapters.uv import Uv
from interlock.cascades.candidate import offered
from interlock.cascades.context import CascadeContext, open_cascade
from interlock.cascades.request import CascadeRequest
from interlock.cascades.verify import Moved, Proof
from interlock.cascades.verify import prove as really_prove
from interlock.model import family_file
from interlock.model.release import Release
from interlock.project import build as building
from interlock.project.build import BuiltFile, FailedBuildError, builder
from interlock.project.lock_files.lock_text import packages_of
from interlock.releases.plan import Plan, ReleaseRequest
from tests.support.rehearsed_cascade import ORCHESTRATOR, PIPELINE, STORE, RehearsedCascade, all_is_green, built, states
from tests.support.rehearsed_release import CORE

pytestmark = pytest.mark.usefixtures("quick")
ROOT = CascadeRequest(root=CORE)
# Another one than the tests' own, of which there are builds already, and later than every commit.
EPOCH = 2_000_000_000
# The world has no packages for other systems.
FOR_LINUX = f"""

[tool.uv]
environments = ["sys_platform == 'linux' and python_version == '{sys.version_info[0]}.{sys.version_info[1]}'"]
"""
OWN = 'name = "market-data-store"\n'


async def offering(request: ReleaseRequest) -> tuple[Plan, list[str]]:
    """A candidate, and the versions of its package on offer before and after."""
    seen = []
    family = family_file.load()
    async with open_connections(family, access_from(family)) as connections:
        index = connections.index
        async with offered(await open_cascade(ROOT, connections), request) as plan:
            release = (await index.releases(request.package))[plan.version]
            assert plan.version not in await index.served(request.package)
            seen = [file.name for file in release.files]
        assert plan.version not in await index.releases(request.package)
    return plan, seen


@pytest.fixture
def really_built(quick: pytest.MonkeyPatch) -> list[str]:
    """What is really built: with the very build, and its cache."""
    made: list[str] = []
    run = builder._run_build

    async def counted(project: Project, files: Path, uv: Uv, out: Path) -> None:
        await run(project, files, uv, out)
        made.extend(path.name for path in files.glob("*.whl"))

    quick.setattr(building, "build", builder.build)
    quick.setattr(builder, "_run_build", counted)
    quick.delenv("SOURCE_DATE_EPOCH")
    return made


def locked_by_uv(here: RehearsedCascade, ref: str, folder: Path, *words: str) -> Path:
    """The lock of the store at a ref, as uv leaves it."""
    folder.mkdir()
    archive = here.git("market-data-store", "archive", ref, "--output", str(folder / "files.tar"))
    assert not archive
    with tarfile.open(folder / "files.tar") as files:
        files.extractall(folder, filter="data")
    # uv would build it to ask for its version, with what is not in this world; the lock does not hold that version.
    project = folder / "pyproject.toml"
    project.write_text(project.read_text().replace('dynamic = ["version"]', 'version = "0"'))
    lock = folder / "uv.lock"
    if "--check" in words:
        lock.write_text(lock.read_text().replace(OWN, f'{OWN}version = "0"\n'))
    subprocess.run([find_uv_bin(), "lock", "--quiet", *words], cwd=folder, check=True)
    lock.write_text(lock.read_text().replace(f'{OWN}version = "0"\n', OWN))
    return lock


def test_the_release_after_a_proof_builds_nothing_anew(
    here: RehearsedCascade, really_built: list[str], tmp_path: Path
) -> None:
    core = {CORE: Version("1.2.10")}
    pyproject = here.git("market-data-store", "show", "main:pyproject.toml") + FOR_LINUX
    here.commit("market-data-store", {"pyproject.toml": pyproject.encode()})
    old = locked_by_uv(here, "main", tmp_path / "old", "--upgrade-package", f"{CORE}==1.2.9")
    here.commit("market-data-store", {"uv.lock": old.read_bytes()})
    request = ReleaseRequest(package=STORE, pins=core, cascade="x-1", at=EPOCH)

    plan, files = asyncio.run(offering(request))
    released = here.release(STORE, pins=core, cascade="x-1", at=EPOCH)

    assert really_built == ["market_data_store-0.6.4-py3-none-any.whl"]
    assert (released.version, plan.epoch) == (plan.version, EPOCH)
    assert sorted(file.name for file in released.files) == sorted(files)
    assert here.git("market-data-store", "show", "--no-patch", "--format=%ct", "v0.6.4^{commit}") == str(EPOCH)
    # Its lock came with it: `uv lock --check` is satisfied, and nothing else has moved.
    new = locked_by_uv(here, "v0.6.4", tmp_path / "new", "--check")
    before, after = ({each.key for each in packages_of(lock.read_text())} for lock in (old, new))
    assert {(name, version) for name, version, _ in before ^ after} == {(CORE, "1.2.9"), (CORE, "1.2.10")}
    assert not [remark for remark in released.remarks if "uv.lock" in remark]


def test_what_is_asked_to_be_proved_is_what_is_asked_to_be_released(here: RehearsedCascade) -> None:
    asked: dict[str, list[ReleaseRequest | None]] = {}
    release = here.release_package

    async def prove(
        context: CascadeContext, name: str, moved: Sequence[Moved], request: ReleaseRequest | None
    ) -> Proof:
        asked.setdefault(name, []).append(request)
        return await all_is_green(context, name, moved)

    async def released(context: CascadeContext, request: ReleaseRequest) -> Release:
        asked.setdefault(request.package, []).append(request)
        return await release(context, request)

    here.instead["prove"] = prove
    here.release_package = released
    cascade = here.cascade()

    for name in (PIPELINE, STORE, ORCHESTRATOR):
        proved, made = asked[name]
        assert proved == made
        assert made is not None
        assert made.at == int(cascade.began_at.timestamp())
    unchanged = [name for name, state in states(cascade).items() if state == "unchanged"]
    assert unchanged
    assert [asked[name] for name in unchanged] == [[None]] * len(unchanged), "its users have its newest release"


def test_what_is_pushed_while_the_suites_run_is_proved_too(here: RehearsedCascade) -> None:
    proved: list[str] = []

    async def prove(context: CascadeContext, name: str, moved: Sequence[Moved], _request: object) -> Proof:
        if name != STORE:
            return await all_is_green(context, name, moved)
        proved.append(here.git("market-data-store", "rev-parse", "HEAD"))
        if len(proved) == 1:
            here.commit("market-data-store", {"NEWS": b"somebody's"})
        return Proof(base=proved[-1])

    here.instead["prove"] = prove
    here.cascade()

    assert len(set(proved)) == 2
    assert here.git("market-data-store", "rev-parse", "v0.6.4^^{commit}") == proved[-1]


def test_what_cant_be_built_is_held_with_the_first_lines_of_why(
    here: RehearsedCascade, quick: pytest.MonkeyPatch
) -> None:
    async def build(source: Path, **facts: object) -> tuple[BuiltFile, ...]:
        if "market-data-store" in (source / "pyproject.toml").read_text().partition("dependencies")[0]:
            raise FailedBuildError("the build failed:\n  no wheels today", hint="try it in a clone", log="")
        return await built(source, **facts)  # type: ignore[arg-type]

    async def prove(
        context: CascadeContext, name: str, moved: Sequence[Moved], request: ReleaseRequest | None
    ) -> Proof:
        return await (really_prove if name == STORE else all_is_green)(context, name, moved, request)

    quick.setattr(building, "build", build)
    here.instead["prove"] = prove
    cascade = here.cascade()

    assert states(cascade)[STORE] == "held"
    assert (
        cascade.progress[STORE].reason == "it can't be built: the build failed: / no wheels today / try it in a clone"
    )
    assert states(cascade)[PIPELINE] == "released"
    assert not [tag for tag in here.tagged() if "store" in tag]
