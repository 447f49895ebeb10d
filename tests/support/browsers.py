"""A real browser."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright


@contextmanager
def opened_browser(*arguments: str) -> Iterator[Browser]:
    """Chromium, with some more arguments; while it runs, nothing else of the process can use asyncio.run."""
    chromium = shutil.which("chromium")
    if chromium is None:
        (pytest.fail if "CI" in os.environ else pytest.skip)("there is no Chromium here")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", *arguments]
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=options) as launched,
    ):
        yield launched
