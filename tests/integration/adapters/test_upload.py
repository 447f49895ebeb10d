"""Publishing to an index with PyPI's semantics, by the real twine: what is taken, and how a refusal is told."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from packaging.version import Version
from pydantic import SecretStr

from interlock.adapters.index import upload as publishing
from interlock.adapters.index.client import PackageIndex, open_index
from interlock.adapters.index.settings import Index, Upload
from interlock.errors import ConflictError, IndexUnavailableError, PublishError
from interlock.model.release import ReleasedFile
from rehearsal.fault_proxy import FaultProxy, RequestLog
from rehearsal.faults import Effect, FaultScript, InjectedFault
from rehearsal.index import IndexStore, index_app
from tests.support.universe.packages import make_sdist, make_wheel
from tests.support.universe.served import Served

TOKEN, ONE = "pypi-of-mine", Version("1.0")
T = TypeVar("T")


class Shop:
    """An index that is served, what it holds, and two files that it does not have yet."""

    def __init__(self, folder: Path, url: str, store: IndexStore, log: RequestLog) -> None:
        self.folder, self.url, self.store, self.log = folder, url, store, log
        self.wheel = make_wheel(folder / "dist", "core", "1.0", files={"core.py": "x = 1"})
        self.sdist = make_sdist(folder / "dist", "core", "1.0", {"core.py": "x = 1"})

    @property
    def paths(self) -> list[Path]:
        return [self.sdist, self.wheel]

    @property
    def files(self) -> list[ReleasedFile]:
        return [released(path) for path in self.paths]

    def target(self, token: str = TOKEN, url: str | None = None) -> Upload:
        address = SecretStr(f"{url or self.url}/legacy/")
        return Upload(name="the shop", repository_url=address, password=SecretStr(token))

    def upload(self, *paths: Path, token: str = TOKEN, url: str | None = None) -> None:
        async def all_of_them() -> None:
            for path in paths or self.paths:
                await publishing.upload(path, self.target(token, url))

        asyncio.run(all_of_them())

    def refused(self, *paths: Path, token: str = TOKEN, url: str | None = None) -> PublishError:
        with pytest.raises(PublishError) as caught:
            self.upload(*paths, token=token, url=url)
        assert "the shop did not take the files: " in caught.value.message
        assert token not in str(caught.value)
        assert caught.value.message.isprintable()
        return caught.value

    def missing(self) -> frozenset[str]:
        return self.ask(lambda index: publishing.missing("core", ONE, self.files, index))

    def confirm(self, seconds: float) -> None:
        self.ask(lambda index: publishing.confirm("core", ONE, self.files, index, seconds=seconds))

    def ask(self, look: Callable[[PackageIndex], Awaitable[T]], url: str | None = None) -> T:
        async def asked() -> T:
            async with self._index(url or self.url) as index:
                return await look(index)

        return asyncio.run(asked())

    @contextlib.asynccontextmanager
    async def _index(self, url: str) -> AsyncIterator[PackageIndex]:
        index = Index(name="the shop", url=SecretStr(f"{url}/simple/"), configured=True)
        async with open_index(index, self.folder / "cache") as opened:
            yield opened

    def writes(self) -> list[str | None]:
        return [seen.note for seen in self.log.writes()]


def released(path: Path) -> ReleasedFile:
    content = path.read_bytes()
    return ReleasedFile(name=path.name, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


@pytest.fixture
def faults() -> FaultScript:
    return FaultScript()


@pytest.fixture
def shop(tmp_path: Path, faults: FaultScript) -> Iterator[Shop]:
    store, log = IndexStore(tmp_path / "index"), RequestLog()
    store.accounts.add("me", SecretStr(TOKEN))
    with Served(FaultProxy(index_app(store), origin="index", faults=faults, log=log)) as served:
        yield Shop(tmp_path, served.url, store, log)


def another_wheel(shop: Shop) -> Path:
    return make_wheel(shop.folder / "other", "core", "1.0", files={"core.py": "x = 2"})


def test_what_is_missing_is_uploaded_and_then_served(shop: Shop) -> None:
    assert shop.missing() == {path.name for path in shop.paths}
    shop.upload()
    shop.confirm(seconds=0)
    assert shop.missing() == frozenset()


def test_only_what_is_not_served_is_missing(shop: Shop) -> None:
    shop.store.add_file(shop.wheel)
    assert shop.missing() == {shop.sdist.name}


def test_the_same_files_again_are_no_error_and_change_nothing(shop: Shop) -> None:
    shop.upload()
    shop.upload()
    assert shop.writes() == [f"{verb} {path.name}" for verb in ("upload", "kept") for path in shop.paths]


def test_what_an_index_says_it_has_keeps_no_other_file_back(shop: Shop, faults: FaultScript) -> None:
    faults.add(InjectedFault(effect=Effect.REFUSE, method="POST", status=409))
    shop.upload()
    assert shop.writes() == [f"upload {shop.wheel.name}"]


def test_a_module_that_lies_about_never_sees_the_password(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop.folder / "twine.py").write_text("open('seen', 'w')\n")
    monkeypatch.chdir(shop.folder)
    shop.upload(shop.wheel)
    assert shop.missing() == {shop.sdist.name}
    assert not (shop.folder / "seen").exists()


def test_another_file_of_the_same_name_is_a_conflict_that_names_both_hashes(shop: Shop) -> None:
    other = another_wheel(shop)
    shop.store.add_file(other)
    for look in (shop.missing, lambda: shop.confirm(seconds=60)):
        with pytest.raises(ConflictError) as caught:
            look()
        assert released(other).sha256 in caught.value.message
        assert released(shop.wheel).sha256 in caught.value.message
        assert "yank" in (caught.value.hint or "")


def test_another_file_that_the_pages_do_not_show_yet_is_a_conflict_once_they_do(shop: Shop) -> None:
    shop.store.go_stale()
    shop.store.own("core", "me")
    shop.store.add_file(another_wheel(shop))
    assert shop.wheel.name in shop.missing()
    shop.upload(shop.wheel)
    assert not any((note or "").startswith("upload") for note in shop.writes())
    shop.store.go_stale(0)
    with pytest.raises(ConflictError):
        shop.confirm(seconds=0)


def test_an_index_that_is_behind_is_waited_for(shop: Shop) -> None:
    shop.store.go_stale(0.7)
    shop.upload()
    shop.confirm(seconds=60)


def test_an_index_that_stays_behind_is_named_with_what_it_does_not_serve(shop: Shop) -> None:
    shop.store.go_stale()
    shop.store.add_file(shop.wheel)
    with pytest.raises(PublishError, match=r"the shop does not serve core 1\.0 after 0\.3 s") as caught:
        shop.confirm(seconds=0.3)
    assert not caught.value.transient  # it was waited for as long as it was to be
    assert "run the same command again" in (caught.value.hint or "")


def test_a_token_that_may_not_is_refused_with_its_cure_and_unseen(shop: Shop) -> None:
    error = shop.refused(token="pypi-of-nobody")
    assert "403" in error.message
    assert error.hint == "may the token for the shop upload this package? (docs/tokens.md)"
    assert not error.transient


def test_somebody_elses_project_is_refused_in_the_indexs_words(shop: Shop) -> None:
    shop.store.own("core", "them")
    error = shop.refused()
    assert "isn't allowed to upload to project" in error.message
    assert "docs/tokens.md" in (error.hint or "")


def test_the_name_of_a_deleted_file_is_refused_and_never_passed_over(shop: Shop) -> None:
    shop.upload(shop.wheel)
    shop.store.delete("core", "1.0")
    error = shop.refused(shop.wheel)
    assert "400" in error.message
    assert "already been used, use a different version" in error.message
    assert not error.transient


@pytest.mark.parametrize("status", [500, 503, 429])
def test_trouble_at_the_index_may_be_over_soon(shop: Shop, faults: FaultScript, status: int) -> None:
    faults.add(InjectedFault(effect=Effect.REFUSE, method="POST", status=status, times=99))
    error = shop.refused(shop.wheel)
    assert error.transient
    assert str(status) in error.message


@pytest.mark.parametrize("effect", [Effect.DROP, Effect.CUT])
def test_a_lost_connection_says_nothing_about_what_arrived(shop: Shop, faults: FaultScript, effect: Effect) -> None:
    faults.add(InjectedFault(effect=effect, method="POST", times=99))
    assert shop.refused(shop.wheel).transient
    assert (shop.wheel.name in shop.missing()) is (effect is Effect.DROP)


def test_an_index_that_nobody_serves_may_be_back_soon(shop: Shop) -> None:
    nowhere = "http://127.0.0.1:9"
    assert shop.refused(shop.wheel, url=nowhere).transient
    with pytest.raises(IndexUnavailableError):
        shop.ask(lambda index: publishing.missing("core", ONE, shop.files, index), url=nowhere)


def test_an_index_that_hangs_is_given_up_and_may_be_asked_again(
    shop: Shop, faults: FaultScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "TIMEOUT", 1.5)
    faults.add(InjectedFault(effect=Effect.SLOW, method="POST", seconds=60))
    error = shop.refused(shop.wheel)
    assert "no answer within 1.5 s" in error.message
    assert error.transient


def test_what_twine_itself_refuses_is_said_in_its_words(shop: Shop) -> None:
    error = shop.refused(shop.folder / "none.whl")
    assert "InvalidDistribution: Cannot find file" in error.message
    assert not error.transient
