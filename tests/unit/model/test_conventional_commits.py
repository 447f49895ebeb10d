"""The part of a version that commits ask for."""

import pytest
from packaging.version import Version

from interlock.model.bump import Part
from interlock.model.conventional_commits import highest, part_for, part_of


@pytest.mark.parametrize(
    ("message", "part"),
    [
        ("feat: a thing", "minor"),
        ("feat(core, x): a thing", "minor"),
        ("Feat: a thing", "minor"),
        ("fix: a thing", "patch"),
        ("perf: a thing\n\nbody", "patch"),
        ("build(deps): a thing", "patch"),
        ("whatever somebody wrote", "patch"),
        ("feature: no type of the convention", "patch"),
        ("feat:no space", "patch"),
        ('Revert "feat: a thing"', "patch"),
        ("", "patch"),
        ("feat!: a thing", "major"),
        ("chore(api)!: drop it", "major"),
        ("fix: a thing\n\nBREAKING CHANGE: all of it", "major"),
        ("fix: a thing\r\n\r\nBREAKING-CHANGE: all of it\r\n", "major"),
        ("no convention\n\nBREAKING CHANGE: all of it", "major"),
        ("fix: a thing\n\nbreaking change: said in passing", "patch"),
        ("fix: this is no BREAKING CHANGE: at all", "patch"),
        ("docs: a thing", None),
        ("chore(release): bump version to v1.2.3", None),
        ("ci: a thing", None),
        ("test: a thing", None),
        ("style: a thing", None),
        ("Merge branch 'main' into x", None),
        ("Merge pull request #12 from a/b\n\nfeat: a thing", "minor"),
        ("Merge pull request #12 from a/b\n\nA thing", None),
        ("Merge pull request #12 from a/b\n\ndocs!: gone", "major"),
        ("Merge two modules into one", "patch"),
    ],
)
def test_a_commit_asks_for_a_part(message: str, part: str | None) -> None:
    assert str(part_of(message)) == str(part)


def test_the_highest_part_counts() -> None:
    assert highest(["docs: a", "fix: b", "feat: c", "x"]) is Part.MINOR
    assert highest(["docs: a", "ci: b"]) is None
    assert highest([]) is None


@pytest.mark.parametrize(
    "message",
    [
        "feat(" + "(" * 1_000_000,
        "a" * 1_000_000 + "!: x",
        "feat(\nx)!: not one line",
        "BREAKING" * 200_000,
    ],
)
def test_a_hostile_message_is_a_patch(message: str) -> None:
    assert part_of(message) is Part.PATCH


def test_a_footer_counts_however_long_the_message_is() -> None:
    assert part_of("fix: x" + "\n" * 1_000_000 + "BREAKING CHANGE: x") is Part.MAJOR


@pytest.mark.parametrize(
    ("message", "newest", "part"),
    [
        ("feat!: a", "1.2.3", Part.MAJOR),
        ("feat!: a", "0.2.3", Part.MINOR),
        ("feat!: a", None, Part.MINOR),
        ("feat: a", "0.2.3", Part.MINOR),
        ("fix: a", "0.2.3", Part.PATCH),
        ("docs: a", "1.2.3", Part.PATCH),
    ],
)
def test_before_1_0_the_second_number_stands_for_the_first(message: str, newest: str | None, part: Part) -> None:
    assert part_for([message], Version(newest) if newest else None) is part
