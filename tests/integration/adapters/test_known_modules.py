"""The modules of a package over all of its releases, as an index gives them: by parts of files, or whole ones."""

import asyncio
import zipfile
from pathlib import Path

import pytest
from packaging.version import Version
from pydantic import SecretStr

from interlock.adapters.index.client import Release, open_index
from interlock.adapters.index.known_modules import MOST_LISTED, chosen, known_modules
from interlock.adapters.index.settings import Index
from interlock.errors import IndexUnavailableError
from interlock.model.lockfile import File
from tests.support.universe import TinyIndex, make_sdist, make_wheel


def known(tiny: TinyIndex, cache: Path) -> tuple[set[str], list[str]]:
    """The modules of `core`, and the notes, as one command gets them."""

    async def asking() -> tuple[set[str], list[str]]:
        async with open_index(Index(name="tiny", url=SecretStr(tiny.url), configured=True), cache) as index:
            return set(await known_modules(index, "core")), list(index.notes)

    return asyncio.run(asking())


def large_wheel(folder: Path) -> Path:
    """A wheel whose list of files is longer than what is read first, with a comment behind it."""
    path = make_wheel(folder, "core", "1.0", files={f"many/{'x' * 90}{number}.py": "" for number in range(600)})
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"a comment"
    return path


def test_a_long_list_behind_a_comment_is_read_in_parts(tmp_path: Path) -> None:
    large_wheel(tmp_path / "files")
    with TinyIndex(tmp_path / "files") as tiny:
        names, notes = known(tiny, tmp_path / "cache")
    assert len(names) == 600
    assert notes == []
    assert [seen.status for seen in tiny.requests] == [200, 206, 206, 206]


def test_where_no_parts_are_given_the_whole_file_is_read(tmp_path: Path) -> None:
    path = large_wheel(tmp_path / "files")
    with TinyIndex(tmp_path / "files") as tiny:
        tiny.damaged[path.name] = path.read_bytes()  # as it is, without ranges
        names, notes = known(tiny, tmp_path / "cache")
    assert len(names) == 600
    assert notes == []


def test_what_the_index_no_longer_has_or_gives_is_remembered(tmp_path: Path) -> None:
    path = make_wheel(tmp_path / "files", "core", "1.0", files={"old.py": ""})
    make_wheel(tmp_path / "files", "core", "2.0", files={"new.py": ""})
    with TinyIndex(tmp_path / "files") as tiny:
        assert known(tiny, tmp_path / "cache")[0] == {"old", "new"}
        path.unlink()
        assert known(tiny, tmp_path / "cache") == ({"old", "new"}, [])
        tiny.fail_next()
        names, notes = known(tiny, tmp_path / "cache")
    assert names == {"old", "new"}
    assert len(notes) == 1


def test_a_lost_request_is_made_again_and_an_index_that_stays_silent_ends_it(tmp_path: Path) -> None:
    """With a part of the names, less would be tested, and what passes would be called compatible."""
    make_wheel(tmp_path / "files", "core", "1.0", files={"old.py": ""})

    async def asking(tiny: TinyIndex, lost: int) -> frozenset[str]:
        settings = Index(name="tiny", url=SecretStr(tiny.url), configured=True)
        async with open_index(settings, tmp_path / str(lost)) as index:
            await index.releases("core")
            tiny.fail_next(lost)
            return await known_modules(index, "core")

    with TinyIndex(tmp_path / "files") as tiny:
        assert asyncio.run(asking(tiny, 2)) == {"old"}
        with pytest.raises(IndexUnavailableError):
            asyncio.run(asking(tiny, 20))


def test_a_package_that_the_index_has_not_got_has_no_modules_and_a_note(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    with TinyIndex(tmp_path / "files") as tiny:
        names, (note,) = known(tiny, tmp_path / "cache")
    assert names == set()
    assert note.startswith("the modules of core's releases are not known: ")


@pytest.mark.parametrize("content", [b"no archive", b""])
def test_damage_is_a_note(tmp_path: Path, content: bytes) -> None:
    make_wheel(tmp_path / "files", "core", "2.0", files={"new.py": ""})
    (tmp_path / "files" / "core-1.0-py3-none-any.whl").write_bytes(content)
    make_sdist(tmp_path / "files", "core", "0.9", {}).write_bytes(content)
    with TinyIndex(tmp_path / "files") as tiny:
        names, (note,) = known(tiny, tmp_path / "cache")
    assert names == {"new"}
    assert note.startswith("the modules of core 1.0 and 1 more are not known: ")


def a_file(name: str) -> File:
    return File(name=name, url=SecretStr(f"https://index.example/{name}"), sha256="0" * 64)


def releases(*versions: str, sdists: bool = False) -> dict[Version, Release]:
    return {
        Version(version): Release(
            package="core",
            version=Version(version),
            wheels=() if sdists else (a_file(f"core-{version}-py3-none-any.whl"),),
            sdist=a_file(f"core-{version}.tar.gz"),
        )
        for version in versions
    }


def test_of_few_releases_all_are_chosen() -> None:
    few = releases(*(f"1.0.{number}" for number in range(MOST_LISTED)))
    assert [each.version for each in chosen(few)] == sorted(few)


def test_of_many_the_newest_of_each_series_and_the_ends_are_chosen() -> None:
    many = releases(*(f"1.{minor}.{patch}" for minor in range(30) for patch in range(10)))
    assert [str(each.version) for each in chosen(many)] == ["1.0.0", *(f"1.{minor}.9" for minor in range(30))]


def test_of_too_many_series_some_are_chosen_evenly_with_both_ends() -> None:
    found = [str(each.version) for each in chosen(releases(*(f"{number}.0" for number in range(1000))))]
    assert len(found) == MOST_LISTED
    assert (found[0], found[-1]) == ("0.0", "999.0")


def test_few_sdists_are_downloaded() -> None:
    mixed = {**releases(*(f"1.{number}" for number in range(50)), sdists=True), **releases("2.0", "2.1")}
    found = chosen(mixed)
    assert len(found) == 22
    assert {str(each.version) for each in found} >= {"1.0", "1.49", "2.0", "2.1"}


def test_a_candidate_is_always_chosen() -> None:
    many = releases(*(f"{number}.0" for number in range(1000)))
    candidate = Release(package="core", version=Version("3.0+gabc"), wheels=(a_file("x.whl"),), tree=Path("tree"))
    assert candidate in chosen({**many, candidate.version: candidate})
