"""What a clone has not got: submodules, and files of Git LFS."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from interlock.adapters.git import Checkout, Remote
from interlock.adapters.git.history import files_of
from interlock.adapters.git.submodules import Submodule, fetch_submodule, submodules_of
from interlock.adapters.index.client import open_index
from interlock.adapters.index.settings import Index
from interlock.errors import BuildError, RepositoryError
from interlock.project.build.builder import FailedBuildError
from interlock.project.build.completed_source import Completed, Wanted, complete, wanted_submodules
from interlock.project.build.pointer_files import check_no_pointers, is_pointer
from interlock.project.build.source_tree import copy_tree
from tests.support.git_repositories import BASIC, commit, git, serve
from tests.support.projects import contents, project
from tests.support.universe.packages import make_sdist, make_wheel
from tests.support.universe.world import Universe, open_universe

NAME = "acme-core"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d' * 32}\nsize 1048576\n"
SUBMODULE = '[submodule "{0}"]\n\tpath = {0}\n\turl = {1}\n\tupdate = none\n\tbranch = --upload-pack=x\n'


@pytest.fixture(scope="module")
def origins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bare repositories of two owners: `acme/core` has submodules, `acme/data` and `other/data` are some."""
    top = tmp_path_factory.mktemp("origins")
    shas = {}
    for owner in ("acme", "other"):
        work = top / "work" / owner / "data"
        work.mkdir(parents=True)
        git(work, "init", "--quiet", "--initial-branch=main")
        shas[owner] = commit(work, "deep/x.json", f"{owner}\n", "data")
        commit(work, "later.json", "later\n", "later")
        git(top, "clone", "--quiet", "--bare", str(work), f"{owner}/data.git")
    core = top / "work" / "core"
    core.mkdir()
    git(core, "init", "--quiet", "--initial-branch=main")
    project(
        core, {".gitmodules": SUBMODULE.format("vendor/data", "../data.git") + SUBMODULE.format("tests/x", "../no")}
    )
    git(core, "add", ".")
    for path in ("vendor/data", "tests/x"):
        git(core, "update-index", "--add", "--cacheinfo", f"160000,{shas['acme']},{path}")
    git(core, "commit", "--quiet", "--message", "core")
    git(top, "clone", "--quiet", "--bare", str(core), "acme/core.git")
    return top


@pytest.fixture(scope="module")
def universe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Universe]:
    with open_universe(tmp_path_factory.mktemp("index") / "files") as opened:
        opened.sdist(NAME, "1.0", {"tests/x/y.json": "", "src/acme_core.py": ""})
        opened.sdist(NAME, "1.1", {"vendor/data/deep/x.json": "", "tests/xy/z": ""})
        opened.sdist(NAME, "2.0rc1", {"tests/x/y.json": ""})
        yield opened


def cloned(origin: Path | Remote, target: Path) -> Checkout:
    remote = origin if isinstance(origin, Remote) else Remote(url=str(origin))
    return asyncio.run(Checkout.clone(remote, "main", target))


def with_index(universe: Universe, checkout: Checkout, decided: bool | None) -> Completed:
    async def done() -> Completed:
        cache = checkout.path.parent / "cache"
        async with open_index(Index(name="tiny", url=SecretStr(universe.url), configured=True), cache) as index:
            return await complete(checkout, NAME, index, decided=decided, cache=cache / "submodules")

    return asyncio.run(done())


def remarks(universe: Universe, checkout: Checkout, package: str) -> tuple[str, ...]:
    async def done() -> Wanted:
        cache = checkout.path.parent / "cache"
        async with open_index(Index(name="tiny", url=SecretStr(universe.url), configured=True), cache) as index:
            return await wanted_submodules(checkout.path, package, index, decided=None)

    return asyncio.run(done()).remarks


def copied(source: Path, target: Path) -> dict[str, bytes]:
    asyncio.run(copy_tree(source, target, epoch=315_532_800, history=False))
    return contents(target)


def test_the_newest_release_says_which_submodules_are_taken_in(
    origins: Path, universe: Universe, tmp_path: Path
) -> None:
    checkout = cloned(origins / "acme" / "core.git", tmp_path / "clone")
    sha = git(origins / "acme" / "core.git", "rev-parse", "main")

    done = with_index(universe, checkout, None)

    data = git(origins / "acme" / "core.git", "rev-parse", "main:vendor/data")
    assert done == Completed(added=(f"vendor/data@{data}",), left_out=("tests/x",))
    assert copied(checkout.path, tmp_path / "copy").keys() == {".gitmodules", "vendor/data/deep/x.json"}
    assert (tmp_path / "copy" / "tests" / "x").is_dir()
    assert asyncio.run(checkout.changed()) == ()
    assert asyncio.run(checkout.head()) == sha
    assert with_index(universe, checkout, None) == done
    hint = "submodules = true in the family file takes it in"
    left = "the submodule tests/x is left out of the build, as"
    assert remarks(universe, checkout, NAME) == (f"{left} its files are not in the sdist of 1.1; {hint}",)
    assert remarks(universe, checkout, "acme-new")[0] == f"{left} there is no sdist of a release to go by; {hint}"


