"""What is unreleased becomes the section of a version, in the form of the file, and not a line more."""

from datetime import date
from pathlib import Path

import pytest
from packaging.version import Version

from interlock.errors import RefusedError
from interlock.project.changelog import Changelog, Moved, Release, find_changelogs, move

DAY = date(2026, 5, 7)


def moved(text: str, version: str = "1.3.0", *, markdown: bool = True, tag: str | None = None) -> Moved | None:
    release = Release(version, DAY, tag or f"v{version}")
    return move(Changelog(text, markdown=markdown), release)


def text(*args: str, **fields: object) -> str:
    found = moved(*args, **fields)  # type: ignore[arg-type]
    assert found is not None
    return found.text


KEEP = """\
# Changelog
Whatever is `## [Unreleased]` here is below.

## [Unreleased]

### Added
- something new

## [1.2.3] - 2024-05-01 [YANKED]

- old

[unreleased]: https://example.org/me/x/compare/v1.2.3...HEAD
[1.2.3]: https://example.org/me/x/compare/v1.2.2...v1.2.3
"""
KEPT = """\
# Changelog
Whatever is `## [Unreleased]` here is below.

## [Unreleased]

## [1.3.0] - 2026-05-07

### Added
- something new

## [1.2.3] - 2024-05-01 [YANKED]

- old

[unreleased]: https://example.org/me/x/compare/v1.3.0...HEAD
[1.3.0]: https://example.org/me/x/compare/v1.2.3...v1.3.0
[1.2.3]: https://example.org/me/x/compare/v1.2.2...v1.2.3
"""


def test_keep_a_changelog_gets_a_section_and_links_and_a_new_empty_one() -> None:
    assert text(KEEP) == KEPT
    assert text(KEEP.replace("\n", "\r\n")) == KEPT.replace("\n", "\r\n")


def test_a_tag_of_another_form_is_in_the_links() -> None:
    found = text(KEEP.replace("/v1", "/core-v1").replace("...v1", "...core-v1"), tag="core-v1.3.0")

    assert "[unreleased]: https://example.org/me/x/compare/core-v1.3.0...HEAD\n" in found
    assert "[1.3.0]: https://example.org/me/x/compare/core-v1.2.3...core-v1.3.0\n" in found


@pytest.mark.parametrize(
    ("unreleased", "before", "made"),
    [
        ("## Unreleased", "## 1.2.3", "## Unreleased\n\n## 1.3.0"),
        ("## Unreleased ##", "## v1.2.3 (2024-05-01)", "## Unreleased ##\n\n## v1.3.0 (2026-05-07)"),
        (
            "## **[Unreleased]**",
            "## **[1.2.3]** (May 01, 2024)",
            "## **[Unreleased]**\n\n## **[1.3.0]** (May 07, 2026)",
        ),
        ("## Unreleased", "## 1.2.3 (27th August, 2024)", "## Unreleased\n\n## 1.3.0 (7th May, 2026)"),
        ("## Unreleased", "## 1.2.3: Aug. 1st, 2024", "## Unreleased\n\n## 1.3.0: May. 7th, 2026"),
        ("## Unreleased", "## 1.2.3 - 01-Aug-2024", "## Unreleased\n\n## 1.3.0 - 07-May-2026"),
        ("# Next release", "# Version 1.2.3, 1 Feb 2024: Ada", "# Next release\n\n# Version 1.3.0, 7 May 2026"),
        (
            "## Unreleased",
            "## [1.2.3](https://example.org/compare/v1.2.2...v1.2.3) (2024-05-01)",
            "## Unreleased\n\n## [1.3.0](https://example.org/compare/v1.2.3...v1.3.0) (2026-05-07)",
        ),
        (
            "Unreleased\n----------",
            "1.2.3 / 2024-05-01\n------",
            "Unreleased\n----------\n\n1.3.0 / 2026-05-07\n------------------",
        ),
        ("## 1.3.0 – unreleased", "## 1.2.3 – 2024-05-01", "## 1.3.0 – 2026-05-07"),
        ("## [1.3] - TBD", "## [1.2.3] - 2024/05/01", "## [1.3] - 2026/05/07"),
        ("## 1.3.0 (2024-xx-xx)", "## 1.2.3", "## 1.3.0 (2026-05-07)"),
        ("1.3.0 (unreleased)\n==================", "1.2.3\n=====", "1.3.0 (2026-05-07)\n=================="),
    ],
)
def test_a_heading_is_like_those_before(unreleased: str, before: str, made: str) -> None:
    body = "\n\n- new\n\n"

    assert text(f"{unreleased}{body}{before}\n\n- old\n") == f"{made}{body}{before}\n\n- old\n"


PALLETS = """\
Changes
=======

Version 1.3.0
-------------

Unreleased

-   New :issue:`12`.


Version 1.2.3
-------------

Released 2024-04-16
"""


def test_a_line_below_the_version_gets_the_date() -> None:
    assert text(PALLETS, markdown=False) == PALLETS.replace("Unreleased", "Released 2026-05-07")
    first = PALLETS[: PALLETS.index("\n\nVersion 1.2.3")]
    assert "\nReleased 2026-05-07\n" in text(first, markdown=False)


