import asyncio
import re
from pathlib import Path

import pytest

from interlock.adapters.git import Remote, files_at
from interlock.errors import RepositoryError, TokenError
from tests.support.git_repositories import git, serve


def commit(work: Path, content: str) -> str:
    (work / "tests" / "test_x.py").write_text(content)
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message", content)
    return git(work, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """A bare repository with three commits: tagged `v1`, on branch `side`, and on `main`; and their SHAs."""
    folder = tmp_path_factory.mktemp("git")
    work = folder / "work"
    (work / "tests").mkdir(parents=True)
    git(work, "init", "--quiet", "--initial-branch=main")
    (work / ".gitattributes").write_text("tests export-ignore\n*.py export-subst\n")
    (work / "link").symlink_to("/etc/hostname")
    shas = {"v1": commit(work, "$Format:%H$ one")}
    git(work, "tag", "--annotate", "--message=one", "v1")
    git(work, "switch", "--quiet", "--create", "side")
    shas["side"] = commit(work, "two")
    git(work, "switch", "--quiet", "main")
    shas["main"] = commit(work, "three")
    git(folder, "clone", "--quiet", "--bare", "work", "origin.git")
    return str(folder / "origin.git"), shas


def content(origin: tuple[str, dict[str, str]], ref: str, cache: Path) -> str:
    return asyncio.run(files_at(Remote(url=origin[0]), ref, cache))["tests/test_x.py"].decode()


def test_files_are_those_of_the_tag_branch_or_sha(origin: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    shas = origin[1]
    for ref in ("main", "side", "refs/heads/side", shas["main"], shas["side"], "main"):
        assert content(origin, ref, tmp_path) == (
            "two" if ref in {"side", "refs/heads/side", shas["side"]} else "three"
        )


def test_files_come_as_they_were_committed_whatever_the_repository_leaves_out_of_archives(
    origin: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    files = asyncio.run(files_at(Remote(url=origin[0]), "v1", tmp_path))
    assert set(files) == {".gitattributes", "tests/test_x.py"}, "and no link"
    assert files["tests/test_x.py"] == b"$Format:%H$ one"


def test_refs_of_one_repository_can_be_asked_for_at_the_same_time(
    origin: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    refs = ["v1", "side", "main"] * 4

    async def ask() -> list[dict[str, bytes]]:
        return await asyncio.gather(*(files_at(Remote(url=origin[0]), ref, tmp_path) for ref in refs))

    found = [files["tests/test_x.py"].decode().rpartition(" ")[2] for files in asyncio.run(ask())]
    assert found == ["one", "two", "three"] * 4


def test_a_moved_branch_is_read_where_it_is_now(tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / "tests").mkdir(parents=True)
    git(work, "init", "--quiet", "--initial-branch=main")
    for text in ("one", "two"):
        commit(work, text)
        assert asyncio.run(files_at(Remote(url=str(work)), "main", tmp_path))["tests/test_x.py"] == text.encode()


@pytest.mark.parametrize("ref", ["v2", "0" * 40, "a..b", "v1^{tree}"])
def test_an_unknown_ref_is_named_in_gits_words(origin: tuple[str, dict[str, str]], tmp_path: Path, ref: str) -> None:
    with pytest.raises(RepositoryError, match=re.escape(f'"{ref}" of {origin[0]} can\'t be fetched: fatal: ')):
        asyncio.run(files_at(Remote(url=origin[0]), ref, tmp_path))


def test_a_repository_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="does not appear to be a git repository"):
        asyncio.run(files_at(Remote(url=str(tmp_path / "lost.git")), "main", tmp_path))


def test_what_is_asked_for_can_not_become_an_option(origin: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    trap = f"--upload-pack=touch {tmp_path / 'trapped'};git-upload-pack"
    with pytest.raises(RepositoryError, match="can't be fetched"):
        asyncio.run(files_at(Remote(url=origin[0]), trap, tmp_path))
    with pytest.raises(ValueError, match="not the address of a repository"):
        Remote(url=trap)
    assert not (tmp_path / "trapped").exists()


def test_a_private_repository_is_read_with_its_token_and_named_without_one(
    origin: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    with serve(Path(origin[0]).parent) as server:
        files = asyncio.run(files_at(server.remote(), "main", tmp_path))
        assert files["tests/test_x.py"] == b"three"
        with pytest.raises(TokenError, match=rf'"main" of {server.address}/origin\.git can\'t be fetched'):
            asyncio.run(files_at(server.remote(None), "main", tmp_path))
    assert server.leaks == []


def test_a_users_template_for_repositories_has_no_say(
    origin: tuple[str, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "template" / "info").mkdir(parents=True)
    (tmp_path / "template" / "config").write_text('[url "nowhere:"]\ninsteadOf = /\n')
    (tmp_path / ".gitconfig").write_text(f"[init]\ntemplateDir = {tmp_path / 'template'}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert content(origin, "main", tmp_path) == "three"


def test_a_missing_git_is_an_error_with_a_cure(
    origin: tuple[str, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RepositoryError, match="git is not installed"):
        asyncio.run(files_at(Remote(url=origin[0]), "main", tmp_path))
