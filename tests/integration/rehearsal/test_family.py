"""The small family: as the real one is, always the same, and it works."""

import asyncio
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from interlock.errors import EnvironmentUnavailableError, RehearsalError, RepositoryError
from interlock.model import family_file
from rehearsal.released import Released, build_released
from rehearsal.repositories import make_repositories, mirror, name_of
from rehearsal.template import SMALL_FAMILY, SMALL_FAMILY_NAME, Commit, History, Repository, Template

DOWNSTREAMS = ("market_data_pipeline", "market-data-store", "market_data_orchestrator", "market-data-ibkr")


def git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", repository, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def template() -> Template:
    return Template.load()


@pytest.fixture(scope="module")
def repositories(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repositories")
    make_repositories(template.repositories, folder)
    return folder


@pytest.fixture(scope="module")
def released(template: Template, tmp_path_factory: pytest.TempPathFactory) -> tuple[Released, ...]:
    return asyncio.run(build_released(template.repositories, tmp_path_factory.mktemp("released")))


def pyproject(repository: str) -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((SMALL_FAMILY / repository / "pyproject.toml").read_text())


# --- its files -----------------------------------------------------------------------------------------------------


def test_the_family_file_is_right_and_differs_from_the_real_one_in_suites_and_secrets_alone() -> None:
    small, real = family_file.check(SMALL_FAMILY / "family.toml"), family_file.load(family_file.DEFAULT)
    assert small.name == real.name == SMALL_FAMILY_NAME
    assert small.owner == real.owner
    apart = {"suites": (), "secrets": ()}
    assert {name: package.model_copy(update=apart) for name, package in small.packages.items()} == {
        name: package.model_copy(update=apart) for name, package in real.packages.items()
    }


def test_every_member_has_a_repository_on_its_branch(template: Template) -> None:
    family = family_file.load(SMALL_FAMILY / "family.toml")
    branches = {repository.name: repository.history.branch for repository in template.repositories}
    wanted = {family.repository(name).split("/")[1]: package.branch for name, package in family.packages.items()}
    assert branches == wanted
    assert branches["market_data_pipeline"] == "base"


def test_requirements_are_declared_as_the_real_ones_are() -> None:
    ranges = {name: pyproject(name)["project"]["dependencies"] for name in DOWNSTREAMS}
    pins = [Requirement(line) for line in ranges.pop("market_data_orchestrator")]
    upstreams = {f"market-data-{name}" for name in ("core", "store", "pipeline", "ibkr")}
    assert {requirement.name for requirement in pins} == upstreams
    assert {next(iter(requirement.specifier)).operator for requirement in pins} == {"=="}
    assert all("market-data-core>=1.2.0,<2.0.0" in lines for lines in ranges.values())
    assert "market-data-core==1.2.10" in (SMALL_FAMILY / "market_data_pipeline/requirements.txt").read_text()


def test_whoever_is_told_of_a_release_listens_on_that_event(template: Template) -> None:
    family = family_file.load(SMALL_FAMILY / "family.toml")
    files = {repository.name: repository.files for repository in template.repositories}
    for package in family.packages.values():
        for dispatch in package.dispatches:
            for target in dispatch.targets:
                workflows = workflows_of(files[family.repository(target).split("/")[1]])
                assert any(dispatch.event in listened(workflow) for workflow in workflows)


def workflows_of(files: Mapping[str, bytes]) -> Iterator[dict[Any, Any]]:
    return (yaml.safe_load(content) for path, content in files.items() if path.startswith(".github/workflows/"))


def listened(workflow: dict[Any, Any]) -> Collection[str]:
    types: Collection[str] = (workflow[True].get("repository_dispatch") or {}).get("types", ())
    return types


def test_listeners_show_the_dispatch_id_and_are_safe_against_payloads(template: Template) -> None:
    listeners = [
        content.decode()
        for repository in template.repositories
        for path, content in repository.files.items()
        if path.startswith(".github/workflows/on_")
    ]
    assert len(listeners) == 6
    for text in listeners:
        assert re.search(r'^run-name: ".*\$\{\{ github\.event\.client_payload\.dispatch_id \}\}"$', text, re.MULTILINE)
        assert "workflow_dispatch:" in text
        assert "permissions:\n  contents: read\n" in text
        for step in next(iter(yaml.safe_load(text)["jobs"].values()))["steps"]:
            assert "${{" not in step.get("run", "")


# --- its repositories ----------------------------------------------------------------------------------------------


def test_repositories_have_the_same_commits_everywhere(repositories: Path, template: Template, tmp_path: Path) -> None:
    make_repositories(template.repositories, tmp_path)
    heads = {made.name: git(made, "rev-parse", "HEAD") for made in sorted(tmp_path.iterdir())}
    assert heads == {made.name: git(made, "rev-parse", "HEAD") for made in sorted(repositories.iterdir())}
    assert heads["market-data-core.git"] == "9af3eb2" + heads["market-data-core.git"][7:]


def test_the_head_of_a_repository_has_exactly_the_files_of_the_template(repositories: Path, template: Template) -> None:
    for repository in template.repositories:
        made = repositories / f"{repository.name}.git"
        assert set(git(made, "ls-tree", "-r", "--name-only", "HEAD").splitlines()) == set(repository.files)
        assert git(made, "show", "HEAD:README.md").encode() == repository.files["README.md"].strip()
        assert git(made, "symbolic-ref", "--short", "HEAD") == repository.history.branch
        assert git(made, "fsck", "--strict") == ""


def test_a_tag_is_annotated_and_on_the_commit_that_has_its_version(repositories: Path) -> None:
    core = repositories / "market-data-core.git"
    assert git(core, "tag").split() == ["v1.2.10", "v1.2.9"]
    assert git(core, "cat-file", "-t", "v1.2.9") == "tag"
    for tag in ("v1.2.9", "v1.2.10"):
        assert tomllib.loads(git(core, "show", f"{tag}:pyproject.toml"))["project"]["version"] == tag[1:]
    assert '__version__ = "0.6.2"' in git(
        repositories / "market-data-store.git", "show", "v0.6.3~1:src/market_data_store/__init__.py"
    )


def test_a_repository_that_git_refuses_is_named(tmp_path: Path) -> None:
    commit = Commit(message="m", at=datetime(2025, 1, 1, tzinfo=UTC))
    bad = Repository(name="bad", history=History(author="no address", commits=(commit,)), files={})
    with pytest.raises(RehearsalError, match=r"the repository bad can't be made: .*[Mm]"):
        make_repositories([bad], tmp_path)


def test_git_that_is_not_installed_is_said(template: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentUnavailableError, match="git is not installed"):
        make_repositories(template.repositories, tmp_path / "made")
    with pytest.raises(EnvironmentUnavailableError, match="git is not installed"):
        asyncio.run(mirror("/srv/x.git", tmp_path / "mirror"))


# --- what was released ---------------------------------------------------------------------------------------------


def test_every_tag_was_released_as_wheel_and_sdist_with_its_version(released: tuple[Released, ...]) -> None:
    assert [file.path.name for file in released[:4]] == [
        "market_data_core-1.2.9-py3-none-any.whl",
        "market_data_core-1.2.9.tar.gz",
        "market_data_core-1.2.10-py3-none-any.whl",
        "market_data_core-1.2.10.tar.gz",
    ]
    assert len(released) == 12
    for wheel in (file.path for file in released if file.path.suffix == ".whl"):
        name, version = wheel.name.split("-")[:2]
        with zipfile.ZipFile(wheel) as archive:
            metadata = archive.read(f"{name}-{version}.dist-info/METADATA").decode()
        assert f"\nVersion: {version}\n" in metadata


def test_a_release_has_the_bytes_that_a_build_of_its_tag_has(
    released: tuple[Released, ...], repositories: Path, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "--quiet", "--branch=v0.6.3", str(repositories / "market-data-store.git"), "source")
    source = tmp_path / "source"
    epoch = git(source, "log", "-1", "--format=%ct")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path / "dist"), str(source)]
    subprocess.run(command, check=True, capture_output=True, env={"PATH": "/usr/bin:/bin", "SOURCE_DATE_EPOCH": epoch})
    built = {path.name: path.read_bytes() for path in (tmp_path / "dist").iterdir()}
    assert len(built) == 2
    assert built == {file.path.name: file.path.read_bytes() for file in released if file.path.name in built}


