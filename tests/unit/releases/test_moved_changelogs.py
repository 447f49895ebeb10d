"""Which of a project's files are its changelogs, and what becomes of them."""

import asyncio
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from packaging.version import Version

from interlock.errors import RefusedError
from interlock.project.changelog import Release
from interlock.releases.changelog import MovedChangelog, entry_of, move_changelog

OPEN = "## Unreleased\n- new\n\n## 1.2.3\n- old\n"
CLOSED = "## 1.2.3\n- old\n"


def moved(root: Path, version: str = "1.3.0", *, changelog: bool | str = True) -> MovedChangelog:
    context: Any = SimpleNamespace(package=SimpleNamespace(changelog=changelog))
    return asyncio.run(move_changelog(context, root, Release(version, date(2026, 5, 7), f"v{version}")))


def project(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root


def test_each_changelog_is_moved_and_the_first_is_quoted(tmp_path: Path) -> None:
    project(
        tmp_path,
        CHANGELOG_md=OPEN,
        docs__source__History_rst="1.3 (unreleased)\n================\n\n* new\n",
        README_md=OPEN,
    )

    found = moved(tmp_path)

    changed = [path.relative_to(tmp_path).as_posix() for path in found.changed]
    assert (changed, found.remarks) == (["CHANGELOG.md", "docs/source/History.rst"], ())
    entry = entry_of(tmp_path, None, Version("1.3.0"))
    assert entry is not None
    assert (entry.path, entry.text.strip()) == (Path("CHANGELOG.md"), "- new")
    assert (tmp_path / "docs/source/History.rst").read_text().startswith("1.3 (2026-05-07)\n")
    # A run that plans again finds it done.
    assert moved(tmp_path) == MovedChangelog()


def test_what_a_person_should_know_is_a_remark(tmp_path: Path) -> None:
    assert moved(tmp_path) == MovedChangelog()
    project(tmp_path, NEWS_txt="1.2.3\n=====\n\n* old\n")
    assert moved(tmp_path).remarks == ("NEWS.txt says nothing of 1.3.0, and nothing in it is unreleased",)
    assert moved(tmp_path, "1.3.0rc1").remarks == ()
    project(tmp_path, NEWS_txt="2.0 (unreleased)\n================\n\n* new\n")
    assert moved(tmp_path).remarks == ("NEWS.txt had 2.0 as the next version; that section is 1.3.0 now",)


def test_the_family_file_names_another_or_none(tmp_path: Path) -> None:
    project(tmp_path, CHANGELOG_md=OPEN, notes_md=OPEN)

    assert moved(tmp_path, changelog=False) == MovedChangelog()
    assert [path.name for path in moved(tmp_path, changelog="notes.md").changed] == ["notes.md"]
    assert (tmp_path / "CHANGELOG.md").read_text() == OPEN


def test_a_link_or_another_file_is_no_changelog(tmp_path: Path) -> None:
    outside = project(tmp_path / "outside", CHANGES_md=OPEN)
    root = project(tmp_path / "root", HISTORY_md=CLOSED)
    (root / "CHANGELOG.md").symlink_to(outside / "CHANGES.md")
    (root / "docs").symlink_to(outside)
    (root / "NEWS.md").write_bytes(b"## Unreleased\n- \xff\n")

    assert moved(root).changed == ()
    assert (outside / "CHANGES.md").read_text() == OPEN
    for named in ("CHANGELOG.md", "docs/CHANGES.md", "NEWS.md", "gone.md", "docs"):
        with pytest.raises(RefusedError, match=f'the changelog "{named}" can\'t be read'):
            moved(root, changelog=named)
