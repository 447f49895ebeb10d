import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from interlock.errors import RehearsalError
from rehearsal.index import IndexStore, index_app
from tests.support.running_index import OTHERS, TOKEN, Running, change
from tests.support.universe import make_sdist, make_wheel


def names(store: IndexStore, project: str = "core", *, fresh: bool = False) -> list[str]:
    return [record.version for record in store.files(project, fresh=fresh) or ()]


def test_another_process_finds_all_that_was_done(tmp_path: Path, wheel: Path, sdist: Path) -> None:
    store = IndexStore(tmp_path / "index")
    store.add_file(wheel)
    store.add_file(sdist)
    store.add_file(make_wheel(wheel.parent, "core", "2.0", files={}))
    store.own("Core", "me", "you")
    store.accounts.add("me", SecretStr(TOKEN))
    store.yank("core", "2.0", "broken")
    store.delete("core", "1.0", filename=sdist.name)
    again = IndexStore(tmp_path / "index")
    assert again.files("core") == store.files("core")
    assert [record.yanked for record in again.files("core") or ()] == [None, "broken"]
    assert again.find(sdist.name) == store.find(sdist.name)
    assert again.owners("core") == ("me", "you")
    assert again.accounts.find("__token__", SecretStr(TOKEN)) is not None


def test_secrets_are_in_no_file(tmp_path: Path) -> None:
    store = IndexStore(tmp_path / "index")
    store.accounts.add("me", SecretStr(TOKEN))
    store.accounts.add("them", SecretStr(OTHERS), login="them")
    for file in (tmp_path / "index").rglob("*"):
        assert file.is_dir() or not {TOKEN, OTHERS} & set(file.read_text().replace('"', " ").split())


def test_a_file_is_served_from_where_it_is(tmp_path: Path, wheel: Path) -> None:
    store = IndexStore(tmp_path / "index")
    record = store.add_file(wheel)
    content = store.content(record.sha256, record.filename)
    assert content
    assert content.samefile(wheel)


def test_a_file_of_another_disk_is_copied(tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "another disk")

    monkeypatch.setattr(os, "link", refuse)
    store = IndexStore(tmp_path / "index")
    record = store.add_file(wheel)
    content = store.content(record.sha256, record.filename)
    assert content
    assert content.read_bytes() == wheel.read_bytes()
    assert not content.samefile(wheel)


def test_putting_a_file_there_twice_is_once_and_another_one_in_its_place_is_refused(
    tmp_path: Path, wheel: Path
) -> None:
    store = IndexStore(tmp_path / "index")
    assert store.add_file(wheel) == store.add_file(wheel)
    other = make_wheel(tmp_path / "other", "core", "1.0", files={"core.py": "x = 2"})
    with pytest.raises(RehearsalError, match=r"core-1.0-py3-none-any.whl .*another file has had its name"):
        store.add_file(other)
    store.delete("core", "1.0")
    with pytest.raises(RehearsalError, match="has had its name"):
        store.add_file(wheel)


