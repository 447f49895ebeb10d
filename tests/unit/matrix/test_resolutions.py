"""Resolutions are stored for some hours, and longer where there is no index to ask."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from interlock.errors import IndexUnavailableError
from interlock.matrix import resolutions as module
from interlock.matrix.resolutions import MAX_AGE, Resolutions
from interlock.model.lockfile import Resolution, Unresolvable
from tests.support.matrix_values import a_lock

OLD, NEW = a_lock("httpx==0.27", "rich==14.0"), a_lock("httpx==0.28")
REFUSED = Unresolvable(reason="× No solution found\n  because there is no such version")


class Index:
    """Answers with one resolution, or not at all, and counts how often it is asked."""

    def __init__(self, answer: Resolution | None) -> None:
        self.answer = answer
        self.asked = 0

    async def __call__(self) -> Resolution:
        self.asked += 1
        if self.answer is None:
            raise IndexUnavailableError("the index did not answer")
        return self.answer


def get(stored: Resolutions, index: Index, key: str = "key") -> Resolution:
    return asyncio.run(stored.get(key, index))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "made" / "when needed"


class Clock:
    """Stands still until it is set ahead."""

    ahead = timedelta()

    def now(self) -> datetime:
        return datetime(2026, 11, 2, 10, 30, tzinfo=UTC) + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    stopped = Clock()
    monkeypatch.setattr(module, "now", stopped.now)
    return stopped


@pytest.mark.parametrize("answer", [OLD, REFUSED], ids=["a lock", "a refusal"])
def test_a_resolution_serves_the_next_program_too(folder: Path, answer: Resolution) -> None:
    first, second = Index(answer), Index(NEW)
    assert get(Resolutions(folder), first) == answer
    again = Resolutions(folder)
    assert get(again, second) == answer
    assert (first.asked, second.asked) == (1, 0)
    assert again.notes == {}


def test_each_key_has_its_own(folder: Path) -> None:
    stored = Resolutions(folder)
    assert get(stored, Index(OLD), "one") == OLD
    assert get(stored, Index(NEW), "other") == NEW
    assert get(stored, Index(None), "one") == OLD


def test_the_index_is_asked_again_after_some_hours(folder: Path, clock: Clock) -> None:
    get(Resolutions(folder), Index(OLD))
    clock.ahead = MAX_AGE - timedelta(seconds=1)
    assert get(Resolutions(folder), Index(NEW)) == OLD
    clock.ahead = MAX_AGE
    assert get(Resolutions(folder), Index(NEW)) == NEW
    assert get(Resolutions(folder), Index(None)) == NEW


def test_fresh_asks_the_index_and_keeps_its_answer(folder: Path) -> None:
    get(Resolutions(folder), Index(OLD))
    assert get(Resolutions(folder, fresh=True), Index(NEW)) == NEW
    assert get(Resolutions(folder), Index(REFUSED)) == NEW


def test_without_an_index_what_is_kept_serves_however_old_and_says_of_when_it_is(folder: Path, clock: Clock) -> None:
    get(Resolutions(folder), Index(OLD))
    clock.ahead = timedelta(days=40)
    stored = Resolutions(folder)
    assert get(stored, Index(None)) == OLD
    assert list(stored.notes) == ["the index did not answer: some environments are as resolved on 2026-11-02 10:30"]


def test_fresh_without_an_index_is_served_from_what_is_kept_and_says_so(folder: Path) -> None:
    get(Resolutions(folder), Index(OLD))
    stored = Resolutions(folder, fresh=True)
    assert get(stored, Index(None)) == OLD
    assert len(stored.notes) == 1


def test_one_note_for_many_environments_of_one_time(folder: Path, clock: Clock) -> None:
    for key in ("one", "other"):
        get(Resolutions(folder), Index(OLD), key)
    clock.ahead = timedelta(days=1)
    stored = Resolutions(folder)
    for key in ("one", "other"):
        get(stored, Index(None), key)
    assert len(stored.notes) == 1


def test_nothing_kept_and_no_index_is_an_error(folder: Path) -> None:
    with pytest.raises(IndexUnavailableError):
        get(Resolutions(folder), Index(None))
    assert not folder.exists()


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"\xff\xfe", b"[]", b'{"at": "yesterday"}', b'{"at": "2026-11-02T10:30:00Z", "more": 1}']
)
def test_a_damaged_file_is_as_good_as_none(folder: Path, damage: bytes) -> None:
    get(Resolutions(folder), Index(OLD))
    (folder / "key.json").write_bytes(damage)
    with pytest.raises(IndexUnavailableError):
        get(Resolutions(folder), Index(None))
    assert get(Resolutions(folder), Index(NEW)) == NEW
    assert get(Resolutions(folder), Index(OLD)) == NEW


def test_a_time_without_a_zone_is_damage_too(folder: Path) -> None:
    get(Resolutions(folder), Index(OLD))
    (folder / "key.json").write_text('{"at": "2026-11-02T10:30:00", "reason": "no"}')
    assert get(Resolutions(folder), Index(NEW)) == NEW


def test_an_index_that_is_away_is_not_asked_again_for_what_is_kept(folder: Path, clock: Clock) -> None:
    before = Resolutions(folder)
    for key in ("one", "other"):
        get(before, Index(OLD), key)
    clock.ahead = MAX_AGE
    stored, index = Resolutions(folder), Index(None)
    assert get(stored, index, "one") == get(stored, index, "other") == OLD
    assert index.asked == 1
    clock.ahead = MAX_AGE * 3
    assert get(Resolutions(folder), Index(NEW), "other") == NEW
