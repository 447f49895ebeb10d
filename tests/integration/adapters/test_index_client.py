import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from packaging.version import Version
from pydantic import SecretStr

from interlock.adapters.index.client import PackageIndex, Release, open_index
from interlock.adapters.index.settings import Index
from interlock.common import retry
from interlock.errors import DistributionError, IndexUnavailableError, InterlockError
from tests.support.universe import TinyIndex, make_sdist, make_wheel

T = TypeVar("T")
Ask = Callable[[PackageIndex], Awaitable[T]]
HUSH = "h/us:h"


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[TinyIndex]:
    folder = tmp_path / "files"
    for version in ("1.0", "1.1rc1", "1.1"):
        make_wheel(folder, "Core", version, files={"core/__init__.py": f"x = {version!r}"}, requires_python=">=3.8")
    make_sdist(folder, "core", "1.1", {"core.py": ""})
    make_sdist(folder, "core", "0.9", {"core.py": ""})
    (folder / "core-weird.tar.gz").write_bytes(b"no version")
    index = TinyIndex(folder)
    yield index
    index.stop()


def ask(tiny: TinyIndex, cache: Path, question: Ask[T], url: str = "") -> tuple[T, PackageIndex]:
    """Ask an index as one command does: with connections of its own, and a cache that may hold something."""

    async def asking() -> tuple[T, PackageIndex]:
        index = Index(name="tiny", url=SecretStr(url or tiny.url), configured=True)
        async with open_index(index, cache) as opened:
            return await question(opened), opened

    return asyncio.run(asking())


def releases_of(tiny: TinyIndex, cache: Path, package: str = "core", url: str = "") -> Mapping[Version, Release]:
    return ask(tiny, cache, lambda index: index.releases(package), url)[0]


def download(tiny: TinyIndex, cache: Path, version: str = "1.1", url: str = "") -> Path:
    async def question(index: PackageIndex) -> Path:
        return await index.download((await index.releases("core"))[Version(version)].wheels[0])

    return ask(tiny, cache, question, url)[0]


def error_of(question: Callable[[], object], kind: type[InterlockError]) -> str:
    with pytest.raises(kind) as error:
        question()
    return str(error.value)


@pytest.mark.parametrize("serves_json", [True, False])
def test_releases_are_read_from_json_and_from_html(tiny: TinyIndex, tmp_path: Path, serves_json: bool) -> None:
    tiny.switches.serves_json = serves_json
    with tiny:
        found = releases_of(tiny, tmp_path)
    assert sorted(map(str, found)) == ["0.9", "1.0", "1.1", "1.1rc1"]
    newest = found[Version("1.1")]
    assert [file.name for file in newest.wheels] == ["core-1.1-py3-none-any.whl"]
    assert newest.wheels[0].sha256 == hashlib.sha256((tiny.folder / newest.wheels[0].name).read_bytes()).hexdigest()
    assert newest.sdist is not None
    assert newest.sdist.name == "core-1.1.tar.gz"
    assert found[Version("1.0")].sdist is None
    assert found[Version("0.9")].wheels == ()
    assert found[Version("1.1rc1")].version.is_prerelease


@pytest.mark.parametrize("serves_json", [True, False])
def test_a_release_is_yanked_when_all_of_its_files_are(tiny: TinyIndex, tmp_path: Path, serves_json: bool) -> None:
    tiny.switches.serves_json = serves_json
    tiny.yanked = {"core-1.1.tar.gz": "", "core-1.0-py3-none-any.whl": "broken"}
    with tiny:
        found = releases_of(tiny, tmp_path)
    assert [str(version) for version, release in sorted(found.items()) if release.yanked] == ["1.0"]


def test_a_name_is_asked_for_in_its_normal_form_and_once(tiny: TinyIndex, tmp_path: Path) -> None:
    async def twice(index: PackageIndex) -> bool:
        one, other = await asyncio.gather(index.releases("CORE"), index.releases("CORE"))
        return one is other

    with tiny:
        assert ask(tiny, tmp_path, twice)[0]
    assert tiny.paths() == ["/simple/core/"]