def test_what_was_built_is_kept(template: Template, released: tuple[Released, ...]) -> None:
    cache = released[0].path.parents[1]
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    assert asyncio.run(build_released(template.repositories, cache)) == released
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == before


def test_a_release_that_cannot_be_built_says_why(tmp_path: Path) -> None:
    commit = Commit(message="m", at=datetime(2025, 1, 1, tzinfo=UTC), tag="v1", version="1")
    bad = Repository(
        name="bad",
        history=History(author="A <a@example.org>", commits=(commit,)),
        files={"pyproject.toml": b'[project]\nname = "bad"\nversion = "one"\n'},
    )
    with pytest.raises(RehearsalError, match=r"can't be built: (.|\n)*version"):
        asyncio.run(build_released([bad], tmp_path))
    assert list(tmp_path.iterdir()) == []


# --- it works ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(released: tuple[Released, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The newest releases, as they are when installed."""
    folder = tmp_path_factory.mktemp("site")
    for file in released:  # oldest first
        if file.path.suffix == ".whl":
            for old in folder.glob(f"{file.path.name.split('-')[0]}*"):
                shutil.rmtree(old)
            with zipfile.ZipFile(file.path) as archive:
                archive.extractall(folder)
    return folder


def run_suite(folder: Path, tests: str, site: Path) -> str:
    """What pytest prints."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", tests],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("repository", "tests", "passed"),
    [
        ("market-data-core", "tests", {"test_telemetry": 3}),
        (
            "market_data_pipeline",
            "tests/contracts",
            {"test_core_install": 1, "test_feedback_flow": 4, "test_protocol_conformance": 5},
        ),
        ("market-data-store", "tests/contracts", {"test_core": 3}),
        ("market-data-ibkr", "tests", {"test_provider": 2}),
        ("market_data_orchestrator", "tests", {"test_assembly": 1}),
    ],
)
def test_suites_pass_against_what_was_released(
    repository: str, tests: str, passed: dict[str, int], site: Path, tmp_path: Path
) -> None:
    shutil.copytree(SMALL_FAMILY / repository, tmp_path / repository)  # away from this project's settings
    output = run_suite(tmp_path / repository, tests, site)
    assert Counter(re.findall(r"(\w+)\.py::.* PASSED", output)) == passed


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    queue_size: int = Field(ge=0)\n", ""),
        ("async def publish(self, event", "async def publish(self, message"),
        ("async def apply", "def apply"),
        ("le=1.0", "le=0.5"),
    ],
)
def test_pipelines_contracts_notice_what_core_breaks(old: str, new: str, site: Path, tmp_path: Path) -> None:
    shutil.copytree(site, tmp_path / "site")
    files = [tmp_path / "site/market_data_core" / name for name in ("telemetry.py", "protocols.py")]
    assert any(old in file.read_text() for file in files)
    for file in files:
        file.write_text(file.read_text().replace(old, new))
    with pytest.raises(AssertionError, match=r"failed|error"):
        run_suite(SMALL_FAMILY / "market_data_pipeline", "tests/contracts", tmp_path / "site")


def test_sdists_carry_the_contract_tests(released: tuple[Released, ...]) -> None:
    newest = [file.path for file in released if re.match(r"market_data_(pipeline|store)-.*\.gz", file.path.name)]
    assert len(newest) == 2
    for path in newest:
        with tarfile.open(path) as archive:
            assert any("/tests/contracts/test_" in name for name in archive.getnames())


def test_infra_rebuilds_everything_and_says_for_which_release(tmp_path: Path) -> None:
    shutil.copytree(SMALL_FAMILY / "market_data_infra", tmp_path / "infra")
    environ = {"PATH": "/usr/bin:/bin", "ORIGIN": "market-data-core", "VERSION": "1.2.11; touch trap"}
    subprocess.run(["make", "rebuild-all"], cwd=tmp_path / "infra", env=environ, check=True, capture_output=True)
    rebuilt = (tmp_path / "infra/rebuilt.txt").read_text().splitlines()
    assert rebuilt == [
        f"{image} for market-data-core 1.2.11; touch trap"
        for image in ("core", "store", "pipeline", "ibkr", "orchestrator")
    ]
    assert not (tmp_path / "infra/trap").exists()
    bare = subprocess.run(["make", "rebuild-all"], cwd=tmp_path / "infra", env={"PATH": "/usr/bin:/bin"}, check=False)
    assert bare.returncode != 0


def test_what_tools_leave_behind_is_no_part_of_a_repository(tmp_path: Path) -> None:
    shutil.copytree(SMALL_FAMILY, tmp_path / "family")
    litter = tmp_path / "family/market-data-core/src/market_data_core/__pycache__"
    litter.mkdir(exist_ok=True)
    (litter / "x.pyc").write_bytes(b"")
    assert Template.load(tmp_path / "family") == Template.load()


# --- a user's own --------------------------------------------------------------------------------------------------


def test_a_mirror_has_branches_tags_and_default_branch_and_no_way_back(repositories: Path, tmp_path: Path) -> None:
    source = repositories / "market_data_pipeline.git"
    branch = asyncio.run(mirror(str(source), tmp_path / "mirror.git"))
    assert branch == "base"
    assert git(tmp_path / "mirror.git", "show-ref") == git(source, "show-ref")
    assert git(tmp_path / "mirror.git", "remote") == ""


def test_a_repository_that_is_not_there_can_not_be_mirrored(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match=r"nowhere.git\" can't be mirrored: .*nowhere"):
        asyncio.run(mirror(str(tmp_path / "nowhere.git"), tmp_path / "mirror.git"))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("https://github.com/mjdevaccount/market_data_pipeline.git", "market_data_pipeline"),
        ("https://github.com/mjdevaccount/market-data-core/", "market-data-core"),
        ("git@github.com:mjdevaccount/market-data-store.git", "market-data-store"),
        ("git@example.org:name.git", "name"),
        ("/srv/git/name.git", "name"),
        ("/srv/work/name", "name"),
        ("/srv/work/name/.git", "name"),
        ("/srv/work/name/src/..", "name"),
    ],
)
def test_a_repository_is_called_as_its_address_or_path_ends(source: str, name: str) -> None:
    assert name_of(source) == name


def test_an_address_that_names_no_repository_is_refused() -> None:
    with pytest.raises(RehearsalError, match="names no repository"):
        name_of("https://github.com/.git")


def test_versions_of_the_past_are_older(template: Template) -> None:
    for repository in template.repositories:
        versions = [Version(commit.version) for commit in repository.history.commits if commit.version]
        assert versions == sorted(versions)