def test_the_family_file_decides_where_it_says_something(origins: Path, universe: Universe, tmp_path: Path) -> None:
    checkout = cloned(origins / "acme" / "core.git", tmp_path / "clone")

    done = with_index(universe, checkout, decided=False)
    assert done == Completed(left_out=("tests/x", "vendor/data"))
    assert copied(checkout.path, tmp_path / "copy").keys() == {".gitmodules"}
    with pytest.raises(RepositoryError, match="the submodule tests/x can't be had: "):  # tests/x leads nowhere
        with_index(universe, checkout, decided=True)


def test_a_failing_build_names_the_submodules_that_it_did_not_have() -> None:
    with pytest.raises(FailedBuildError) as caught, Completed(left_out=("a/b",)).explains_failures():
        raise FailedBuildError("the build failed", hint="try it", log="")
    assert caught.value.hint == "if it needs a/b: submodules = true in the family file; try it"


def test_submodules_in_a_folder_of_ones_own_count_as_they_are_there(origins: Path, tmp_path: Path) -> None:
    folder = tmp_path / "core"
    git(tmp_path, "clone", "--quiet", str(origins / "acme" / "core.git"), "core")
    assert asyncio.run(files_of(folder)) == (Path(".gitmodules"),)
    git(folder / "vendor", "clone", "--quiet", str(origins / "acme" / "data.git"), "data")
    wanted = {".gitmodules", "vendor/data/deep/x.json", "vendor/data/later.json"}
    assert {path.as_posix() for path in asyncio.run(files_of(folder))} == wanted
    git(tmp_path, "clone", "--quiet", str(origins / "acme" / "data.git"), "core/nested")
    with pytest.raises(RepositoryError, match="nested is a repository of its own"):
        asyncio.run(files_of(folder))


def fetched(remote: Remote, url: str, tmp_path: Path, sha: str, *, trusted: bool = True) -> dict[str, bytes]:
    clone = tmp_path / "clone"
    if not (clone / "sub").is_symlink():
        (clone / "sub").mkdir(parents=True, exist_ok=True)
    wanted = Submodule("sub", sha, url)
    asyncio.run(fetch_submodule(remote, wanted, clone, tmp_path / "cache", trusted=trusted))
    return contents(clone)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ext::sh -c touch% /tmp/never",
        "file:///etc",
        "/etc",
        "data.git",
        "-u./data.git",
        "--upload-pack=touch",
        "git@example.org:acme/data.git",
        "ssh://example.org/acme/data.git",
        "git://example.org/acme/data.git",
        "https://user:s3cret@example.org/acme/data.git",
        "https://token@example.org/acme/data.git",
        "https://127.0.0.1:9/acme/data.git",
        "https://[::1]:9/acme/data.git",
        "https://10.0.0.1/acme/data.git",
        "https:///acme/data.git",
        "https://example.org/x\n.git",
        "../../other/data.git",
        "../data.git/../../../other/data.git",
        "./data.git",
        "..\\data.git",
    ],
)
def test_an_address_that_leads_elsewhere_is_refused(origins: Path, tmp_path: Path, url: str) -> None:
    sha = git(origins / "acme" / "data.git", "rev-parse", "main")
    remote = Remote(url=str(origins / "acme" / "core.git"))
    with pytest.raises(RepositoryError) as caught:
        fetched(remote, url, tmp_path, sha)
    assert caught.value.hint
    assert "s3cret" not in caught.value.message
    assert not list((tmp_path / "clone" / "sub").iterdir())