def test_a_title_between_rules_stays_between_rules() -> None:
    title = "==========\nUnreleased\n==========\n\n* new\n\n================\n1.2.3 2024-05-01\n================\n"

    found = text(title, "1.3.0.post10", markdown=False)

    rule = "=" * len("1.3.0.post10 2026-05-07")
    assert f"Unreleased\n==========\n\n{rule}\n1.3.0.post10 2026-05-07\n{rule}\n\n* new\n" in found


def test_the_first_release_is_as_keep_a_changelog_has_it() -> None:
    assert text("## [Unreleased]\n- new\n") == "## [Unreleased]\n\n## 1.3.0 - 2026-05-07\n- new\n"
    linked = "## [Unreleased]\n- new\n\n[Unreleased]: https://example.org/compare/v0...HEAD\n"
    assert "## [1.3.0] - 2026-05-07\n" in text(linked)


def test_a_version_is_spelled_as_its_files_have_it() -> None:
    assert "## 2026.05.07\n" in text("## Unreleased\n- new\n## 2026.04.01\n", "2026.05.07")
    assert "## 2026.05 (2026-05-07)\n" in text("## 2026.05 (unreleased)\n- new\n", "2026.05")


def test_another_promised_version_is_replaced_and_named() -> None:
    found = moved(PALLETS, "1.2.4", markdown=False)

    assert found is not None
    assert str(found.instead_of) == "1.3.0"
    assert "Version 1.2.4\n-------------\n\nReleased 2026-05-07\n" in found.text


def test_a_pre_release_does_not_release_what_is_said_of_its_final_version() -> None:
    assert moved(PALLETS, "1.3.0rc1", markdown=False) is None
    assert "## 1.3.0rc1\n" in text("## Unreleased\n- new\n## 1.2.3\n", "1.3.0rc1")


@pytest.mark.parametrize(
    "unmoved",
    [
        "",
        "# Changelog\n\nWords.\n",
        "## [Unreleased]\n\n### Added\n\n<!-- - an example -->\n\n## 1.2.3\n- old\n",
        "## [Unreleased]\n\n_Nothing yet._\n\n## 1.2.3\n- old\n",
        "## 1.3.0 - 2026-01-01\n- written by hand\n\n## Unreleased\n- later\n",
        "## 1.3.0\n- without a date\n",
        "## 1.2.3\n- old\n\n## 1.0.0 (unreleased)\n- forgotten\n",
        "```\n## Unreleased\n- an example\n```\n## 1.2.3\n- old\n",
        "<!--\n## Unreleased\n- an example\n-->\n## 1.2.3\n- old\n",
    ],
)
def test_what_is_released_or_says_nothing_stays(unmoved: str) -> None:
    assert moved(unmoved) is None


@pytest.mark.parametrize(
    "part", ["-", "<!--", "[", "`", "#", "a/compare/", "1.", " ", "_ ", "x\n=\n", "[a]: ", "## 1.2\n"]
)
def test_a_hostile_file_is_read_in_no_time(part: str) -> None:
    size = 200_000 // len(part)
    for text_ in (part * size, f"## Unreleased\n{part * size}x\n## 1.2.3\n{part * size}", f"## {part * size}\n"):
        for markdown in (True, False):
            changelog = Changelog(text_, markdown=markdown)
            move(changelog, Release("1.3.0", DAY, "v1.3.0"))
            assert sum(map(len, changelog.lines)) == len(text_)


@pytest.mark.parametrize(
    "line",
    [
        "```pip install x``` works",
        "- reads `<!--` in templates",
        "- a ``<!-- b`` <!-- c -->",
        "- a <!-- that never ends",
    ],
)
def test_code_and_comments_within_a_line_end_no_section(line: str) -> None:
    before = "## [1.2.3] - 2024-05-01\n\n- old\n"
    made = text(f"## [Unreleased]\n\n{line}\n\n{before}")
    assert made == f"## [Unreleased]\n\n## [1.3.0] - 2026-05-07\n\n{line}\n\n{before}"

    changelog = Changelog(made, markdown=True)
    section = changelog.of_version(Version("1.3.0"))
    assert section is not None
    assert changelog.text_of(section) == line


def test_what_comes_next_may_stand_above_series_of_versions() -> None:
    series = "## 1.2.x\n\n### 1.2.3 (2024-05-01)\n\n- old\n\n### 1.2.2 (2024-04-01)\n\n- older\n"
    made = text(f"# X\n\n## Unreleased\n\n### Added\n\n- new\n\n{series}")
    assert made == f"# X\n\n## Unreleased\n\n## 1.3.0 (2026-05-07)\n\n### Added\n\n- new\n\n{series}"


def test_a_heading_below_a_version_does_not_say_that_it_is_not_out() -> None:
    assert moved("## 1.2.3 (2024-05-01)\n\n### Unreleased\n\n- x\n\n## 1.2.2 (2024-04-01)\n") is None


def test_a_calendar_version_is_no_form_of_dates() -> None:
    made = text("## 2026.05.07 - unreleased\n\n- new\n\n## 2026.04.01\n", "2026.05.07")
    assert made.startswith("## 2026.05.07 - 2026-05-07\n")


def test_a_missing_changelog_is_named_without_the_place_of_the_clone(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="can't be read: No such file or directory") as refused:
        list(find_changelogs(tmp_path, "NEWS.md"))
    assert str(tmp_path) not in refused.value.message
