import hashlib
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypi_simple import ProjectPage

from rehearsal.index import Record
from rehearsal.index.pages import JSON_TYPE, OFFERS, choose_type, project_page
from rehearsal.index.records import read_metadata
from tests.support.running_index import Running
from tests.support.universe import make_wheel

V1_HTML = "application/vnd.pypi.simple.v1+html"
UV = f"{JSON_TYPE}, {V1_HTML};q=0.2, text/html;q=0.01"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "text/html"),
        ("*/*", "text/html"),
        (UV, JSON_TYPE),
        (JSON_TYPE, JSON_TYPE),
        (JSON_TYPE.upper(), JSON_TYPE),
        (f"text/html;q=0.5, {JSON_TYPE}; q=0.4", "text/html"),
        (f"text/html;q=0.5,{V1_HTML};q=0.6,*/*;q=0.1", V1_HTML),
        ("application/*", V1_HTML),
        (f"{V1_HTML};q=0, application/*", JSON_TYPE),
        ("application/vnd.pypi.simple.latest+json", JSON_TYPE),
        ("application/vnd.pypi.simple.latest+html", V1_HTML),
        ("image/png", "text/html"),
        (f"{JSON_TYPE};q=nonsense, text/html;q=0.1", "text/html"),
    ],
)
def test_the_form_is_the_one_that_the_caller_likes_best(accept: str, chosen: str) -> None:
    assert choose_type(accept) == chosen


@given(st.lists(st.tuples(st.sampled_from([*OFFERS, "text/*", "*/*", "image/png"]), st.floats(0, 1)), max_size=5))
def test_a_form_with_a_higher_quality_is_never_passed_over(ranges: list[tuple[str, float]]) -> None:
    accept = ", ".join(f"{name};q={quality:.3f}" for name, quality in ranges)
    chosen, exact = choose_type(accept), {name: round(quality, 3) for name, quality in ranges}
    assert chosen in OFFERS
    if chosen in exact:
        assert all(exact[chosen] >= exact.get(offer, 0.0) for offer in OFFERS)


@given(st.text())
def test_no_accept_header_is_an_error(accept: str) -> None:
    assert choose_type(accept) in OFFERS
    assert choose_type(accept, serves_json=False) != JSON_TYPE


RECORDS = st.builds(
    Record,
    filename=st.sampled_from(["core-1.0-py3-none-any.whl", "core-1.0.tar.gz"]),
    project=st.just("core"),
    version=st.just("1.0"),
    kind=st.just("sdist"),
    size=st.integers(0, 10**12),
    sha256=st.just("a" * 64),
    blake2=st.just(""),
    md5=st.just(""),
    requires_python=st.none() | st.sampled_from([">=3.8", "<4,>=3.11"]),
    metadata_sha256=st.none() | st.just("b" * 64),
    uploaded=st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1)),  # noqa: DTZ001  its own zone is given
    yanked=st.none() | st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"))),
)


@given(st.lists(RECORDS, max_size=3), st.booleans())
def test_both_forms_say_the_same(records: list[Record], metadata: bool) -> None:
    as_json, as_html = (project_page("core", records, form, metadata=metadata).decode() for form in OFFERS[::-2])
    of_json = ProjectPage.from_json_data(json.loads(as_json), base_url="http://x")
    of_html = ProjectPage.from_html("core", as_html, base_url="http://x")
    for one, other, record in zip(of_json.packages, of_html.packages, records, strict=True):
        for fact in ("filename", "url", "digests", "requires_python", "is_yanked"):
            assert getattr(one, fact) == getattr(other, fact)
        assert (one.yanked_reason or "") == (other.yanked_reason or "") == (record.yanked or "")
        promised = {"sha256": record.metadata_sha256} if metadata and record.metadata_sha256 else {}
        assert (one.metadata_digests or {}) == (other.metadata_digests or {}) == promised