def test_the_token_goes_to_the_same_owner_alone(origins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password mine\n")
    (tmp_path / ".gitconfig").write_text('[http]\n\textraHeader = "Authorization: Basic bWluZQ=="\n')
    monkeypatch.setenv("HOME", str(tmp_path))
    sha = git(origins / "acme" / "data.git", "rev-parse", "main~1")
    theirs = git(origins / "other" / "data.git", "rev-parse", "main~1")
    with serve(origins) as server:
        parent = server.remote(name="acme/core.git")
        assert fetched(parent, "../data.git", tmp_path / "one", sha) == {"sub/deep/x.json": b"acme\n"}
        own = f"{server.address}/acme/data.git"
        assert fetched(parent, own, tmp_path / "two", sha) == {"sub/deep/x.json": b"acme\n"}
        assert {authorization for _, authorization in server.seen} == {f"Basic {BASIC}"}
        server.seen.clear()
        for number, (url, trusted) in enumerate(
            [("../../other/data.git", True), (f"{server.address}/other/data.git", True), ("../data.git", False)]
        ):
            with pytest.raises(RepositoryError):
                fetched(parent, url, tmp_path / str(number), theirs, trusted=trusted)
        assert len(server.seen) >= 3
        assert {authorization for _, authorization in server.seen} == {None}


def test_the_folder_of_a_submodule_is_an_empty_one_of_the_clone(origins: Path, tmp_path: Path) -> None:
    sha = git(origins / "acme" / "data.git", "rev-parse", "main")
    remote = Remote(url=str(origins / "acme" / "core.git"))
    for name in ("clone", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "clone" / "sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RepositoryError, match="is not an empty folder"):
        fetched(remote, "../data.git", tmp_path, sha)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_gitmodules_file_is_read_for_addresses_alone(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    git(work, "init", "--quiet", "--initial-branch=main")
    project(tmp_path, {"included": SUBMODULE.format("sub", "https://example.org/included")})
    text = '[include]\n\tpath = ../included\n[submodule "../../x"]\n\tpath = sub\n\turl = https://example.org/y\n'
    project(work, {".gitmodules": text + '[submodule "z"]\n\tpath = not/in/the/tree\n\turl = z\n'})
    git(work, "add", ".")
    git(work, "update-index", "--add", "--cacheinfo", f"160000,{'a' * 40},sub")
    git(work, "update-index", "--add", "--cacheinfo", f"160000,{'b' * 40},nameless")
    git(work, "commit", "--quiet", "--message", "x")
    assert asyncio.run(submodules_of(work)) == (
        Submodule("nameless", "b" * 40, ""),
        Submodule("sub", "a" * 40, "https://example.org/y"),
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (POINTER, True),
        (POINTER.replace("\n", "\r\n"), True),
        (POINTER.replace("oid", "ext-0-foo sha256:1\noid"), True),
        (POINTER.replace("git-lfs.github.com", "hawser.github.com"), True),
        (f"# an example\n{POINTER}", False),
        (POINTER + "x" * 1024, False),
        (POINTER.replace("oid", "id"), False),
        ("", False),
    ],
)
def test_a_pointer_is_known_by_its_form(content: str, expected: bool) -> None:
    assert is_pointer(content.encode()) is expected


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_no_built_file_may_hold_a_pointer(tmp_path: Path, kind: str) -> None:
    files = {f"acme_core/{name}.bin": POINTER for name in "abcdefg"}
    make = make_wheel if kind == "wheel" else make_sdist
    make(tmp_path, NAME, "1.0", files=files)
    with pytest.raises(BuildError) as caught:
        check_no_pointers(tmp_path)
    assert "acme_core/a.bin" in caught.value.message
    assert caught.value.message.endswith(" and 2 more")
    assert "git-lfs" in (caught.value.hint or "")
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    make(tmp_path, NAME, "1.0", files={"acme_core/a.bin": "no pointer", "acme_core/b.md": f"Like this:\n{POINTER}"})
    check_no_pointers(tmp_path)


# Stands in for git-lfs, as far as its command line goes.
GIT_LFS = """\
#!/bin/sh -e
test "$*" = pull
git config lfs.url > "$TMPDIR/asked"
printf large > "model.bin"
"""


@pytest.mark.parametrize("is_there", [True, False])
def test_large_files_are_fetched_where_git_lfs_is(
    universe: Universe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    work, tools = tmp_path / "work", tmp_path / "tools"
    work.mkdir()
    git(work, "init", "--quiet", "--initial-branch=main")
    files = {".gitattributes": "*.bin filter=lfs\n", ".lfsconfig": "[lfs]\n\turl = https://example.org/\n"}
    project(work, {**files, "model.bin": POINTER, "other.txt": POINTER})
    git(work, "add", ".")
    git(work, "commit", "--quiet", "--message", "x")
    (project(tools, {"git-lfs": GIT_LFS}) / "git-lfs").chmod(0o755)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}" if is_there else os.environ["PATH"])
    checkout = cloned(work, tmp_path / "clone")

    done = with_index(universe, checkout, None)

    if is_there:
        assert done == Completed(added=("model.bin",))
        assert (tmp_path / "asked").read_text() == f"file://{work}\n"
        assert copied(checkout.path, tmp_path / "copy")["model.bin"] == b"large"
    else:
        assert done == Completed(remarks=("model.bin is left as a pointer of Git LFS: git-lfs is not on this machine",))


def test_a_submodule_counts_by_its_path_in_the_directory_of_the_project(
    origins: Path, universe: Universe, tmp_path: Path
) -> None:
    universe.sdist("acme-part", "1.0", {"data/deep/x.json": ""})
    checkout = cloned(origins / "acme" / "core.git", tmp_path / "clone")

    async def done(directory: str | None) -> Wanted:
        settings = Index(name="tiny", url=SecretStr(universe.url), configured=True)
        async with open_index(settings, tmp_path / "cache") as index:
            return await wanted_submodules(checkout.path, "acme-part", index, decided=None, directory=directory)

    assert [each.path for each in asyncio.run(done("vendor")).taken] == ["vendor/data"]
    assert asyncio.run(done(None)).taken == ()
