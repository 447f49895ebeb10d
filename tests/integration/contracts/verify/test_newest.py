"""Which releases of a downstream are verified, and which release of an upstream is its last."""

import asyncio
from pathlib import Path

import pytest
from packaging.version import Version
from pydantic import SecretStr

from interlock.adapters.index.client import Release, open_index
from interlock.adapters.index.settings import Index
from interlock.contracts.verify import ContractsRequest
from interlock.contracts.verify.build import prepare_downstream
from interlock.contracts.verify.comparison import newest_release
from interlock.contracts.verify.context import VerificationContext
from interlock.contracts.verify.subjects import Downstream, Side
from interlock.model.family import Family
from tests.support.ledgers import scratch_ledger
from tests.support.universe import Universe
from tests.support.universe.connected import connected

FINAL, EARLY = "newest-final", "newest-early"


@pytest.mark.parametrize(
    ("package", "before", "newest"),
    [
        (FINAL, None, "1.1"),
        (FINAL, "1.1", "1.0"),
        (FINAL, "1.0", None),
        (EARLY, None, "0.2rc1"),
        (EARLY, "0.2rc1", "0.1rc1"),
        ("newest-none", None, None),
    ],
)
def test_a_pre_release_is_the_newest_only_where_nothing_is_final(
    shared_universe: Universe, tmp_path: Path, package: str, before: str | None, newest: str | None
) -> None:
    """Else nothing of such a package would ever be tested, and `interlock check` could never say yes."""
    for version in ("0.9rc1", "1.0", "1.1", "1.2rc1"):
        shared_universe.wheel(FINAL, version)
    for version in ("0.1rc1", "0.2rc1"):
        shared_universe.wheel(EARLY, version)

    async def found() -> str | None:
        index = Index(name="tiny", url=SecretStr(shared_universe.url), configured=True)
        async with open_index(index, tmp_path) as opened:
            release = await newest_release(opened, package, before=Version(before) if before else None)
            return str(release.version) if release else None

    assert asyncio.run(found()) == newest


OF, STORE = "counted-core", "counted-store"


@pytest.mark.parametrize(
    ("asked", "counted", "branch"),
    [
        ({}, ["1.0", "1.1"], True),
        ({"downstream_versions": "0.9"}, ["0.9"], True),
        ({"downstream_versions": "latest:1", "released_only": True}, ["1.1"], False),
    ],
    ids=["supported", "asked for", "alone"],
)
def test_the_supported_releases_of_a_downstream_are_verified_or_those_that_were_asked_for(
    shared_universe: Universe, tmp_path: Path, asked: dict[str, object], counted: list[str], branch: bool
) -> None:
    for version in ("0.9", "1.0", "1.1"):
        shared_universe.wheel(STORE, version, requires=[OF])
    packages = {OF: {}, STORE: {"upstreams": [OF], "supported": ">=1.0"}}
    family = Family.model_validate({"name": "counted", "owner": "acme", "packages": packages})
    request = ContractsRequest.model_validate({"upstream": OF, "ref": "main", **asked})
    candidate = Side(release=Release(package=STORE, version=Version("1.1+gabc")), described="branch", named="abc")

    async def built(_name: str) -> Side:
        return candidate

    async def found() -> Downstream:
        async with connected(shared_universe, family, tmp_path, ledger=scratch_ledger()) as connections:
            return await prepare_downstream(VerificationContext(request, connections), STORE, built)

    downstream = asyncio.run(found())
    assert [side.version for side in downstream.sides] == [*counted, *([candidate.version] if branch else [])]
    assert downstream.unproven
