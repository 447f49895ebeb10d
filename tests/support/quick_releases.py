"""Releases without what takes long and is the same each time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest

from interlock.common import retry
from interlock.project import build
from interlock.releases import preflight
from interlock.releases.context import ReleaseContext

_sleep = asyncio.sleep


@contextlib.contextmanager
def quick_releases() -> Iterator[pytest.MonkeyPatch]:
    """No preflight, no lease and no check of what was built until the end of the block; pauses are shorter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retry, "sleep", _nap)
        patch.setattr(preflight, "preflight", _looked_before)
        patch.setattr(ReleaseContext, "lease", contextlib.asynccontextmanager(_alone))
        patch.setattr(build, "check", _checked_before)
        yield patch


async def _nap(seconds: float) -> None:
    await _sleep(seconds / 20)


async def _looked_before(_context: object) -> None:
    """It only reads, and what it meets ends the release before it begins."""


async def _alone(_context: object) -> AsyncIterator[None]:
    """Nobody else releases; what a lease meets is its own tests' business."""
    yield


async def _checked_before(*_files: object, **_facts: object) -> None:
    """The files are the same each time, and were checked when they were built."""
