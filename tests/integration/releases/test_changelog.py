"""Changelogs are moved in the release's commit and quoted in its notes, also by a run that resumes it."""

import asyncio
from collections.abc import Iterator

import pytest

from interlock.adapters.connections import access_from, open_connections
from interlock.model import family_file
from interlock.model.release import Step
from interlock.project import build
from interlock.releases import workflow
from interlock.releases.context import open_release
from interlock.releases.plan import ReleaseRequest
from interlock.releases.preflight import Preview
from interlock.releases.step_timer import StepEvent
from rehearsal.github.released import releases
from tests.support.interrupted_releases import begin
from tests.support.quick_releases import quick_releases
from tests.support.rehearsed_cascade import built
from tests.support.rehearsed_release import CORE, SHORT, RehearsedRelease

STORE, IBKR, PIPELINE = "market-data-store", "market-data-ibkr", "market-data-pipeline"
PIPELINES = "market_data_pipeline"  # the repository
KEEP = b"# Changelog\n\n## [Unreleased]\n\n### Added\n- something new by @alice\n\n## [1.2.10] - 2024-05-01\n- old\n"


async def nothing(_step: Step, _event: StepEvent) -> None:
    return


@pytest.fixture
def quick(here: RehearsedRelease) -> Iterator[RehearsedRelease]:
    with quick_releases() as patch:
        patch.setattr(build, "build", built)
        yield here


def notes(here: RehearsedRelease, tag: str) -> str:
    return next(each.body or "" for each in releases(here.serving.github).values() if each.tag == tag)


def changed(here: RehearsedRelease, repository: str, tag: str) -> list[str]:
    return here.git(repository, "diff", "--name-only", f"{tag}^", tag).splitlines()


def preview(package: str) -> Preview:
    async def previewed() -> Preview:
        family = family_file.load()
        request = ReleaseRequest(package=package, patience=SHORT)
        async with (
            open_connections(family, access_from(family)) as connections,
            open_release(request, connections) as context,
        ):
            return await workflow.preview(context)

    return asyncio.run(previewed())


def test_the_unreleased_section_is_that_of_the_version_in_the_commit_and_in_the_notes(quick: RehearsedRelease) -> None:
    quick.commit(CORE, {"CHANGELOG.md": KEEP, "src/market_data_core/more.py": b""}, "a commit that is not listed")

    found = preview(CORE)

    assert quick.writes() == []
    assert found.plan is not None
    assert "CHANGELOG.md" in found.plan.changed
    begin(quick, Step.GITHUB_RELEASE)
    quick.commit(CORE, {"CHANGELOG.md": b"# Changelog\n\n## 1.2.11\n- rewritten since\n"})
    release = quick.release(watch=nothing)
    assert (str(release.version), release.resumed) == ("1.2.11", True)
    text = quick.git(CORE, "show", "v1.2.11:CHANGELOG.md")
    day = quick.git(CORE, "log", "-1", "--format=%cs", "v1.2.11")
    assert f"## [Unreleased]\n\n## [1.2.11] - {day}\n\n### Added\n- something new by @alice\n" in text
    assert notes(quick, "v1.2.11") == found.notes
    assert found.notes.startswith("### Added\n- something new by @&#8203;alice\n\nAll changes since [v1.2.10]")
    assert "not listed" not in found.notes


def test_without_a_changelog_notes_are_githubs_or_the_commits(quick: RehearsedRelease) -> None:
    quick.commit(STORE, {".github/release.yml": b"changelog: {}\n"})
    quick.commit(PIPELINES, {"CHANGELOG.md": KEEP, ".github/release.yml": b"changelog: {}\n"}, "fix: it's listed")
    quick.commit(IBKR, {"pyproject.toml": towncrier(quick, IBKR), "changes/1.feature": b"new\n"}, "feat: it's listed")
    family = quick.world.directory.family_file
    key = f"[packages.{PIPELINE}]\n"
    family.write_text(family.read_text("utf-8").replace(key, f"{key}changelog = false\n"), "utf-8")

    store, pipeline, ibkr = (quick.release(each, watch=nothing) for each in (STORE, PIPELINE, IBKR))

    assert f"**Full Changelog**: {quick.serving.github.addresses.server}" in notes(quick, store.tag)
    assert f"compare/v{store.previous}...{store.tag}" in notes(quick, store.tag)
    assert "fix: it's listed" in notes(quick, pipeline.tag)
    assert "CHANGELOG.md" not in changed(quick, PIPELINES, pipeline.tag)
    (remark,) = [each for each in ibkr.remarks if "fragments" in each]
    assert "the changelog's fragments stay where they are: the index has no towncrier" in remark
    assert "feat: it's listed" in notes(quick, ibkr.tag)


def towncrier(here: RehearsedRelease, repository: str) -> bytes:
    return (
        f'{here.git(repository, "show", "HEAD:pyproject.toml")}\n\n[tool.towncrier]\ndirectory = "changes"\n'.encode()
    )


def test_a_release_without_a_tag_is_named_and_a_section_by_hand_stays_as_it_is(quick: RehearsedRelease) -> None:
    quick.git(CORE, "tag", "--delete", "v1.2.10")
    by_hand = b"## Unreleased\n- later\n\n## 1.2.11\n- by hand\n"
    quick.commit(CORE, {"CHANGES.md": by_hand})
    family = quick.world.directory.family_file
    key = f"[packages.{CORE}]\n"
    family.write_text(family.read_text("utf-8").replace(key, f'{key}next = "dev"\n'), "utf-8")

    release = quick.release(watch=nothing, version="1.2.11")

    missing = "1.2.10 is on the index and has no tag: these notes have what was changed there"
    assert [each for each in release.remarks if each.startswith(missing)]
    assert f"{missing}." in notes(quick, "v1.2.11")
    assert notes(quick, "v1.2.11").startswith("- by hand\n")
    # What comes next is not released by a development version.
    assert quick.git(CORE, "log", "-1", "--format=%s", "main") == "chore(release): begin 1.2.12.dev0"
    assert quick.git(CORE, "show", "main:CHANGES.md") == by_hand.decode().strip()
