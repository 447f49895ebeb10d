"""Candidates are built once, of exactly the files that are meant, without a token, and leave what they are of alone."""

import json
import os
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from interlock.adapters.github import StaticToken
from interlock.contracts.candidates import (
    Candidate,
    CandidateBuilder,
    build_candidate,
    find,
    own_parent,
    parse_ref,
)
from interlock.contracts.candidates.build import _marked
from interlock.contracts.candidates.source_tree import Source, of_commit, of_folder
from interlock.errors import BuildError, RefusedError, RepositoryError, UsageError
from interlock.project.build import FailedBuildError
from interlock.project.version import VersionPlace
from tests.support.candidates import CORE, CandidateWorld, Origin, project
from tests.support.git_repositories import TOKEN, git


@pytest.fixture
def origin(world: CandidateWorld) -> Origin:
    return world.origin(CORE, project(CORE, "1.0"))


def built(world: CandidateWorld, text: str) -> tuple[Candidate, dict[str, bytes]]:
    """A candidate, and what is in its wheel."""

    async def does(builder: CandidateBuilder) -> tuple[Candidate, dict[str, bytes]]:
        candidate = await build_candidate(builder, CORE, await find(builder, CORE, parse_ref(text)))
        with zipfile.ZipFile(candidate.wheel) as wheel:
            return candidate, {name: wheel.read(name) for name in wheel.namelist()}

    return world.run(does)


def test_a_commit_is_built_once_and_its_version_says_which(world: CandidateWorld, origin: Origin) -> None:
    sha = git(origin.work, "rev-parse", "HEAD")
    candidate, files = built(world, "main")
    again, same = built(world, sha)

    assert str(candidate.version) == str(again.version) == f"1.0+g{sha[:12]}"
    assert f"trains_core-1.0+g{sha[:12]}.dist-info/METADATA" in files
    assert files == same
    assert len(world.builds) == 1
    assert (candidate.described, again.described) == (f"branch main ({sha[:12]})", f"commit ({sha[:12]})")


def test_a_package_in_a_directory_is_built_there_from_its_commit_or_from_a_folder(
    world: CandidateWorld, tmp_path: Path
) -> None:
    files = {f"packages/core/{name}": text for name, text in project(CORE, "1.0", beside="").items()}
    origin = world.origin(CORE, {**files, "beside.txt": ""})
    fields = {"directory": "packages/core"}
    world.family = world.family.model_copy(
        update={"packages": {**world.family.packages, CORE: world.family.package(CORE).model_copy(update=fields)}}
    )

    _, inside = built(world, "main")
    (origin.work / "packages/core/trains_core/beside.py").write_text("B = 1\n")
    of_root, changed = built(world, str(origin.work))
    of_itself, same = built(world, str(origin.work / "packages/core"))

    assert inside["trains_core/beside.py"] == b""
    assert changed["trains_core/beside.py"] == same["trains_core/beside.py"] == b"B = 1\n"
    assert str(of_root.version).startswith("1.0+d")
    assert str(of_itself.version).startswith("1.0+d")


