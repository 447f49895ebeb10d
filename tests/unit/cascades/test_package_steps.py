"""What a cascade makes of the end of a package's release."""

import asyncio
from types import SimpleNamespace
from typing import Any

from interlock.cascades.package_steps import PackageSteps
from interlock.common.steps import call
from interlock.model.cascade import State
from interlock.model.release import Release
from interlock.releases.plan import ReleaseRequest
from tests.support.release_values import a_release


def test_a_follower_with_nothing_to_release_is_unchanged() -> None:
    marked: list[tuple[str, State, str]] = []

    async def mark(package: str, state: State, reason: str = "", **_others: object) -> None:
        marked.append((package, state, reason))

    async def release(_context: object, _request: ReleaseRequest) -> Release:
        return a_release(nothing_new=True)

    run: Any = SimpleNamespace(context=None, mark=mark)
    request = ReleaseRequest(package="market-data-core", cascade="other-2.0", request_id="x")
    run.context = SimpleNamespace(request=SimpleNamespace(patience=request.patience))

    asyncio.run(PackageSteps(run, call, release)._released(request))

    since = "market-data-core has nothing to release since v1.2.11 (released 2026-11-20 12:01 UTC)"
    assert marked == [("market-data-core", State.UNCHANGED, f"{since}, and no requirement moves")]
