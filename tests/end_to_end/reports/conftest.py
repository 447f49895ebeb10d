"""A real browser, which reports whatever a page should not do."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from interlock.matrix.report import MatrixReport
from interlock.reports import write_html
from tests.support.browsers import opened_browser

Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Of a module, not of the session: while Playwright runs, no other test of the process could use asyncio.run.
    with opened_browser() as launched:
        yield launched


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[Opener]:
    """Opens a report's page; in the end it must have asked for nothing and complained about nothing."""
    complaints: list[str] = []
    requests: list[str] = []
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))

    def open_it(report: MatrixReport, address: str = "") -> Page:
        path = tmp_path / "matrix.html"
        write_html(report, path)
        page.goto(path.as_uri() + address)
        return page

    yield open_it
    context.close()
    assert complaints == []
    assert {url.partition("#")[0] for url in requests} == {(tmp_path / "matrix.html").as_uri()}