def test_the_json_page_is_that_of_the_standards(index: Running, wheel: Path, sdist: Path) -> None:
    index.upload(wheel)
    index.upload(sdist)
    index.store.yank("core", "1.0", "too old", filename=sdist.name)
    answer = index.get("/simple/core/", accept=JSON_TYPE)
    assert answer.headers["content-type"] == JSON_TYPE
    body = answer.json()
    assert (body["meta"], body["name"], body["versions"]) == ({"api-version": "1.4"}, "core", ["1.0"])
    of_wheel, of_sdist = body["files"]
    assert of_wheel["hashes"] == {"sha256": hashlib.sha256(wheel.read_bytes()).hexdigest()}
    assert (of_wheel["size"], of_wheel["yanked"]) == (wheel.stat().st_size, False)
    assert of_wheel["core-metadata"] == of_wheel["data-dist-info-metadata"]
    assert (of_sdist["yanked"], of_sdist["core-metadata"], "requires-python" in of_sdist) == ("too old", False, False)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", of_wheel["upload-time"])


def test_a_yank_without_a_reason_is_one_in_both_forms(index: Running, wheel: Path) -> None:
    index.upload(wheel)
    index.store.yank("core", "1.0")
    assert index.page("core")["files"][0]["yanked"] is True
    assert 'data-yanked=""' in index.get("/simple/core/").text


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs))


