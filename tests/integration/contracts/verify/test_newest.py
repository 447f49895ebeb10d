"""Which release is a downstream's newest, and which an upstream's last."""

import asyncio
from pathlib import Path

import pytest
from packaging.version import Version
from pydantic import SecretStr

from interlock.adapters.index.client import open_index
from interlock.adapters.index.settings import Index
from interlock.contracts.verify.comparison import newest_release
from tests.support.universe import Universe

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
