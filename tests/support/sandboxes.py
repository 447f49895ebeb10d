"""Sandboxes that tests look into: a suite or a build that may write into a folder outside."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interlock.common import sandbox
from interlock.common.process import Completed
from interlock.common.sandbox import Box


@contextlib.contextmanager
def open_to(folder: Path) -> Iterator[Path]:
    """Let every sandbox of this process write into a folder, by which several runs know of each other."""
    folder.mkdir(exist_ok=True, parents=True)
    run = sandbox.run

    async def also(*arguments: Any, box: Box, **settings: Any) -> Completed:
        return await run(*arguments, box=box.model_copy(update={"write": (*box.write, folder)}), **settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "run", also)
        yield folder


@contextlib.contextmanager
def without_isolation() -> Iterator[None]:
    """A machine that has no sandbox, with its operator's consent."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(sandbox.ISOLATION, "none")
        sandbox.isolation.cache_clear()
        yield
    sandbox.isolation.cache_clear()
