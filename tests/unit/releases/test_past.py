"""The base of a bump is the newest release in the branch's own history, and what may be meant besides is named."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from packaging.version import Version

from interlock.adapters.git import Tag
from interlock.errors import ConflictError, UsageError
from interlock.model.bump import Bump, parse_version
from interlock.releases.next_version import Choice, choose
from interlock.releases.past import Known, Past, is_next
from interlock.releases.requirements import DecisionError


def tags(versions: Iterable[str]) -> dict[Version, Tag]:
    return {Version(each): Tag(name=f"v{each}", sha="a" * 40, commit="a" * 40) for each in versions}


def a_past(
    own: str = "",
    elsewhere: str = "",
    served: str = "",
    yanked: str = "",
    written: str | None = None,
    newest: str | None = None,
    behind: str = "",
    *,
    alone: bool = False,
) -> Past:
    """Versions with spaces between them; `newest` is in `own`, and `behind` names those besides it that are older."""
    has = {Version(each): False for each in served.split()} | {Version(each): True for each in yanked.split()}
    return Past(
        package="acme-log",
        index="pypi",
        own=tags(own.split()),
        elsewhere=tags(elsewhere.split()),
        served=has,
        written=Known(Version(written), "pyproject.toml: project.version") if written else None,
        newest=Version(newest) if newest else None,
        behind=frozenset(map(Version, (*behind.split(), *([newest] if newest else [])))),
        alone=alone,
    )


def chosen(past: Past, version: str = "", bump: str = "patch", *, follows: bool = False) -> Choice:
    return choose(parse_version(version) if version else Bump.parse(bump), past, follows=follows)


TAKEN: Mapping[str, tuple[Past, dict[str, Any], str, str]] = {
    "a pre-release of another branch": (
        a_past(own="1.2.3", elsewhere="2.0.0a1", served="1.2.3 2.0.0a1", written="1.2.3", newest="1.2.3"),
        {},
        "1.2.4",
        "2.0.0a1 was not counted: its tag v2.0.0a1 is not in this branch's history",
    ),
    "a tag of another branch that nobody has": (
        a_past(own="1.2.3", elsewhere="9.0", served="1.2.3", written="1.2.3", newest="1.2.3"),
        {},
        "1.2.4",
        "9.0 was not counted",
    ),
    "a yanked release is left behind": (
        a_past(own="2.0.10 2.1.0", served="2.0.10", yanked="2.1.0", written="2.0.10", newest="2.0.10"),
        {},
        "2.0.11",
        "2.1.0 is yanked on pypi, and was left behind",
    ),
    "also one that the files still have": (
        a_past(own="0.5.0 5.1.0", served="0.5.0", yanked="5.1.0", written="5.1.0", newest="0.5.0"),
        {},
        "0.5.1",
        "5.1.0 is yanked",
    ),
    "a yanked number is not used again": (
        a_past(own="1.2.10 1.2.11", served="1.2.10", yanked="1.2.11", written="1.2.11", newest="1.2.10"),
        {},
        "1.2.12",
        "",
    ),
    "a release without a tag counts": (
        a_past(own="1.2.0", served="1.2.0 1.3.3", written="1.2.0", newest="1.2.0"),
        {},
        "1.3.4",
        "",
    ),
    "a pre-release without a tag does not": (
        a_past(own="1.2.3", served="1.2.3 2.0.0a1", written="1.2.3", newest="1.2.3"),
        {},
        "1.2.4",
        "2.0.0a1 was not counted: pypi has it, and there is no tag of it",
    ),
    "dates that releases have followed": (
        a_past(own="1.2.3 20230101", served="1.2.3", written="1.2.3", newest="1.2.3", behind="20230101"),
        {},
        "1.2.4",
        "its tag v20230101 is older than the newest release",
    ),
    "a pre-release that the branch has left": (
        a_past(own="1.9.6 2.0.0a1", served="1.9.6 2.0.0a1", written="1.9.6", newest="1.9.6", behind="2.0.0a1"),
        {},
        "1.9.7",
        "2.0.0a1 was not counted",
    ),
    "tags that were pushed and not released": (
        a_past(own="1.2.3 1.2.4 1.2.5", served="1.2.3", written="1.2.3", newest="1.2.3"),
        {},
        "1.2.6",
        "",
    ),
    "the version of the files is ahead": (
        a_past(own="1.2.3", elsewhere="1.2.9", served="1.2.3 1.2.9", written="1.3.0.dev0", newest="1.2.3"),
        {},
        "1.3.0",
        "",
    ),
    "a maintenance branch": (
        a_past(own="1.2.3", elsewhere="2.0.0", served="1.2.3 2.0.0 3.0", written="1.2.3", newest="1.2.3", alone=True),
        {},
        "1.2.4",
        "",
    ),
    "a person's word, below what there is": (
        a_past(own="2.0.10 2.1.0", served="2.0.10 2.1.0", written="2.1.0", newest="2.1.0"),
        {"version": "2.0.11"},
        "2.0.11",
        "2.0.11 is lower than 2.1.0",
    ),
    "a person's word, beyond another branch": (
        a_past(own="1.2.3", elsewhere="2.0.0", served="1.2.3 2.0.0", written="1.2.3", newest="1.2.3"),
        {"version": "2.0.1"},
        "2.0.1",
        "",
    ),
    "the first version is that of the files": (a_past(written="0.1.0"), {"version": "0.1.0"}, "0.1.0", ""),
    "a follower stays a pre-release": (
        a_past(own="1.0.0a1", served="1.0.0a1", written="1.0.0a1", newest="1.0.0a1"),
        {"follows": True},
        "1.0.0a2",
        "",
    ),
    "a development version in the files leads to its release": (
        a_past(own="2.2.0", served="2.2.0", written="2.3.0.dev0", newest="2.2.0"),
        {"follows": True},
        "2.3.0",
        "",
    ),
}


@pytest.mark.parametrize("name", TAKEN)
def test_the_newest_release_of_the_branch_is_the_base(name: str) -> None:
    past, fields, version, remark = TAKEN[name]
    choice = chosen(past, **fields)
    assert str(choice.version) == version
    assert remark in "; ".join(choice.remarks)
    assert bool(choice.remarks) is bool(remark)


REFUSED: Mapping[str, tuple[Past, str]] = {
    "a release of another branch": (
        a_past(own="1.2.3", elsewhere="2.0.0", served="1.2.3 2.0.0", written="1.2.3", newest="1.2.3"),
        "1.2.4 would be released below 2.0.0, which pypi has: its tag v2.0.0 is not in this branch's history",
    ),
    "a number that another branch has": (
        a_past(own="1.2.3", elsewhere="1.2.4", served="1.2.3", written="1.2.3", newest="1.2.3"),
        "it is taken: there is a tag v1.2.4",
    ),
    "a new major number that nothing of the branch knows": (
        a_past(own="1.2.3", served="1.2.3 2.0.0", written="1.2.3", newest="1.2.3"),
        "pypi has 2.0.0, and the newest release of this branch is 1.2.3",
    ),
    "a date among the tags": (
        a_past(own="1.2.3 20230101", served="1.2.3", written="1.2.3", newest="1.2.3"),
        "the tag v20230101 has 20230101, and the newest release of this branch is 1.2.3",
    ),
    "a date that reads as a post-release": (
        a_past(own="1.2.3 2023.post10", served="1.2.3", written="1.2.3", newest="1.2.3"),
        "2023.post10",
    ),
    "a jump by two parts": (a_past(own="1.2.3 1.4.0", written="1.2.3", newest="1.2.3"), "has 1.4.0"),
    "a tag of a pre-release that nothing proves": (
        a_past(own="1.2.3 2.0.0a1", served="1.2.3", written="1.2.3", newest="1.2.3"),
        "the tag v2.0.0a1 has 2.0.0a1",
    ),
    "a higher release that the branch has left": (
        a_past(own="0.5.1 5.1.0", served="0.5.1 5.1.0", written="0.5.1", newest="0.5.1", behind="5.1.0"),
        "0.5.2 would be released below 5.1.0",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("fields", [{}, {"follows": True}], ids=["release", "cascade"])
def test_what_may_be_meant_is_named_and_a_person_decides(name: str, fields: dict[str, Any]) -> None:
    past, says = REFUSED[name]
    with pytest.raises(DecisionError) as caught:
        chosen(past, **fields)
    assert says in caught.value.message
    assert "--version" in str(caught.value.hint)
    assert chosen(past, version="1.2.99").version == Version("1.2.99")


@pytest.mark.parametrize("version", ["1.2.3", "1.0", "1.1"])
def test_a_number_that_is_taken_is_refused_also_for_a_person(version: str) -> None:
    past = a_past(own="1.2.3", elsewhere="1.0", served="1.2.3", yanked="1.1", written="1.2.3", newest="1.2.3")
    with pytest.raises(ConflictError, match="is taken: ") as caught:
        chosen(past, version=version)
    assert str(Version(version)) in caught.value.message


def test_nothing_known_can_not_be_moved_on() -> None:
    with pytest.raises(UsageError, match="no version yet") as caught:
        chosen(a_past())
    assert "1.4.0" in str(caught.value.hint)


def test_a_bump_that_leads_nowhere_names_the_place_it_started_from() -> None:
    with pytest.raises(UsageError, match=r'the tag v1\.3\.0: "rc" of 1\.3\.0 would be'):
        chosen(a_past(own="1.3.0", written="1.2rc1", newest="1.3.0"), bump="rc")


@pytest.mark.parametrize(
    ("past", "version", "before", "tag"),
    [
        (a_past(own="2.0.10 2.1.0", served="2.0.10", yanked="2.1.0"), "2.1.1", "2.0.10", "v2.0.10"),
        (a_past(own="1.2.0", served="1.2.0 1.3.3"), "1.3.4", "1.3.3", "v1.2.0"),
        (a_past(own="1.2.3", elsewhere="1.2.4", written="1.2.4"), "1.2.5", "1.2.4", "v1.2.4"),
        (a_past(own="1.2.3", elsewhere="2.0.0a1", served="2.0.0a1"), "2.0.0", "1.2.3", "v1.2.3"),
        (a_past(), "1.0", None, None),
    ],
)
def test_the_release_before_is_the_branchs_own(past: Past, version: str, before: str | None, tag: str | None) -> None:
    release, its_tag = past.before(Version(version))
    assert (release and str(release), its_tag and its_tag.name) == (before, tag)


@pytest.mark.parametrize(
    ("before", "version", "expected"),
    [
        ("1.2.3", "1.2.4", True),
        ("1.2.3", "1.3", True),
        ("1.2.3", "2.0.0", True),
        ("2025.12.3", "2026.1.0", True),
        ("1.2.3", "1.2.3.post1", True),
        ("1.3.0rc1", "1.3.0rc2", True),
        ("1.2.3", "1.2.5", False),
        ("1.2.3", "2.0.5", False),
        ("1.2.3", "1!1.2.3", False),
        ("1.2.3", "1.2.4rc1", False),
    ],
)
def test_a_step_moves_one_part_by_one(before: str, version: str, expected: bool) -> None:
    assert is_next(Version(before), Version(version)) is expected


@pytest.mark.parametrize(
    ("newest", "written", "expected"),
    [
        ("1.2.4", "1.2.5.dev0", "1.2.5"),
        ("1.3.0rc1", "1.3.0rc2.dev0", "1.3.0rc2"),
        ("1.3.0rc1", "1.3.0rc1", "1.3.0rc2"),
        ("1.3.0.dev3", "1.3.0.dev3", "1.3.0.dev4"),
    ],
)
def test_a_follower_leads_from_a_development_version_to_its_release(newest: str, written: str, expected: str) -> None:
    past = a_past(own=newest, served=newest, written=written, newest=newest)

    assert chosen(past, follows=True).version == Version(expected)