def test_a_page_that_did_not_change_is_not_sent_again(tiny: TinyIndex, tmp_path: Path) -> None:
    with tiny:
        first, again = releases_of(tiny, tmp_path), releases_of(tiny, tmp_path)
        make_wheel(tiny.folder, "core", "2.0", files={})
        changed = releases_of(tiny, tmp_path)
    assert first == again
    assert set(changed) - set(first) == {Version("2.0")}
    assert [seen.status for seen in tiny.requests] == [200, 304, 200]


def test_a_download_has_the_promised_hash_and_is_kept(tiny: TinyIndex, tmp_path: Path) -> None:
    with tiny:
        path = download(tiny, tmp_path / "cache")
        assert path.read_bytes() == (tiny.folder / "core-1.1-py3-none-any.whl").read_bytes()
        assert download(tiny, tmp_path / "cache") == path
    assert len([one for one in tiny.paths() if one.startswith("/files/")]) == 1


def test_a_file_that_is_not_what_was_promised_is_refused_and_not_kept(
    tiny: TinyIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def pass_at_once(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:  # it was cut off on its way, for a while
            tiny.damaged = {}

    monkeypatch.setattr(retry, "sleep", pass_at_once)
    tiny.damaged = {"core-1.1-py3-none-any.whl": b"something else"}
    with tiny:
        message = error_of(lambda: download(tiny, tmp_path / "cache"), DistributionError)
        assert "core-1.1-py3-none-any.whl from tiny is not what the index promised" in message
        assert list((tmp_path / "cache").glob("files/**/*.whl")) == []
        assert download(tiny, tmp_path / "cache").exists()
    assert len(pauses) == 3


def test_a_package_that_the_index_has_not_got_is_named(tiny: TinyIndex, tmp_path: Path) -> None:
    with tiny:
        message = error_of(lambda: releases_of(tiny, tmp_path, "nothing"), DistributionError)
    assert "tiny has not got the page of nothing" in message


@pytest.mark.parametrize(("status", "said"), [(503, "503 Service Unavailable"), (401, "401"), (0, "did not give")])
def test_an_index_that_does_not_answer_is_told_of(tiny: TinyIndex, tmp_path: Path, status: int, said: str) -> None:
    tiny.fail_next(1, status) if status else tiny.drop_next()
    with tiny:
        message = error_of(lambda: releases_of(tiny, tmp_path), IndexUnavailableError)
        assert said in message
        assert tiny.address not in message
        assert len(releases_of(tiny, tmp_path)) == 4


def test_without_the_index_its_page_is_from_the_cache_and_that_is_said(tiny: TinyIndex, tmp_path: Path) -> None:
    def question(index: PackageIndex) -> Awaitable[Mapping[Version, Release]]:
        return index.releases("core")

    with tiny:
        known, opened = ask(tiny, tmp_path, question)
        assert list(opened.notes) == []
        for fault in (tiny.fail_next, tiny.drop_next, tiny.stop):
            fault()
            found, opened = ask(tiny, tmp_path, question)
            assert found == known
            assert list(opened.notes) == ["tiny did not answer: its list of core's releases is from the cache"]


def test_a_package_that_was_taken_away_is_not_read_from_the_cache(tiny: TinyIndex, tmp_path: Path) -> None:
    with tiny:
        releases_of(tiny, tmp_path)
        for path in tiny.folder.iterdir():
            path.unlink()
        error_of(lambda: releases_of(tiny, tmp_path), DistributionError)


@pytest.mark.parametrize(
    "body",
    [b'{"meta": {"api-version": "1.0"}, "files"', b"{}", b'{"meta": {"api-version": "2.0"}, "name": "x", "files": []}'],
)
def test_a_page_that_can_not_be_read_does_not_replace_one_that_can(
    tiny: TinyIndex, tmp_path: Path, body: bytes
) -> None:
    with tiny:
        known = releases_of(tiny, tmp_path)
        tiny.damaged = {"/simple/core/": body}
        message = error_of(lambda: releases_of(tiny, tmp_path), IndexUnavailableError)
        assert "what the index says of core can't be read" in message
        tiny.stop()
        assert releases_of(tiny, tmp_path) == known


def test_a_cached_page_that_was_damaged_is_as_good_as_none(tiny: TinyIndex, tmp_path: Path) -> None:
    with tiny:
        known = releases_of(tiny, tmp_path)
        for page in (tmp_path / "pages").iterdir():
            page.write_text("{")
        assert releases_of(tiny, tmp_path) == known


def test_credentials_reach_the_index_and_are_in_no_message_and_no_cached_page(tiny: TinyIndex, tmp_path: Path) -> None:
    tiny.switches.password = ("me@x", HUSH)
    url = tiny.url_with("me@x", HUSH)
    with tiny:
        assert download(tiny, tmp_path / "cache", url=url).exists()
        tiny.fail_next(1, 500)
        said = error_of(lambda: releases_of(tiny, tmp_path / "new", url=url), IndexUnavailableError)
        said += error_of(lambda: releases_of(tiny, tmp_path / "new", "nothing", url), DistributionError)
        said += error_of(lambda: releases_of(tiny, tmp_path / "new"), IndexUnavailableError)
        tiny.stop()
        said += error_of(lambda: releases_of(tiny, tmp_path / "new", url=url), IndexUnavailableError)
    kept = "".join(page.read_text() for page in (tmp_path / "cache/pages").iterdir())
    for secret in (HUSH, "h%2Fus%3Ah", "me@x", "me%40x"):
        assert secret not in said
        assert secret not in kept


def test_credentials_go_to_the_indexs_own_place_alone(tiny: TinyIndex, tmp_path: Path) -> None:
    tiny.switches.password = ("me", HUSH)
    with tiny, TinyIndex(tiny.folder) as elsewhere:
        absolute = f'"http://{elsewhere.address}/files/'.encode()
        tiny.damaged["/simple/core/"] = tiny.page("core").replace(b'"/files/', absolute)
        assert download(tiny, tmp_path, url=tiny.url_with("me", HUSH)).exists()
    assert [seen.headers.get("authorization") for seen in elsewhere.requests] == [None]
    assert all("authorization" in seen.headers for seen in tiny.requests)


def test_a_page_that_moved_is_read_where_it_is_now_without_the_credentials(tiny: TinyIndex, tmp_path: Path) -> None:
    tiny.switches.password = ("me", HUSH)
    with tiny, TinyIndex(tiny.folder) as elsewhere:
        tiny.moved["/simple/core/"] = f"{elsewhere.url}core/"
        assert download(tiny, tmp_path, url=tiny.url_with("me", HUSH)).exists()
    page, file = elsewhere.paths()
    assert page == "/simple/core/"
    assert file.endswith("/core-1.1-py3-none-any.whl"), "links are relative to that place"
    assert all("authorization" not in seen.headers for seen in elsewhere.requests)


def test_an_address_that_is_none_is_an_error_without_it(tiny: TinyIndex, tmp_path: Path) -> None:
    for url in ("http://me:hush@[:1/simple/", "gopher://me:hush@x/", "http://me:hush@127.0.0.1:99999/simple/"):
        message = error_of(lambda url=url: releases_of(tiny, tmp_path, url=url), IndexUnavailableError)  # type: ignore[misc]
        assert "hush" not in message


def test_a_files_address_is_in_no_text_of_a_release(tiny: TinyIndex, tmp_path: Path) -> None:
    with tiny:
        found = releases_of(tiny, tmp_path)[Version("1.1")]
    assert tiny.address not in f"{found!r} {found}"
    assert httpx.URL(found.wheels[0].url.get_secret_value()).host == "127.0.0.1"
