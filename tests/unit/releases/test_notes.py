"""The notes of a GitHub Release show what has changed, as text and never as anything else."""

from hypothesis import given
from hypothesis import strategies as st

from interlock.releases.notes import LONGEST, MOST_COMMITS, Change, plain, release_notes
from tests.support.release_values import a_file

URL = "https://example.org/o/core"


def _notes(*changes: Change, previous: str | None = "v1.2.10") -> str:
    return release_notes(repository_url=URL, tag="v1.2.11", previous=previous, changes=changes, files=[a_file()])


def test_changes_and_files_are_listed_with_links() -> None:
    notes = _notes(Change("a" * 40, "Add a limit"), Change("b" * 40, "Fix it (#12)"))

    assert notes.splitlines() == [
        f"### Changes since [v1.2.10]({URL}/compare/v1.2.10...v1.2.11)",
        "",
        f"- Add a limit ([{'a' * 7}]({URL}/commit/{'a' * 40}))",
        f"- Fix it \\(\\#12\\) ([{'b' * 7}]({URL}/commit/{'b' * 40}))",
        "",
        "### Files",
        "",
        "| file | SHA-256 |",
        "|---|---|",
        f"| market_data_core-1.2.11-py3-none-any.whl | `{'a' * 64}` |",
    ]


def test_a_first_release_has_nothing_before_it() -> None:
    assert _notes(Change("a" * 40, "Begin"), previous=None).startswith("### Changes\n")


def test_a_release_without_commits_says_so() -> None:
    assert "No commits but the release's own." in _notes()


def test_very_many_commits_are_counted_and_the_text_stays_within_githubs_limit() -> None:
    notes = _notes(*[Change(f"{n:040x}", "x" * 500) for n in range(MOST_COMMITS + 3)])

    assert len(notes) <= LONGEST + 1
    assert "and 3 more" in _notes(*[Change(f"{n:040x}", "x") for n in range(MOST_COMMITS + 3)])


@given(st.text(max_size=80))
def test_nobodys_subject_formats_mentions_or_closes_anything(text: str) -> None:
    shown = plain(text)

    assert "\n" not in shown
    assert "@" not in shown.replace("@&#8203;", "")
    for special in "`*_[]<>#|":
        assert shown.replace("&#8203;", "").count(special) == shown.count(f"\\{special}")