def test_a_stranger_who_links_the_directory_to_elsewhere_is_refused_and_nothing_there_is_changed(
    world: CandidateWorld, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    (secret / "core").mkdir(parents=True)
    (secret / "core/pyproject.toml").write_text("private")
    (secret / "core/pyproject.toml").chmod(0o600)
    origin = world.origin(CORE, project(CORE, "1.0"))
    (origin.work / "packages").symlink_to(secret)
    origin.commit({}, "a link")
    origin.push("main")
    fields = {"directory": "packages/core"}
    world.family = world.family.model_copy(
        update={"packages": {**world.family.packages, CORE: world.family.package(CORE).model_copy(update=fields)}}
    )

    with pytest.raises(BuildError, match="packages is no directory"):
        built(world, "main")
    assert (secret / "core/pyproject.toml").stat().st_mode & 0o777 == 0o600


def test_a_folders_parent_is_built_from_its_own_git_where_there_is_no_other(
    world: CandidateWorld, tmp_path: Path
) -> None:
    folder = Origin(tmp_path / "core", tmp_path / "nowhere")
    folder.work.mkdir()
    git(folder.work, "init", "--quiet")
    sha = folder.commit(project(CORE, "1.0"))
    (folder.work / "trains_core" / "new.py").write_text("")

    async def does(builder: CandidateBuilder) -> tuple[Candidate, Candidate]:
        one = await find(builder, CORE, parse_ref(str(folder.work)))
        parent = await own_parent(builder, CORE, one)
        assert parent is not None
        return await build_candidate(builder, CORE, one), await build_candidate(builder, CORE, parent)

    one, parent = world.run(does)
    assert str(parent.version) == f"1.0+g{sha[:12]}"
    assert one.version != parent.version


def test_a_commit_that_several_ask_for_is_built_once(world: CandidateWorld, origin: Origin) -> None:
    origin.push("main:refs/heads/other")

    async def does(builder: CandidateBuilder) -> list[Candidate]:
        refs = [await find(builder, CORE, parse_ref(text)) for text in ("main", "other")]
        return [await build_candidate(builder, CORE, each) for each in refs]

    one, other = world.run(does)
    assert one.wheel == other.wheel
    assert other.described.startswith("branch other")


def test_code_of_a_pull_request_sees_no_token(
    world: CandidateWorld, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_TOKEN", "REPO_DISPATCH_TOKEN", "TWINE_PASSWORD", "UV_PUBLISH_TOKEN", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, TOKEN)
    origin.push("main:refs/pull/1/head")
    monkeypatch.setattr(world, "credentials", StaticToken(SecretStr(TOKEN), "GITHUB_TOKEN"))

    _, files = built(world, "#1")

    environment = json.loads(files["trains_core/built_with.json"])
    assert environment["SOURCE_DATE_EPOCH"] == git(origin.work, "show", "--no-patch", "--format=%ct")
    assert not [name for name, value in environment.items() if TOKEN in value]
    assert not {name for name in environment if "TOKEN" in name or "SECRET" in name or "PASSWORD" in name}


def test_a_folder_with_changes_is_built_as_it_is_and_left_as_it_is(world: CandidateWorld, origin: Origin) -> None:
    (origin.work / "trains_core" / "new.py").write_text("new = True\n")
    (origin.work / ".gitignore").write_text("secret.txt\n")
    (origin.work / "secret.txt").write_text("s\n")
    git(origin.work, "add", "trains_core/new.py")
    before = git(origin.work, "status", "--porcelain")

    candidate, files = built(world, str(origin.work))

    assert candidate.sha is None
    assert str(candidate.version).startswith("1.0+d")
    assert files["trains_core/new.py"] == b"new = True\n"
    assert "secret.txt" not in str(files)
    assert git(origin.work, "status", "--porcelain") == before, (
        "what was staged is staged, and the version is as it was"
    )

    (origin.work / "trains_core" / "new.py").write_text("new = 2\n")
    other, _ = built(world, str(origin.work))
    (origin.work / "trains_core" / "new.py").write_text("new = True\n")
    same, _ = built(world, str(origin.work))
    assert other.version != candidate.version == same.version
    assert len(world.builds) == 2


def test_a_folder_without_changes_is_its_commit(world: CandidateWorld, origin: Origin) -> None:
    of_branch, files = built(world, "main")
    of_folder, same = built(world, str(origin.work))
    assert (of_folder.version, of_folder.sha) == (of_branch.version, of_branch.sha)
    assert same == files


def test_an_unpacked_sdist_is_built_without_git(world: CandidateWorld, origin: Origin, tmp_path: Path) -> None:
    async def unpacked(builder: CandidateBuilder) -> Path:
        candidate = await build_candidate(builder, CORE, await find(builder, CORE, parse_ref("main")))
        with tarfile.open(candidate.sdist) as sdist:
            sdist.extractall(tmp_path / "unpacked", filter="data")
        return next((tmp_path / "unpacked").iterdir())

    folder = world.run(unpacked)
    candidate, files = built(world, str(folder))
    assert str(candidate.version).startswith("1.0+d")
    assert "trains_core/__init__.py" in files


def test_another_package_is_refused_with_its_name(world: CandidateWorld, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    for name, text in project("trains-other", "1.0").items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with pytest.raises(RefusedError, match="this is trains-other, and not trains-core"):
        built(world, str(folder))


def test_what_is_released_is_not_built(world: CandidateWorld) -> None:
    world.universe.wheel(CORE, "0.7")
    with pytest.raises(UsageError, match=r"trains-core 0\.7 is released"):
        built(world, "0.7")


def test_a_build_that_fails_says_of_what_and_keeps_its_log(world: CandidateWorld, origin: Origin) -> None:
    origin.commit({"backend.py": "raise RuntimeError('no wheels today')\n"})
    origin.push("main")
    with pytest.raises(FailedBuildError) as caught:
        built(world, "main")
    assert caught.value.message.startswith("trains-core, branch main (")
    assert "no wheels today" in caught.value.message
    log = Path((caught.value.hint or "").rpartition(": ")[2])
    assert "no wheels today" in log.read_text()


def test_without_a_version_in_the_files_it_is_the_newest_tag_in_the_commits_history(
    world: CandidateWorld, origin: Origin
) -> None:
    git(origin.work, "tag", "v1.1")
    sha = origin.commit({"x": ""})
    git(origin.work, "switch", "--quiet", "--create", "other")
    origin.commit({"y": ""})
    git(origin.work, "tag", "v3.0")
    origin.push("main", "--tags")

    async def sources(builder: CandidateBuilder) -> list[Source]:
        folder = await find(builder, CORE, parse_ref(str(origin.work)))
        assert folder.folder is not None
        return [
            await of_commit(builder, CORE, sha),
            await of_folder(builder, CORE, folder.folder, folder.head, folder.sha),
        ]

    of_tags = VersionPlace(root=origin.work, version=None, described="tags")
    found = [str(_marked(of_tags, source)) for source in world.run(sources)]
    assert found == [f"1.1+g{sha[:12]}", f"3.0+g{git(origin.work, 'rev-parse', 'HEAD')[:12]}"]
    assert str(_marked(of_tags, replace(world.run(sources)[0], tagged=None))) == f"0+g{sha[:12]}"


def test_what_cannot_be_copied_out_of_a_folder_is_named(world: CandidateWorld, origin: Origin, tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(project(CORE, "1.0")["pyproject.toml"])
    os.mkfifo(folder / "pipe")
    with pytest.raises(RepositoryError, match=r"unpacked can't be copied: .*pipe") as error:
        built(world, str(folder))
    assert "take it out" in (error.value.hint or "")
