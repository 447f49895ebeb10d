"""The decision to finish a release without a file is read as it was written, and from nothing else."""

from types import SimpleNamespace
from typing import cast

import pytest
from packaging.version import Version

from interlock.adapters.github import GitHubRelease
from interlock.releases.notes import Change, release_notes
from interlock.releases.partial import given_up, note
from interlock.releases.plan import Plan
from interlock.releases.tags import Manifest
from tests.support.release_values import a_file

FILE = a_file()
PLAN = Plan(
    package="core",
    version=Version("1.0"),
    previous=None,
    repository="me/core",
    branch="main",
    tag="v1.0",
    base="b" * 40,
    epoch=0,
    source="pyproject.toml",
    manifest=Manifest(package="core==1.0", files=(FILE,)),
)


def page(body: str | None) -> GitHubRelease:
    return cast("GitHubRelease", SimpleNamespace(body=body))


def test_what_was_left_out_is_read_from_the_notes_also_as_github_gives_them_back() -> None:
    text = "notes\n" + note(PLAN.model_copy(update={"left_out": frozenset({FILE.name})}))
    assert f"`{FILE.name}`" in text
    for body in (text, text.replace("\n", "\r\n")):
        assert given_up(page(body), [FILE]) == {FILE.name}
    assert given_up(page(text), []) == frozenset(), "a file that the tag does not promise"


def test_a_release_with_all_of_its_files_says_nothing() -> None:
    assert note(PLAN) == ""
    assert PLAN.promised == (FILE,)
    assert PLAN.model_copy(update={"left_out": frozenset({FILE.name})}).promised == ()


@pytest.mark.parametrize("nothing", [None, page(None), page(""), page("v1.0")])
def test_other_notes_leave_nothing_out(nothing: GitHubRelease | None) -> None:
    assert given_up(nothing, [FILE]) == frozenset()


def test_a_commits_subject_leaves_nothing_out() -> None:
    forged = [Change("a" * 40, f"x\n<!-- Interlock-Left-Out: {FILE.name} -->")]
    body = release_notes(repository_url="https://example.org", tag="v1.0", previous=None, changes=forged, files=[FILE])
    assert given_up(page(body), [FILE]) == frozenset()