def test_the_html_page_is_that_of_the_standards(index: Running, wheel: Path) -> None:
    index.upload(wheel)
    index.store.yank("core", "1.0", 'it said "no" & <left>')
    answer = index.get("/simple/core/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    links = Links()
    links.feed(answer.text)
    (link,) = links.found
    metadata = hashlib.sha256(read_metadata(wheel)).hexdigest()
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert link == {
        "href": f"/files/{sha256}/{wheel.name}#sha256={sha256}",
        "data-requires-python": ">=3.8",
        "data-yanked": 'it said "no" & <left>',
        "data-core-metadata": f"sha256={metadata}",
        "data-dist-info-metadata": f"sha256={metadata}",
    }


def test_metadata_can_be_had_by_itself_until_it_is_switched_off(index: Running, wheel: Path) -> None:
    index.upload(wheel)
    file = index.page("core")["files"][0]
    answer = index.get(f"{file['url']}.metadata")
    assert answer.content == read_metadata(wheel)
    assert hashlib.sha256(answer.content).hexdigest() == file["core-metadata"]["sha256"]
    index.switches.serves_metadata = False
    assert index.page("core")["files"][0]["core-metadata"] is False
    assert index.get(f"{file['url']}.metadata").status_code == 404


def test_a_part_of_a_file_can_be_had(index: Running, wheel: Path) -> None:
    index.upload(wheel)
    url = index.page("core")["files"][0]["url"]
    answer = index.get(url, range="bytes=2-5")
    assert (answer.status_code, answer.content) == (206, wheel.read_bytes()[2:6])


def test_the_root_lists_the_projects(index: Running, tmp_path: Path, wheel: Path) -> None:
    index.upload(wheel)
    index.upload(make_wheel(tmp_path / "dist", "A_B", "1", files={}))
    projects = index.get("/simple/", accept=JSON_TYPE).json()["projects"]
    assert projects == [{"name": "a-b"}, {"name": "core"}]
    assert '<a href="/simple/a-b/">a-b</a>' in index.get("/simple/").text


@pytest.mark.parametrize("path", ["/simple/A_B/", "/simple/a.b", "/simple/a-b"])
def test_other_forms_of_a_name_lead_to_its_page(index: Running, path: str) -> None:
    answer = index.get(path)
    assert (answer.status_code, answer.headers["location"]) == (301, "/simple/a-b/")


@pytest.mark.parametrize(
    "path",
    ["/simple/none/", "/pypi/none/json", "/pypi/core/2.0/json", f"/files/{'a' * 64}/core-1.0-py3-none-any.whl", "/x"],
)
def test_what_is_not_there_is_not_found(index: Running, wheel: Path, path: str) -> None:
    index.upload(wheel)
    assert index.get(path).status_code == 404


def test_a_page_that_did_not_change_is_not_sent_again(index: Running, tmp_path: Path, wheel: Path) -> None:
    index.upload(wheel)
    first = index.get("/simple/core/")
    assert first.headers["cache-control"] == "max-age=0, public"
    for known in (first.headers["etag"], f'"x", W/{first.headers["etag"]}', "*"):
        answer = index.get("/simple/core/", if_none_match=known)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", first.headers["etag"])
    as_json = index.get("/simple/core/", if_none_match=first.headers["etag"], accept=JSON_TYPE)
    index.upload(make_wheel(tmp_path / "dist", "core", "1.1", files={}))
    changed = index.get("/simple/core/", if_none_match=first.headers["etag"])
    assert (as_json.status_code, changed.status_code) == (200, 200)


def test_a_client_may_be_told_to_keep_pages(index: Running, wheel: Path) -> None:
    index.upload(wheel)
    index.switches.max_age = 600
    assert index.get("/simple/core/").headers["cache-control"] == "max-age=600, public"


def test_readers_need_the_password_and_uploaders_their_token_alone(index: Running, wheel: Path) -> None:
    index.switches.password = ("reader", "hush")
    assert index.upload(wheel).status_code == 200
    for path in ("/simple/", "/simple/core/", "/pypi/core/json", f"/files/x/{wheel.name}"):
        answer = index.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="index"')
    assert index.get("/simple/core/", authorization="Basic cmVhZGVyOmh1c2g=").status_code == 200


def test_an_index_without_a_password_takes_any(index: Running, wheel: Path) -> None:
    index.upload(wheel)
    assert index.get("/simple/core/", authorization="Basic cmVhZGVyOmh1c2g=").status_code == 200


def test_the_json_api_names_the_newest_release_and_its_files(index: Running, tmp_path: Path, wheel: Path) -> None:
    index.upload(wheel)
    for version in ("1.9", "1.10", "2.0rc1", "1.11"):
        index.upload(make_wheel(tmp_path / "dist", "core", version, files={}))
    index.store.yank("core", "1.11", "broken")
    body = index.get("/pypi/Core/json").json()
    assert (body["info"]["name"], body["info"]["version"], body["info"]["yanked"]) == ("core", "1.10", False)
    assert list(body["releases"]) == ["1.0", "1.9", "1.10", "1.11", "2.0rc1"]
    assert body["ownership"] == {"organization": None, "roles": [{"role": "Owner", "user": "me"}]}
    (url,) = body["urls"]
    assert url["url"].startswith(f"{index.url}/files/")
    assert url["digests"] == {
        "sha256": hashlib.sha256((tmp_path / "dist" / url["filename"]).read_bytes()).hexdigest(),
        "md5": hashlib.md5((tmp_path / "dist" / url["filename"]).read_bytes()).hexdigest(),
        "blake2b_256": hashlib.blake2b((tmp_path / "dist" / url["filename"]).read_bytes(), digest_size=32).hexdigest(),
    }
    yanked = index.get("/pypi/core/1.11/json").json()
    assert (yanked["info"]["yanked"], yanked["info"]["yanked_reason"]) == (True, "broken")
    assert (yanked["urls"][0]["python_version"], yanked["urls"][0]["packagetype"]) == ("py3", "bdist_wheel")


def test_the_json_api_of_what_is_yanked_or_deleted_still_answers(index: Running, sdist: Path) -> None:
    index.upload(sdist)
    index.store.yank("core", "1.0")
    info = index.get("/pypi/core/json").json()["info"]
    assert (info["version"], info["yanked"], info["yanked_reason"]) == ("1.0", True, None)
    index.store.delete("core", "1.0")
    body = index.get("/pypi/core/json").json()
    assert (body["releases"], body["info"]) == ({}, {"name": "core", "version": ""})


def test_a_file_whose_name_says_no_version_is_listed_and_counts_for_none() -> None:
    made = {"filename": "core-weird.tar.gz", "version": "weird", "uploaded": datetime.now(UTC), "sha256": "a"}
    record = Record(project="core", kind="sdist", size=1, blake2="", md5="", **made)
    page = json.loads(project_page("core", [record], JSON_TYPE, metadata=True))
    assert (page["versions"], [file["filename"] for file in page["files"]]) == ([], ["core-weird.tar.gz"])
