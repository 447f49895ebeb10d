import asyncio
import subprocess
from pathlib import Path

import pytest

from interlock.adapters.git import Checkout, Commit, Remote
from interlock.errors import ConflictError, RepositoryError, UsageError
from tests.support.git_repositories import BOT, WHEN, commit, git, make_origin


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    return make_origin(tmp_path)


@pytest.fixture
def checkout(origin: Path, tmp_path: Path) -> Checkout:
    return asyncio.run(Checkout.clone(Remote(url=str(origin)), "main", tmp_path / "clone"))


def test_a_clone_is_on_its_branch_with_the_whole_history_and_all_tags(checkout: Checkout, origin: Path) -> None:
    assert asyncio.run(checkout.head()) == git(origin, "rev-parse", "main")
    assert git(checkout.path, "branch", "--show-current") == "main"
    assert git(checkout.path, "rev-list", "--count", "HEAD") == "3"
    assert git(checkout.path, "tag").split() == ["light", "v1"]
    assert asyncio.run(checkout.changed()) == ()


def test_the_default_branch_is_taken_when_none_is_named(origin: Path, tmp_path: Path) -> None:
    git(origin, "branch", "--move", "main", "base")
    checkout = asyncio.run(Checkout.clone(Remote(url=str(origin)), None, tmp_path / "clone"))
    assert checkout.branch == "base"
    assert asyncio.run(checkout.head()) == git(origin, "rev-parse", "base")


