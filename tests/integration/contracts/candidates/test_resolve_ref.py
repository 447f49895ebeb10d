"""A ref, found in the repository, on the index or on this disk; and where it left the default branch."""

from pathlib import Path

import pytest

from interlock.contracts.candidates import CandidateBuilder, Kind, ResolvedRef, find, merge_base, parse_ref
from interlock.errors import InterlockError, RepositoryError, UsageError
from tests.support.candidates import CORE, CandidateWorld, Origin, project
from tests.support.git_repositories import git


def found(world: CandidateWorld, *texts: str) -> list[tuple[ResolvedRef, ResolvedRef | None]]:
    """What each text is, and its merge base."""

    async def does(builder: CandidateBuilder) -> list[tuple[ResolvedRef, ResolvedRef | None]]:
        each = [await find(builder, CORE, parse_ref(text)) for text in texts]
        return [(one, await merge_base(builder, CORE, one)) for one in each]

    return world.run(does)


def refused(world: CandidateWorld, text: str) -> InterlockError:
    with pytest.raises(InterlockError) as caught:
        found(world, text)
    return caught.value


@pytest.fixture
def origin(world: CandidateWorld) -> Origin:
    return world.origin(CORE, project(CORE, "1.0"))


@pytest.fixture
def forked(origin: Origin) -> tuple[str, str]:
    """A branch that left main before its newest commit, whose head is pull request 7 and more: both SHAs."""
    base = git(origin.work, "rev-parse", "HEAD")
    git(origin.work, "switch", "--quiet", "--create", "feature/x")
    sha = origin.commit({"trains_core/new.py": ""}, "new")
    origin.push("feature/x", "HEAD:refs/pull/7/head")
    git(origin.work, "switch", "--quiet", "main")
    origin.commit({"README": ""}, "main goes on")
    origin.push("main")
    return base, sha


def test_a_ref_is_found_whatever_it_is_called_by(world: CandidateWorld, forked: tuple[str, str]) -> None:
    base, sha = forked
    for one, left_at in found(world, "feature/x", "refs/heads/feature/x", sha, sha[:9], "#7", "pull/7"):
        assert (one.sha, left_at and left_at.sha) == (sha, base)
        assert one.described.endswith(f"({sha[:12]})")
        assert one.note is None
    assert (one.described, one.pull, one.kind) == (f"pull request 7 ({sha[:12]})", 7, Kind.PULL)


def test_what_is_on_the_default_branch_has_no_merge_base(world: CandidateWorld, forked: tuple[str, str]) -> None:
    base, _ = forked
    (main, _none), (tag, nothing), (older, neither) = found(world, "main", "v1.0", base)
    assert (_none, nothing, neither) == (None, None, None)
    assert tag.sha == older.sha == base != main.sha
    assert tag.described == f"tag v1.0 ({base[:12]})"


def test_a_pull_request_of_a_fork_needs_no_branch_of_the_repository(world: CandidateWorld, origin: Origin) -> None:
    git(origin.work, "switch", "--quiet", "--orphan", "theirs")
    sha = origin.commit(project(CORE, "1.0"), "without a common history")
    origin.push("HEAD:refs/pull/3/head")
    assert [(one.sha, base) for one, base in found(world, "#3", sha)] == [(sha, None)] * 2


def test_a_commit_that_no_ref_points_at_is_had_by_its_whole_name(
    world: CandidateWorld, forked: tuple[str, str]
) -> None:
    _, sha = forked
    git(world.folder / "acme" / f"{CORE}.git", "update-ref", "-d", "refs/pull/7/head")
    git(world.folder / "acme" / f"{CORE}.git", "update-ref", "-d", "refs/heads/feature/x")
    ((one, _),) = found(world, sha)
    assert one.sha == sha
    assert isinstance(refused(world, sha[:9]), UsageError)


def test_what_an_annotated_tag_is_named_by_means_its_commit(
    world: CandidateWorld, forked: tuple[str, str], origin: Origin
) -> None:
    """A push of a tag names that object, and nothing can be said of it on GitHub."""
    _, sha = forked
    git(origin.work, "tag", "--annotate", "--message=x", "v2.0", sha)
    origin.push("v2.0")
    named = git(origin.work, "rev-parse", "v2.0")
    assert named != sha
    assert [one.sha for one, _ in found(world, named, named[:9])] == [sha, sha]


def test_what_is_no_commit_is_none_though_the_repository_has_it(world: CandidateWorld, origin: Origin) -> None:
    tree = git(origin.work, "rev-parse", "HEAD^{tree}")
    assert f'has no "{tree}": no commit' in refused(world, tree).message


