"""What a changelog says of a version, in the notes of a GitHub Release."""

import re

import pytest
from packaging.version import Version

from interlock.project.changelog import Changelog
from interlock.releases.changelog_markdown import LONGEST, quoted
from interlock.releases.notes import release_notes

EMPTY = Changelog("", markdown=True)


def said(text: str, changelog: Changelog = EMPTY) -> str:
    return quoted(text, changelog, rest="the rest")


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("- by @alice", "- by @&#8203;alice"),
        ("- by &#64;alice, &#X40;bob and &commat;eve", "- by @&#8203;alice, @&#8203;bob and @&#8203;eve"),
        ("- `@dataclass` by @alice", "- `@dataclass` by @&#8203;alice"),
        ("- `` @a ` @b `` @c", "- `` @a ` @b `` @&#8203;c"),
        ("- `@alice ``", "- `@&#8203;alice ``"),
        ("- fixes #12, closes: GH-1", "- fixes &#8203;#12, closes: &#8203;GH-1"),
        ("- Resolved [#12](https://example.org/12)", "- Resolved &#8203;[#12](https://example.org/12)"),
        ("- fix me/x#12 and #13", "- fix &#8203;me/x#12 and #13"),
        ("- https://example.org/@alice/x", "- https://example.org/@alice/x"),
        ("- https://@alice", "- https://@&#8203;alice"),
        ("<details><!-- x --><b>", "&lt;details>&lt;b>"),
        ("<https://example.org> 1 < 2", "<https://example.org> 1 < 2"),
        ("<!-- never ends\n- more", ""),
        ("```\n@alice <b>\n```\n@bob", "```\n@alice <b>\n```\n@&#8203;bob"),
        ("~~~~py\n@alice\n~~~", "~~~~py\n@alice\n~~~\n~~~~"),
    ],
)
def test_it_is_formatted_and_has_no_effect_on_others(text: str, safe: str) -> None:
    assert said(text) == safe


def test_headings_with_nothing_below_them_are_left_out() -> None:
    kept = "Words.\n\n### Added\n\n- new\n\n", "## Parts\n\n### One\n\n- one"
    text = f"{kept[0]}### Fixed\n<!-- template -->\n\n{kept[1]}\n\n### Two\n\n## Rest\n#### Deep\n"

    assert said(text, Changelog(text, markdown=True)) == "".join(kept)


def test_links_that_are_defined_at_the_end_of_the_file_go_along() -> None:
    links = "[#12]: https://example.org/12\n[d]: http://example.org\n[x]: javascript:x\n"
    text = f"## 1.3.0\n- see [#12], [x] and [docs][D]\n\n{links}"
    changelog = Changelog(text, markdown=True)
    section = changelog.of_version(Version("1.3.0"))
    assert section is not None

    assert said(changelog.text_of(section), changelog) == (
        "- see [#12], [x] and [docs][D]\n\n[#12]: https://example.org/12\n[d]: http://example.org"
    )


@pytest.mark.parametrize("line", ["- @\n", "x" * 999 + "\n", "`" * 900 + "\n", "```\n" + "@" * 90 + "\n"])
def test_a_long_section_is_cut_between_lines_and_the_files_are_still_listed(line: str) -> None:
    text = said(line * (2 * LONGEST // len(line)))

    notes = release_notes(
        repository_url="https://example.org", tag="v2", previous="v1", changes=(), files=(), text=text
    )

    assert len(text) <= LONGEST + 100
    assert text.endswith("\n\nthe rest")
    assert "### Files" in notes
    assert len(re.findall(r"^```$", text, re.MULTILINE)) % 2 == 0


def test_notes_are_what_was_written_with_a_link_to_all_commits() -> None:
    missing = [Version(f"1.{number}") for number in range(7)]
    notes = release_notes(
        repository_url="https://example.org",
        tag="v2",
        previous="v1",
        changes=(),
        files=(),
        text="- new",
        untagged=missing,
    )

    assert notes.startswith("- new\n\nAll changes since [v1](https://example.org/compare/v1...v2)\n")
    assert "2 more and 1.2, 1.3, 1.4, 1.5, 1.6 are on the index and have no tags: these notes" in notes