def test_a_repository_without_branches_has_no_default_one(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--bare", "empty.git")
    with pytest.raises(RepositoryError, match=r"empty\.git has no default branch"):
        asyncio.run(Checkout.clone(Remote(url=str(tmp_path / "empty.git")), None, tmp_path / "clone"))


def test_tags_on_other_branches_come_too(origin: Path, tmp_path: Path) -> None:
    git(tmp_path / "work", "switch", "--quiet", "--create", "side", "v1")
    side = commit(tmp_path / "work", "y", "y", "side")
    git(tmp_path / "work", "tag", "v1.1")
    git(tmp_path / "work", "push", "--quiet", str(origin), "v1.1")
    checkout = asyncio.run(Checkout.clone(Remote(url=str(origin)), "main", tmp_path / "clone"))
    assert {tag.name: tag.commit for tag in asyncio.run(checkout.tags())}["v1.1"] == side


def test_an_unknown_branch_is_named(origin: Path, tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match=r"^mian of .*origin\.git can't be fetched: .*remote ref refs/heads/mian"):
        asyncio.run(Checkout.clone(Remote(url=str(origin)), "mian", tmp_path / "clone"))


def test_a_directory_in_use_is_left_alone(origin: Path, tmp_path: Path) -> None:
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone" / "mine").touch()
    with pytest.raises(RepositoryError, match="clone is not empty"):
        asyncio.run(Checkout.clone(Remote(url=str(origin)), "main", tmp_path / "clone"))
    assert [path.name for path in (tmp_path / "clone").iterdir()] == ["mine"]


def test_changed_files_are_listed_with_untracked_ones_and_without_ignored_ones(checkout: Checkout) -> None:
    (checkout.path / "version.txt").write_text("2\n")
    (checkout.path / "src" / "x.py").unlink()
    (checkout.path / "new").mkdir()
    (checkout.path / "new" / "ünder way -> there").touch()
    (checkout.path / ".git" / "info").mkdir(exist_ok=True)
    (checkout.path / ".git" / "info" / "exclude").write_text("*.log\n")
    (checkout.path / "x.log").touch()
    assert asyncio.run(checkout.changed()) == ("src/x.py", "version.txt", "new/ünder way -> there")


def test_the_users_own_ignore_file_hides_nothing(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ignore").write_text("*\n")
    (tmp_path / "config").write_text(f"[core]\nexcludesFile = {tmp_path / 'ignore'}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    (checkout.path / "new").touch()
    assert asyncio.run(checkout.changed()) == ("new",)


def test_tags_tell_their_commit_and_message(checkout: Checkout) -> None:
    light, v1 = asyncio.run(checkout.tags())
    assert (v1.name, v1.message) == ("v1", "One\n\nfile: 1234")
    assert (
        v1.sha == git(checkout.path, "rev-parse", "v1") != v1.commit == git(checkout.path, "rev-parse", "v1^{commit}")
    )
    assert v1.when == int(git(checkout.path, "for-each-ref", "--format=%(taggerdate:unix)", "refs/tags/v1"))
    assert (light.sha, light.message, light.when) == (light.commit, None, None)


def test_tags_of_anything_but_commits_are_left_out(checkout: Checkout) -> None:
    git(checkout.path, "tag", "--annotate", "--message=a tree", "tree", "HEAD^{tree}")
    git(checkout.path, "tag", "file", "HEAD:version.txt")
    assert [tag.name for tag in asyncio.run(checkout.tags())] == ["light", "v1"]


def test_a_commit_holds_the_named_files_only_and_is_the_same_for_the_same_input(
    checkout: Checkout, tmp_path: Path
) -> None:
    made = []
    for number, name in enumerate(("clone", "again")):
        each = checkout
        if number:
            each = asyncio.run(Checkout.clone(checkout.remote, "main", tmp_path / name))
        (each.path / "version.txt").write_text("2\n")
        (each.path / "src" / "x.py").write_text("x = 2\n")
        git(each.path, "add", "src")
        made.append(asyncio.run(each.commit_all("bump: to 2\n\n# kept", BOT, WHEN, ["version.txt"])))
        assert asyncio.run(each.changed()) == ("src/x.py",)
    assert made[0] == made[1] == asyncio.run(checkout.head())
    shown = git(checkout.path, "show", "--no-patch", "--format=%an|%ae|%cn|%ce|%ad|%cd|%B", "--date=raw", "HEAD")
    who = "Release Bot|bot@example.org"
    assert shown.rstrip() == f"{who}|{who}|{WHEN} +0000|{WHEN} +0000|bump: to 2\n\n# kept"
    assert asyncio.run(checkout.commit_time(made[0])) == WHEN


def test_a_new_file_can_be_committed_and_a_name_is_no_pattern(checkout: Checkout) -> None:
    (checkout.path / "*.txt").write_text("new\n")
    (checkout.path / "version.txt").write_text("2\n")
    asyncio.run(checkout.commit_all("new", BOT, WHEN, [Path("*.txt")]))
    assert asyncio.run(checkout.changed()) == ("version.txt",)
    with pytest.raises(RepositoryError, match="did not match any files"):
        asyncio.run(checkout.commit_all("new", BOT, WHEN, ["v*.txt"]))


def test_a_commit_without_a_change_is_refused(checkout: Checkout) -> None:
    (checkout.path / "src" / "x.py").write_text("x = 2\n")
    before = asyncio.run(checkout.head())
    with pytest.raises(RepositoryError, match=r"^nothing to commit in version\.txt"):
        asyncio.run(checkout.commit_all("bump", BOT, WHEN, ["version.txt"]))
    assert asyncio.run(checkout.head()) == before


def test_hooks_and_signing_of_the_user_do_not_run(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (checkout.path / ".git" / "hooks", tmp_path / "hooks"):
        for name in ("pre-commit", "commit-msg", "post-commit", "post-checkout", "pre-push"):
            folder.mkdir(exist_ok=True)
            (folder / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
            (folder / name).chmod(0o755)
    (tmp_path / "config").write_text(
        f"[core]\nhooksPath = {tmp_path / 'hooks'}\nautocrlf = true\n[commit]\ngpgSign = true\n"
        "[tag]\ngpgSign = true\n[gpg]\nprogram = false\n[user]\nname = me\nemail = me@example.org\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    (checkout.path / "version.txt").write_text("2\n")
    sha = asyncio.run(checkout.commit_all("bump", BOT, WHEN, ["version.txt"]))
    tag = asyncio.run(checkout.tag("v2", "two", BOT, WHEN, sha))
    asyncio.run(checkout.push({"refs/tags/v2": tag}, {"refs/tags/v2": ""}))
    asyncio.run(checkout.switch(git(checkout.path, "rev-parse", "light")))
    assert not (tmp_path / "ran").exists()
    assert (checkout.path / "version.txt").read_bytes() == b"1\n"


def test_a_tag_is_annotated_and_the_same_for_the_same_input(checkout: Checkout) -> None:
    head = asyncio.run(checkout.head())
    first = asyncio.run(checkout.tag("v3", "three\n\n# sha256: 1", BOT, WHEN, head))
    with pytest.raises(ConflictError, match='there is a tag "v3" already'):
        asyncio.run(checkout.tag("v3", "other", BOT, WHEN, head))
    git(checkout.path, "tag", "--delete", "v3")
    assert asyncio.run(checkout.tag("v3", "three\n\n# sha256: 1", BOT, WHEN, head)) == first
    tag = next(tag for tag in asyncio.run(checkout.tags()) if tag.name == "v3")
    assert (tag.sha, tag.commit, tag.message, tag.when) == (first, head, "three\n\n# sha256: 1", WHEN)


def test_the_log_is_what_came_after_a_tag(checkout: Checkout) -> None:
    light, first = git(checkout.path, "rev-parse", "light"), git(checkout.path, "rev-parse", "v1^{commit}")
    every = asyncio.run(checkout.log(None))
    assert [change.subject for change in every] == ["third", "second", "first: a | b"]
    assert every[-1] == Commit(sha=first, subject="first: a | b", author="t")
    assert [change.sha for change in asyncio.run(checkout.log("v1", light))] == [light]
    assert asyncio.run(checkout.log("light", light)) == ()


def test_the_log_of_paths_has_the_commits_that_touch_them(checkout: Checkout) -> None:
    for name in ("core/a", "core/inside/b", "app/c"):
        (checkout.path / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout.path / name).touch()
        asyncio.run(checkout.commit_all(name, BOT, WHEN, [name]))

    def touched(*paths: str) -> list[str]:
        return [commit.subject for commit in asyncio.run(checkout.log("v1", paths=paths))]

    assert touched("core") == ["core/inside/b", "core/a"]
    assert touched("core", ":(exclude)core/inside") == ["core/a"]
    assert touched("app", ":(exclude)core") == ["app/c"]
    assert touched(".", ":(exclude)core", ":(exclude)app") == ["third", "second"]


def test_the_work_tree_follows_a_switch(checkout: Checkout) -> None:
    light = git(checkout.path, "rev-parse", "light")
    asyncio.run(checkout.switch(light))
    assert asyncio.run(checkout.head()) == light
    assert not (checkout.path / ".gitattributes").exists()
    assert git(checkout.path, "branch", "--show-current") == ""


def test_an_export_has_every_file_as_a_clone_has_it_and_no_repository(checkout: Checkout, tmp_path: Path) -> None:
    head = asyncio.run(checkout.head())
    (checkout.path / "version.txt").write_text("dirty\n")
    asyncio.run(checkout.export(head, tmp_path / "out"))
    files = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert files == {".gitattributes", "version.txt", "src/x.py"}
    assert (tmp_path / "out" / "version.txt").read_text() == "1\n"
    assert asyncio.run(checkout.changed()) == ("version.txt",), "and the clone is as it was"


def test_history_tells_what_came_before(checkout: Checkout) -> None:
    head, light = asyncio.run(checkout.head()), git(checkout.path, "rev-parse", "light")
    assert asyncio.run(checkout.is_ancestor(light, head))
    assert asyncio.run(checkout.is_ancestor(head, head))
    assert not asyncio.run(checkout.is_ancestor(head, light))


def test_an_update_brings_the_branch_and_new_tags_and_leaves_the_work_tree(
    checkout: Checkout, origin: Path, tmp_path: Path
) -> None:
    before = asyncio.run(checkout.head())
    newer = commit(tmp_path / "work", "z", "z", "newer")
    git(tmp_path / "work", "tag", "v9")
    git(tmp_path / "work", "push", "--quiet", str(origin), "main", "v9")
    assert asyncio.run(checkout.update()) == newer
    assert asyncio.run(checkout.head()) == before
    assert "v9" in {tag.name for tag in asyncio.run(checkout.tags())}


def test_what_is_not_in_the_clone_is_an_error(checkout: Checkout, tmp_path: Path) -> None:
    lost, head = "0" * 39 + "1", asyncio.run(checkout.head())
    for failing in (
        checkout.commit_time(lost),
        checkout.switch(lost),
        checkout.log("v7"),
        checkout.export(lost, tmp_path / "out"),
        checkout.is_ancestor(lost, head),
        checkout.tag("v7", "x", BOT, WHEN, lost),
    ):
        with pytest.raises(RepositoryError):
            asyncio.run(failing)


@pytest.mark.parametrize(
    "name", ["-x", "--all", "a b", "a..b", "/a", "a/", "a.lock", "a~1", "", "a:b", "@", "a@{1}", "*"]
)
def test_what_is_no_name_never_reaches_git(checkout: Checkout, name: str) -> None:
    head = asyncio.run(checkout.head())
    for failing in (
        checkout.tag(name, "x", BOT, WHEN, head),
        checkout.push({name: head}, {name: ""}),
        checkout.remote_refs(name),
        checkout.log(None, name),
        checkout.switch(name),
        checkout.commit_time(name),
    ):
        with pytest.raises(UsageError):
            asyncio.run(failing)


def test_a_big_history_is_read_whole(tmp_path: Path) -> None:
    work = tmp_path / "many"
    work.mkdir()
    git(work, "init", "--quiet", "--initial-branch=main")
    subject = "s" * 200
    one = "commit refs/heads/main\ncommitter t <t@example.org> 1 +0000\ndata 200\n" + subject + "\n"
    subprocess.run(["git", "-C", str(work), "fast-import", "--quiet"], input=one.encode() * 500, check=True)
    checkout = asyncio.run(Checkout.clone(Remote(url=str(work)), "main", tmp_path / "clone"))
    changes = asyncio.run(checkout.log(None))
    assert len(changes) == 500
    assert {change.subject for change in changes} == {subject}
