"""Which versions outside of a table tell most of a row."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.version import Version
from pydantic import SecretStr

from interlock.adapters.index.client import Release
from interlock.matrix.controls import choose_versions, current_version
from interlock.model.lockfile import File

START = datetime(2020, 1, 1, tzinfo=UTC)
TAGS = (Tag("py3", "none", "any"),)
RELEASES = {Version(f"1.{number}"): number for number in range(10)}


def release(version: Version, day: int | None, *, wheel: str = "py3-none-any", yanked: bool = False) -> Release:
    file = File(name=f"core-{version}-{wheel}.whl", url=SecretStr("https://index/f"), sha256="0")
    uploaded = None if day is None else START + timedelta(days=day)
    return Release(package="core", version=version, wheels=(file,), uploaded=uploaded, yanked=yanked)


def chosen(
    window: str,
    *,
    declared: str | None = "",
    released: int | None = None,
    releases: dict[Version, Release] | None = None,
) -> list[str]:
    found = choose_versions(
        {Version(text) for text in window.split()},
        releases or {version: release(version, day) for version, day in RELEASES.items()},
        declared=None if declared is None else SpecifierSet(declared),
        released=None if released is None else START + timedelta(days=released),
        tags=TAGS,
    )
    return list(map(str, found))


@pytest.mark.parametrize(
    ("window", "declared", "released", "expected"),
    [
        ("1.8 1.9", "", 5, ["1.0", "1.5", "1.7"]),
        ("1.8 1.9", ">=1.2", 5, ["1.2", "1.5", "1.7"]),
        ("1.0 1.1", "<1.6", 20, ["1.2", "1.5"]),
        ("1.0 1.1", "", 1, ["1.2", "1.9"]),
        ("1.8 1.9", "", None, ["1.0", "1.4", "1.7"]),
        ("1.8 1.9", "==1.3", 5, ["1.3"]),
        ("1.3 1.4", "==1.3", 5, ["1.0", "1.9"]),
        ("1.8 1.9", None, 5, ["1.0", "1.5", "1.7"]),
        ("1.8 1.9", ">=1.2", 1, ["1.1", "1.2", "1.7"]),
        ("1.0 1.1 1.2 1.3 1.4 1.5 1.6 1.7 1.8 1.9", "", 5, []),
    ],
)
def test_the_oldest_the_newest_and_the_one_of_the_release_date(
    window: str, declared: str | None, released: int | None, expected: list[str]
) -> None:
    assert chosen(window, declared=declared, released=released) == expected


def test_what_an_installer_would_not_take_by_itself_is_no_control() -> None:
    versions = [Version(text) for text in ("0.9", "1.0", "1.1", "2.0a1")]
    releases = {version: release(version, 0, yanked=str(version) == "0.9") for version in versions}
    assert chosen("1.1", releases=releases) == ["1.0"]


def test_what_has_to_be_built_is_a_control_only_where_nothing_else_is_or_at_the_release_date() -> None:
    old = {Version(text): release(Version(text), 0, wheel="cp27-cp27m-win32") for text in ("0.8", "0.9")}
    both = {**old, **{Version(text): release(Version(text), 9) for text in ("1.0", "1.1")}}
    assert chosen("1.1", releases=both) == ["1.0"]
    assert chosen("1.1", releases=both, released=5) == ["0.9", "1.0"]
    assert chosen("1.1", releases={**old, Version("1.1"): both[Version("1.1")]}) == ["0.8", "0.9"]


def test_the_current_version_is_not_known_without_dates() -> None:
    undated = {version: release(version, None) for version in RELEASES}
    assert current_version(undated, declared=SpecifierSet(), released=START) is None
    assert current_version(undated, declared=SpecifierSet(), released=None) is None


@given(st.sets(st.sampled_from(sorted(RELEASES)), min_size=1), st.integers(-1, 12) | st.none())
def test_controls_are_outside_of_the_table_and_there_whenever_anything_is(
    window: set[Version], released: int | None
) -> None:
    found = chosen(" ".join(map(str, window)), released=released)
    assert not {*map(Version, found)} & window
    assert bool(found) == (window != RELEASES.keys())