def test_a_released_version_is_taken_from_the_index_and_needs_no_repository(world: CandidateWorld) -> None:
    world.universe.wheel(CORE, "0.7")
    ((one, base),) = found(world, "0.7")
    assert (str(one.version), one.sha, base) == ("0.7", None, None)


def test_a_version_that_is_tagged_and_not_on_the_index_is_its_tag(world: CandidateWorld, origin: Origin) -> None:
    ((one, _),) = found(world, "1.0")
    assert (one.kind, one.version, one.described[:8]) == (Kind.TAG, None, "tag v1.0")


def test_of_a_tag_and_a_branch_of_one_name_it_is_the_tag_and_that_is_said(
    world: CandidateWorld, origin: Origin
) -> None:
    git(origin.work, "switch", "--quiet", "--create", "both")
    sha = origin.commit({"x": ""})
    origin.push("both:refs/heads/both", "v1.0:refs/tags/both")
    ((one, _), (branch, _base)) = found(world, "both", "refs/heads/both")
    assert one.kind is Kind.TAG
    assert one.note == f'"both" was taken as the tag; there is the branch {sha[:12]} too'
    assert (branch.sha, branch.note) == (sha, None)


def test_a_directory_that_is_called_like_a_branch_is_the_branch(
    world: CandidateWorld, forked: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("main", "elsewhere"):
        (tmp_path / name).mkdir()
    (main, _), (elsewhere, _none) = found(world, "main", "elsewhere")
    assert main.kind is Kind.BRANCH
    assert elsewhere.folder == tmp_path / "elsewhere"


def test_a_folder_says_whether_it_differs_from_its_commit(
    world: CandidateWorld, forked: tuple[str, str], origin: Origin
) -> None:
    _, sha = forked
    git(origin.work, "switch", "--quiet", "feature/x")
    clean = found(world, str(origin.work))[0]
    git(origin.work, "switch", "--quiet", "main")
    (origin.work / "trains_core" / "more.py").write_text("")
    (changed, base) = found(world, str(origin.work))[0]

    assert (clean[0].sha, clean[0].described) == (sha, f"folder {origin.work} ({sha[:12]})")
    assert clean[1] is not None
    assert (changed.sha, changed.described) == (None, f"folder {origin.work} (with changes)")
    assert base is not None
    assert base.sha == changed.head, "what was changed is told from the commit that it was changed upon"


def test_a_folder_in_the_branch_or_with_a_history_of_its_own_has_its_own_parent(
    world: CandidateWorld, forked: tuple[str, str], origin: Origin, tmp_path: Path
) -> None:
    older, newer = git(origin.work, "rev-parse", "main~1"), git(origin.work, "rev-parse", "main")
    ((one, base),) = found(world, str(origin.work))
    assert (one.sha, base and base.sha) == (newer, older)
    git(origin.work, "switch", "--quiet", "--detach", older)
    assert found(world, str(origin.work))[0][1] is None, "the first commit has no parent"

    unpacked = Origin(tmp_path / "unpacked", origin.bare)
    unpacked.work.mkdir()
    git(unpacked.work, "init", "--quiet")
    first, _second = (unpacked.commit({"file": text}) for text in ("1", "2"))
    assert found(world, str(unpacked.work))[0][1] == ResolvedRef(
        package=CORE, kind=Kind.SHA, described=f"the commit below it ({first[:12]})", sha=first, head=first
    )


def test_a_folder_without_git_has_no_history(world: CandidateWorld, origin: Origin, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    ((one, base),) = found(world, str(tmp_path / "plain"))
    assert (one.sha, one.head, base) == (None, None, None)
    assert one.described == f"folder {tmp_path / 'plain'} (without Git)"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("featur/x", 'acme/trains-core has no "featur/x": no tag, no branch and no folder', "did you mean feature/x?"),
        ("7", 'acme/trains-core has no "7"', 'did you mean the pull request "#7"?'),
        ("#8", "acme/trains-core has no pull request 8", "#12"),
        ("/nowhere/at/all", "there is no folder /nowhere/at/all", "./core"),
        ("v1.1", 'acme/trains-core has no "v1.1"', "did you mean v1.0?"),
        ("f" * 40, f'acme/trains-core has no "{"f" * 40}": no commit', "main"),
        ("https://github.com/acme/else/pull/7", "is a pull request of acme/else, and trains-core is in acme/", "name"),
    ],
)
def test_what_is_nothing_is_said_with_what_is_near(
    world: CandidateWorld, forked: tuple[str, str], text: str, message: str, hint: str
) -> None:
    error = refused(world, text)
    assert isinstance(error, UsageError)
    assert message in error.message
    assert hint in (error.hint or "")


def test_a_repository_that_cant_be_had_is_named(world: CandidateWorld) -> None:
    error = refused(world, "main")
    assert isinstance(error, RepositoryError)
    assert f"{CORE}.git" in error.message
