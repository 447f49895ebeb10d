import os
from collections.abc import Callable
from pathlib import Path

import pytest

from interlock.common.atomic_files import read_sealed, write_sealed, write_whole


def test_a_file_is_written_and_replaced_with_the_directories_that_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_what_can_not_be_put_in_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        write_whole(tmp_path / "taken", b"x")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


def test_others_may_read_what_the_umask_lets_them(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "report.html", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("damage", [lambda sealed: sealed[:-1], lambda sealed: sealed + b"x", lambda _: b"{}"])
def test_a_sealed_file_is_read_only_as_it_was_written(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "cache" / "page.json"
    assert read_sealed(path) is None
    write_sealed(path, b'{"a": 1}\n')
    assert read_sealed(path) == b'{"a": 1}\n'
    path.write_bytes(damage(path.read_bytes()))
    assert read_sealed(path) is None
