"""What a change of the real market-data-core does to the real market-data-pipeline, as `interlock contracts` says."""

import asyncio
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from deployments.embedded_server import ServerDirectory
from interlock.adapters.index.client import open_index
from interlock.adapters.index.settings import find_index
from interlock.contracts.schema import Use
from interlock.contracts.verify import Conclusion, ContractsReport
from interlock.model.bump import Part
from interlock.model.verdicts import Verdict
from tests.support.prefect_server import clean_up

pytestmark = pytest.mark.live
# As it is before the tests have one of their own: the index of whoever runs them is meant.
ENVIRON = dict(os.environ)
INTERLOCK = Path(sys.executable).with_name("interlock")
CORE, PIPELINE = "market-data-core", "market-data-pipeline"
LEVELS = "src/market_data_core/telemetry/backpressure.py"
LEVEL = "market_data_core.BackpressureLevel"


async def _unpack(folder: Path) -> Path:
    """The newest sdist of core, unpacked."""
    async with open_index(find_index("pypi", ENVIRON), folder / "cache") as index:
        releases = await index.releases(CORE)
        sdist = releases[max(version for version, release in releases.items() if release.sdist)].sdist
        assert sdist is not None
        with tarfile.open(await index.download(sdist)) as archive:
            archive.extractall(folder / "sdist", filter="data")
    return next((folder / "sdist").iterdir())


def _commit(root: Path, message: str) -> None:
    who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
    for command in (("init", "--quiet"), ("add", "--all", "--force"), (*who, "commit", "--quiet", "-m", message)):
        subprocess.run(["git", "-C", root, *command], check=True, capture_output=True)


def _contracts(root: Path, folder: Path) -> tuple[int, ContractsReport]:
    options = ("--of", CORE, "--downstream", PIPELINE, "--released-only", "--no-tell", "--json")
    command: list[str | Path] = [INTERLOCK, "contracts", root, *options]
    environ = {**ENVIRON, "INTERLOCK_HOME": str(folder / "home")}
    try:
        done = subprocess.run(command, env=environ, check=False, capture_output=True, text=True, timeout=1800)
    finally:
        clean_up(ServerDirectory(folder / "home" / "prefect"))
    assert done.stdout, done.stderr
    return done.returncode, ContractsReport.model_validate(json.loads(done.stdout), extra="ignore")


def test_a_renamed_level_of_core_breaks_pipeline_and_is_named_as_the_cause(tmp_path: Path) -> None:
    root = asyncio.run(_unpack(tmp_path))
    _commit(root, "the sdist")
    text = (root / LEVELS).read_text("utf-8")
    assert text.count('    soft = "soft"') == 1
    (root / LEVELS).write_text(text.replace('    soft = "soft"', '    gentle = "gentle"'), "utf-8")
    _commit(root, "rename a level")

    code, report = _contracts(root, tmp_path)

    (pipeline,) = report.downstreams
    (cell,) = pipeline.cells
    assert (code, pipeline.conclusion) == (1, Conclusion.FAILURE)
    assert (cell.verdict, cell.baseline) == (Verdict.INCOMPATIBLE, Verdict.COMPATIBLE)
    assert any("test_feedback_flow" in test.id and "soft" in (test.error or "") for test in cell.regressed)
    assert report.change is not None
    assert report.change.part is Part.MAJOR
    assert report.change.uses[PIPELINE][LEVEL] is Use.COVERED
