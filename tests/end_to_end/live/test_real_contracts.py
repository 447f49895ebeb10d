"""What is said of the contract of the real core, checked against what its sources say."""

import asyncio
import os
from pathlib import Path

import pytest
from packaging.version import Version

from interlock.adapters.distributions import sdist_files
from interlock.adapters.index.client import PackageIndex, open_index
from interlock.adapters.index.settings import find_index
from interlock.adapters.uv import Uv
from interlock.cells import suite_files
from interlock.contracts.schema import ContractChange, ElementChange, Kind, Use, What
from interlock.contracts.schema.change import contract_change
from interlock.contracts.schema.uses import DownstreamSources
from interlock.model.bump import Part

pytestmark = pytest.mark.live
# As it is before the tests have one of their own: the index of whoever runs them is meant.
ENVIRON = dict(os.environ)


async def _pipeline(index: PackageIndex, folder: Path) -> DownstreamSources:
    release = (await index.releases("market-data-pipeline"))[Version("0.8.70")]
    assert release.sdist is not None
    tests = suite_files.select(sdist_files(await index.download(release.sdist)), "tests/contracts")
    suite_files.write_files(tests, folder / "suite")
    return DownstreamSources(wheel=await index.download(release.wheels[0]), tests=(folder / "suite",))


async def _change(before: str, after: str, folder: Path) -> ContractChange:
    settings = find_index("pypi", ENVIRON)
    async with open_index(settings, folder / "cache") as index:
        # The tests' own setting says that there is none.
        asked = {**settings.environment(), "UV_DEFAULT_INDEX": settings.url.get_secret_value()}
        uv = Uv(asked, folder / "environments", index)
        releases = await index.releases("market-data-core")
        wheels = [await index.download(releases[Version(version)].wheels[0]) for version in (before, after)]
        return await contract_change(
            *wheels,
            uv=uv,
            interpreter=await uv.interpreter("3.11"),
            cache=folder / "cache",
            downstreams={"market-data-pipeline": await _pipeline(index, folder)},
        )


def _named(change: ContractChange, name: str) -> ElementChange:
    return next(each for each in change.changes if each.name == f"market_data_core.{name}")


def test_a_requirement_that_became_an_extra_takes_a_class_away_and_all_else_only_came(tmp_path: Path) -> None:
    found = asyncio.run(_change("1.2.8", "1.2.41", tmp_path))
    gone = _named(found, "events.RedisStreamsBus")
    assert (gone.what, gone.breaks) == (What.REMOVED, True)
    assert gone.details[0].endswith("ModuleNotFoundError: No module named 'redis'")
    assert [change.name for change in found.changes if change.breaks] == [gone.name]
    assert found.part is Part.MAJOR
    load = _named(found, "load_config")
    assert (load.kind, load.what) == (Kind.FUNCTION, What.ADDED)
    # The pipeline's jobs and command line call it; no file of its contract tests imports those.
    assert found.uses["market-data-pipeline"][load.name] is Use.UNTESTED
    assert found.uses["market-data-pipeline"][gone.name] is Use.NOT_USED


def test_reformatted_sources_and_another_number_are_no_change_of_the_contract(tmp_path: Path) -> None:
    # 1.2.0 has the line ends of another system, and is otherwise laid out anew in 1.2.8.
    assert asyncio.run(_change("1.2.0", "1.2.8", tmp_path)).is_empty
    assert asyncio.run(_change("1.4.9", "1.4.61", tmp_path)).is_empty


def test_what_the_newest_has_more_is_missing_in_the_oldest(tmp_path: Path) -> None:
    found = asyncio.run(_change("1.4.61", "1.2.8", tmp_path))
    removed = {change.name for change in found.changes if change.what is What.REMOVED}
    assert {"market_data_core.AppConfig", "market_data_core.load_config", "market_data_core.runtime.Bar"} <= removed
    assert "market_data_core.load_config: public object was removed" in found.api
