"""Prefect's API and the pages of a real browser in which its user has logged in."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from deployments.embedded_server import ServerDirectory
from tests.support.browsers import opened_browser
from tests.support.prefect_server import api_client
from tests.support.universe.served import Served

PATIENCE = 120_000.0  # milliseconds
ATTACKS = """async (api) => {
    const seen = {};
    const attempt = async (name, path, options) => {
        try {
            const answer = await fetch(api + path, options);
            seen[name] = answer.type === "opaque" ? "unread" : await answer.text();
        } catch (error) { seen[name] = error.name; }
    };
    const body = (value) => new Blob([JSON.stringify(value)]);
    const variable = {name: "made_by_a_page", value: 1};
    const json = {"Content-Type": "application/json"};
    const secrets = JSON.stringify({include_secrets: true});
    await attempt("read", "/block_documents/filter", {method: "POST", headers: json, body: secrets});
    await attempt("get", "/admin/settings", {});
    await attempt("get unread", "/admin/settings", {mode: "no-cors", credentials: "include"});
    await attempt("make", "/variables/", {method: "POST", headers: json, body: JSON.stringify(variable)});
    await attempt("make unread", "/variables/", {method: "POST", mode: "no-cors", body: body(variable)});
    await attempt("make as text", "/variables/", {method: "POST", mode: "no-cors", body: JSON.stringify(variable)});
    for (const path of ["/events/in", "/events/out", "/logs/out"]) {
        seen[path] = await new Promise((done) => {
            const socket = new WebSocket(api.replace("http", "ws") + path, "prefect");
            socket.onopen = () => done("open");
            socket.onclose = (event) => done(event.code);
        });
    }
    return seen;
}"""
REFUSED = {
    **dict.fromkeys(("read", "get", "make"), "TypeError"),
    **dict.fromkeys(("get unread", "make unread", "make as text"), "unread"),
    **dict.fromkeys(("/events/in", "/events/out", "/logs/out"), 1006),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # A name that its owner points at this machine: DNS rebinding, without the wait for it.
    with opened_browser("--host-resolver-rules=MAP rebound.example 127.0.0.1") as launched:
        yield launched


@pytest.fixture(scope="module")
def logged_in(browser: Browser, api: str, place: ServerDirectory) -> Iterator[BrowserContext]:
    """A browser in which the user has logged in."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(api.removesuffix("/api"))
    page.locator("input[type=password]").fill(place.password.read_text())
    page.get_by_role("button", name="Login").click()
    page.wait_for_url("**/dashboard*")
    yield context
    context.close()


@pytest.fixture(scope="module")
def hostile() -> Iterator[str]:
    """The address of a page of another origin."""

    async def page(_request: Request) -> HTMLResponse:
        return HTMLResponse("<title>free money</title>")

    with Served(Starlette(routes=[Route("/", page)])) as served:
        yield served.url


def test_the_ui_asks_for_the_password_once(logged_in: BrowserContext, browser: Browser, api: str) -> None:
    ui = api.removesuffix("/api")
    again = logged_in.new_page()
    again.goto(f"{ui}/v2/variables")
    expect(again.get_by_text("Add a variable to get started")).to_be_visible(timeout=PATIENCE)
    other = browser.new_page()
    other.goto(f"{ui}/v2/variables", timeout=PATIENCE)
    expect(other.locator("input[type=password]")).to_be_visible(timeout=PATIENCE)


def made(place: ServerDirectory) -> list[str]:
    with api_client(place) as insider:
        return [each["name"] for each in insider.post("variables/filter", json={}).raise_for_status().json()]


def test_a_page_of_another_origin_reads_and_makes_nothing(
    logged_in: BrowserContext, hostile: str, api: str, place: ServerDirectory
) -> None:
    page: Page = logged_in.new_page()
    page.goto(hostile)
    assert page.evaluate(ATTACKS, api) == REFUSED
    assert "made_by_a_page" not in made(place)
    page.set_content(f'<iframe src="{api.removesuffix("/api")}"></iframe>')
    page.wait_for_load_state("networkidle")
    assert [frame.url for frame in page.frames[1:]] == ["chrome-error://chromewebdata/"]


def test_a_rebound_name_reads_and_makes_nothing(
    logged_in: BrowserContext, hostile: str, api: str, place: ServerDirectory
) -> None:
    """The page and the API are one origin for the browser then: nothing but the server can refuse."""
    rebound = f"http://rebound.example:{httpx.URL(api).port}"
    page: Page = logged_in.new_page()
    page.goto(hostile.replace("127.0.0.1", "rebound.example"))
    assert page.evaluate(ATTACKS, f"{rebound}/api") == REFUSED
    answer = page.goto(f"{rebound}/api/ready")
    assert answer is not None
    assert (answer.status, answer.json()) == (400, {"detail": "This server has another name."})
    seen = page.evaluate(ATTACKS, f"{rebound}/api")
    told = '{"detail":"This server has another name."}'
    assert seen == {name: 1006 if name.startswith("/") else told for name in REFUSED}
    assert "made_by_a_page" not in made(place)