@pytest.mark.parametrize("name", ["core.txt", "core-1.0.whl", "core-1.0.tar.gz"])
def test_what_is_no_distribution_is_not_put_there(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("no")
    with pytest.raises(RehearsalError, match=f"{name} can't be put on the index"):
        IndexStore(tmp_path / "index").add_file(tmp_path / name)


@pytest.mark.parametrize("version", ["2.0", "1.0.1"])
def test_what_is_not_there_is_neither_yanked_nor_deleted(tmp_path: Path, wheel: Path, version: str) -> None:
    store = IndexStore(tmp_path / "index")
    store.add_file(wheel)
    with pytest.raises(RehearsalError, match=f"the index has no core {version}"):
        store.yank("core", version)
    with pytest.raises(RehearsalError, match=r"the index has no core-1\.0\.tar\.gz"):
        store.delete("core", "1.0", filename="core-1.0.tar.gz")


def test_a_deleted_file_can_not_be_had(index: Running, wheel: Path) -> None:
    index.upload(wheel)
    url = index.page("core")["files"][0]["url"]
    index.store.delete("core", "1.0.0")
    assert index.get(url).status_code == 404
    assert index.get(f"{url}.metadata").status_code == 404
    assert index.page("core") == {"meta": {"api-version": "1.4"}, "name": "core", "versions": [], "files": []}


def test_in_the_stale_window_pages_show_what_they_showed_when_it_began(
    tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("rehearsal.index.store.time.time", lambda: now[0])
    store = IndexStore(tmp_path / "index")
    store.add_file(wheel)
    store.go_stale(60)
    store.yank("core", "1.0", "old")
    store.add_file(make_wheel(wheel.parent, "core", "2.0", files={}))
    store.yank("core", "2.0", "new")
    store.add_file(make_wheel(wheel.parent, "pipe", "1.0", files={}))
    for one in (store, IndexStore(tmp_path / "index")):
        assert names(one) == ["1.0"]
        assert [record.yanked for record in one.files("core") or ()] == [None]
        assert (one.projects(), one.files("pipe")) == (("core",), None)
        assert names(one, fresh=True) == ["1.0", "2.0"]
    now[0] = 1060.0
    assert names(store) == names(IndexStore(tmp_path / "index")) == ["1.0", "2.0"]
    assert store.projects() == ("core", "pipe")


def test_a_window_without_an_end_lasts_until_it_is_ended(tmp_path: Path, wheel: Path) -> None:
    store = IndexStore(tmp_path / "index")
    store.go_stale()
    store.add_file(wheel)
    store.go_stale()
    assert names(IndexStore(tmp_path / "index")) == [], "a window in a window shows what the first one showed"
    store.go_stale(0)
    store.go_stale(0)
    assert names(store) == names(IndexStore(tmp_path / "index")) == ["1.0"]


def test_a_file_can_be_had_and_its_name_is_taken_while_the_pages_are_stale(index: Running, wheel: Path) -> None:
    index.store.go_stale()
    assert index.upload(wheel).status_code == 200
    assert index.get("/simple/core/").status_code == 404
    body = index.get("/pypi/core/json").json()
    assert body["info"]["version"] == "1.0", "the JSON API is never stale"
    assert index.get(body["urls"][0]["url"].removeprefix(index.url)).status_code == 200
    assert index.upload(change(wheel)).status_code == 400


UPLOADING = """
import sys
from pathlib import Path
from rehearsal.index import IndexStore

store = IndexStore(Path(sys.argv[1]))
for path in sorted(Path(sys.argv[2]).iterdir()):
    store.add_file(path)
    store.own(path.name.split("-")[0], "me")
    store.yank(path.name.split("-")[0], "1.0", "why not")
    print(path.name, flush=True)
"""


@pytest.mark.parametrize("after", [1, 7])
def test_a_process_that_is_killed_leaves_whole_files_or_none(tmp_path: Path, after: int) -> None:
    for number in range(60):
        make_sdist(tmp_path / "dist", f"p{number:03}", "1.0", {"x.py": "x" * 1000})
    command = [sys.executable, "-c", UPLOADING, str(tmp_path / "index"), str(tmp_path / "dist")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        told = [process.stdout.readline().strip() for _ in range(after)]
        process.send_signal(signal.SIGKILL)
    store = IndexStore(tmp_path / "index")
    kept = [record for project in store.projects() for record in store.files(project) or ()]
    assert {record.filename for record in kept} >= set(told)
    for record in kept:
        content = store.content(record.sha256, record.filename)
        assert content
        assert hashlib.sha256(content.read_bytes()).hexdigest() == record.sha256
    for path in (tmp_path / "dist").iterdir():
        store.add_file(path)
    assert len(store.projects()) == 60, "whoever comes after goes on where it stopped"


def test_a_file_is_not_told_of_before_it_is_there(tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def end(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rehearsal.index.store._link", end)
    with pytest.raises(KeyboardInterrupt):
        IndexStore(tmp_path / "index").add_file(wheel)
    assert IndexStore(tmp_path / "index").find(wheel.name) is None


def test_what_a_killed_process_had_not_taken_is_thrown_away_by_the_next_server_alone(index: Running) -> None:
    (index.store.incoming / "half").write_text("x")
    looking = IndexStore(index.store.incoming.parent)
    assert [path.name for path in looking.incoming.iterdir()] == ["half"], "to look does not disturb the server"
    index_app(looking)
    assert list(looking.incoming.iterdir()) == []
