"""The user's own index behind the rehearsal's: seen through it, never written to."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.types import ASGIApp

from rehearsal.fault_proxy import FaultProxy, RequestLog
from rehearsal.faults import FaultScript
from rehearsal.index import IndexStore, Switches, index_app
from rehearsal.index.pages import JSON_TYPE
from rehearsal.upstream_index import UpstreamIndex
from tests.support.universe.packages import make_sdist, make_wheel
from tests.support.universe.served import Served

MODULE = {"tiny/__init__.py": ""}


@pytest.fixture
def own(tmp_path: Path) -> IndexStore:
    store = IndexStore(tmp_path / "own")
    store.add_file(make_wheel(tmp_path / "new", "tiny", "1.1", files=MODULE))
    store.add_file(make_wheel(tmp_path / "new", "tiny", "1.0", files={"tiny/__init__.py": "changed = True"}))
    return store


@pytest.fixture
def theirs(tmp_path: Path) -> IndexStore:
    store = IndexStore(tmp_path / "theirs")
    store.add_file(make_wheel(tmp_path / "old", "tiny", "1.0", files=MODULE, requires_python=">=3.11"))
    store.add_file(make_sdist(tmp_path / "old", "tiny", "0.9", MODULE))
    store.add_file(make_wheel(tmp_path / "old", "friend", "2.0", files={"friend.py": ""}))
    store.yank("tiny", "0.9", "too <old>")
    return store


@pytest.fixture(params=[True, False], ids=["json", "html"])
def switches(request: pytest.FixtureRequest) -> Switches:
    """What the index behind speaks."""
    return Switches(serves_json=request.param, password=("me", "secret"))


@pytest.fixture
def log() -> RequestLog:
    return RequestLog()


@pytest.fixture
def behind(theirs: IndexStore, switches: Switches, log: RequestLog) -> Iterator[str]:
    app = FaultProxy(index_app(theirs, switches), origin="behind", faults=FaultScript(), log=log)
    with Served(app) as served:
        yield served.url


def ask(app: ASGIApp, path: str, method: str = "GET", accept: str = JSON_TYPE) -> httpx.Response:
    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://own") as client:
            return await client.request(method, path, headers={"accept": accept})

    return asyncio.run(asked())


def in_front(own: IndexStore, behind: str) -> UpstreamIndex:
    return UpstreamIndex(index_app(own), SecretStr(f"{behind.replace('://', '://me:secret@')}/simple/"))


def files_of(answer: httpx.Response) -> dict[str, Any]:
    return {file["filename"]: file for file in answer.json()["files"]}


def test_a_projects_page_has_the_files_of_both_and_its_own_where_both_have_one(
    own: IndexStore, theirs: IndexStore, behind: str
) -> None:
    files = files_of(ask(in_front(own, behind), "/simple/tiny/"))
    assert set(files) == {"tiny-1.0-py3-none-any.whl", "tiny-1.1-py3-none-any.whl", "tiny-0.9.tar.gz"}
    mine = own.find("tiny-1.0-py3-none-any.whl")
    assert mine is not None
    assert files["tiny-1.0-py3-none-any.whl"]["hashes"] == {"sha256": mine.sha256}
    old, found = files["tiny-0.9.tar.gz"], theirs.find("tiny-0.9.tar.gz")
    assert found is not None
    assert old["url"] == f"{behind}{found.path}"
    assert old["hashes"] == {"sha256": found.sha256}
    assert old["yanked"] == "too <old>"


def test_what_the_rehearsal_does_not_have_is_shown_from_behind(own: IndexStore, behind: str) -> None:
    app = in_front(own, behind)
    assert list(files_of(ask(app, "/simple/friend/"))) == ["friend-2.0-py3-none-any.whl"]
    assert ask(app, "/simple/stranger/").status_code == 404


def test_a_page_in_html_says_the_same(own: IndexStore, theirs: IndexStore, behind: str) -> None:
    page = ask(in_front(own, behind), "/simple/tiny/", accept="text/html").text
    found = theirs.find("tiny-0.9.tar.gz")
    assert found is not None
    href = f'href="{behind}{found.path}#sha256={found.sha256}"'
    assert f'<a {href} data-yanked="too &lt;old&gt;">tiny-0.9.tar.gz</a>' in page
    own.yank("tiny", "1.1")
    assert 'data-yanked="">tiny-1.1-py3' in ask(in_front(own, behind), "/simple/tiny/", accept="text/html").text


def test_python_versions_metadata_and_sizes_are_passed_on(own: IndexStore, behind: str, switches: Switches) -> None:
    own.delete("tiny", "1.0")
    wheel = files_of(ask(in_front(own, behind), "/simple/tiny/"))["tiny-1.0-py3-none-any.whl"]
    assert wheel["requires-python"] == ">=3.11"
    assert "sha256" in wheel["core-metadata"]
    assert ("size" in wheel) == ("upload-time" in wheel) == switches.serves_json


def test_only_pages_of_projects_are_asked_for_behind(own: IndexStore, behind: str, log: RequestLog) -> None:
    app = in_front(own, behind)
    record = own.find("tiny-1.1-py3-none-any.whl")
    assert record is not None
    assert ask(app, record.path).status_code == 200
    assert ask(app, "/simple/").status_code == 200
    assert ask(app, "/simple/Tiny/").status_code == 301
    assert ask(app, "/legacy/", "POST").status_code == 403
    assert log.all() == ()
    ask(app, "/simple/tiny/")
    assert [(seen.method, seen.path) for seen in log.all()] == [("GET", "/simple/tiny/")]


@pytest.mark.parametrize("answer", [httpx.Response(500), httpx.Response(200, json=["no page"])])
def test_an_index_behind_that_fails_is_no_empty_index(own: IndexStore, answer: httpx.Response) -> None:
    answer.headers["content-type"] = JSON_TYPE
    transport = httpx.MockTransport(lambda _request: answer)
    app = UpstreamIndex(index_app(own), SecretStr("http://behind/simple"), transport)
    failed = ask(app, "/simple/tiny/")
    assert failed.status_code == 502
    assert failed.text.startswith("the index behind does not answer as one: ")


def test_the_page_is_that_of_the_simple_api(own: IndexStore, behind: str) -> None:
    answer = ask(in_front(own, behind), "/simple/tiny/")
    assert answer.headers["content-type"].startswith(JSON_TYPE)
    assert json.loads(answer.content)["meta"] == {"api-version": "1.0"}


def test_what_the_index_behind_says_of_a_project_is_said_here(own: IndexStore, theirs: IndexStore, behind: str) -> None:
    assert "project-status" not in ask(in_front(own, behind), "/simple/tiny/").json()
    theirs.set_status("friend", "quarantined")
    page = ask(in_front(own, behind), "/simple/friend/").json()
    assert (page["project-status"], page["files"]) == ({"status": "quarantined"}, [])
