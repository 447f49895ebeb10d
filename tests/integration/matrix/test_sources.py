"""Where a suite's files come from: the sdist is covered by the plan's tests; here are Git, a directory, and neither."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from interlock.adapters.connections import Access
from interlock.adapters.github import StaticToken
from interlock.adapters.index import client
from interlock.errors import TokenError
from tests.support.git_repositories import git
from tests.support.github_hub import Hub
from tests.support.planned_matrices import Planned, planned
from tests.support.universe.served import Served
from tests.support.universe.world import Universe


@pytest.fixture
def trains(universe: Universe) -> Universe:
    for version in ("1.0", "1.1"):
        universe.wheel("core", version)
    for version in ("2.0", "2.1"):
        universe.wheel("pipeline", version, {"pipeline/__init__.py": f"VERSION = {version!r}"}, requires=["core"])
    return universe


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Tests that differ between the tag v2.0 and the branch main; 2.1 has no tag."""
    work = tmp_path / "work"
    (work / "tests" / "contracts").mkdir(parents=True)
    (work / "src").mkdir()
    (work / "src" / "not_a_test.py").write_text("")
    git(work, "init", "--quiet", "--initial-branch=main")
    for text, tag in (("old", "v2.0"), ("new", None)):
        (work / "tests" / "contracts" / "test_x.py").write_text(f"# {text}\n")
        git(work, "add", "--all")
        git(work, "commit", "--quiet", "--message", text)
        if tag:
            git(work, "tag", tag)
    return work


def _files(plan: Planned, downstream: str) -> dict[str, str]:
    recipe = plan.cell("1.0", downstream).recipe
    assert recipe is not None
    assert recipe.tests is not None
    return {str(path.relative_to(recipe.tests)): path.read_text() for path in recipe.tests.rglob("*.py")}


def test_tests_come_from_the_tag_of_the_downstreams_version(trains: Universe, repository: Path) -> None:
    plan = planned(trains, {"git": {"path": "tests/contracts", "url": str(repository)}})
    assert _files(plan, "2.0") == {"tests/contracts/test_x.py": "# old\n"}


def test_a_version_without_its_tag_is_untested_in_gits_words(trains: Universe, repository: Path) -> None:
    plan = planned(trains, {"git": {"path": "tests/contracts", "url": str(repository)}})
    unrun = plan.cell("1.0", "2.1").unrun
    assert unrun is not None
    assert "v2.1" in (unrun.reason or "")


def test_a_suite_can_name_the_ref_itself(trains: Universe, repository: Path) -> None:
    plan = planned(trains, {"git": {"path": "tests/contracts", "ref": "main", "url": str(repository)}})
    assert _files(plan, "2.1") == {"tests/contracts/test_x.py": "# new\n"}


def test_a_repository_whose_owner_nobody_names_is_said_to_be_unknown(trains: Universe) -> None:
    unrun = planned(trains, {"git": {"path": "tests"}}).cell("1.0", "2.0").unrun
    assert unrun is not None
    assert "owns pipeline" in (unrun.reason or "")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Another GitHub than the one that everybody knows, with a private repository of alice's."""
    hub = Hub(tmp_path / "github")
    hub.add("alice/pipeline", {"tests/contracts/test_x.py": b"# hers\n"}, private=True)
    with Served(hub.serve_git()) as served:
        monkeypatch.setenv("GITHUB_SERVER_URL", served.url)
        yield served.url


ALICE = Access(credentials=StaticToken(SecretStr("alice-classic"), "REPO_TOKEN"))
ON_MAIN = {"path": "tests/contracts", "ref": "main"}


def test_a_private_repository_is_read_on_the_familys_own_server_with_its_token(trains: Universe, server: str) -> None:
    plan = planned(trains, {"git": ON_MAIN}, owner="alice", access=ALICE)
    assert _files(plan, "2.0") == {"tests/contracts/test_x.py": "# hers\n"}
    with pytest.raises(TokenError, match=rf"of {server}/alice/pipeline\.git can\'t be fetched: .*could not read"):
        planned(trains, {"git": ON_MAIN}, owner="alice")


def test_an_address_that_the_suite_names_gets_no_token(trains: Universe, server: str) -> None:
    with pytest.raises(TokenError, match="could not read Username"):
        planned(trains, {"git": {**ON_MAIN, "url": f"{server}/alice/pipeline.git"}}, owner="alice", access=ALICE)


def test_tests_of_a_directory_serve_every_version_of_the_downstream(trains: Universe, tmp_path: Path) -> None:
    folder = tmp_path / "checks"
    folder.mkdir()
    (folder / "test_here.py").write_text("# here\n")
    plan = planned(trains, {"path": str(folder)})
    assert _files(plan, "2.0") == _files(plan, "2.1") == {"checks/test_here.py": "# here\n"}


def test_a_directory_that_is_not_there_is_untested_and_named(trains: Universe, tmp_path: Path) -> None:
    unrun = planned(trains, {"path": str(tmp_path / "nowhere")}).cell("1.0", "2.0").unrun
    assert unrun is not None
    assert "nowhere" in (unrun.reason or "")


@pytest.mark.parametrize("kind", ["bad metadata", "another hash"])
def test_a_damaged_release_leaves_the_others_to_be_tested(
    trains: Universe, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "DOWNLOADS", 1)
    trains.wheel("core", "1.2", requires=["!! no requirement"] if kind == "bad metadata" else [])
    trains.index.damaged = {} if kind == "bad metadata" else {"core-1.2-py3-none-any.whl": b"something else"}
    folder = tmp_path / "checks"
    folder.mkdir()
    (folder / "test_here.py").write_text("")
    plan = planned(trains, {"path": str(folder)})
    assert plan.cell("1.1", "2.0").recipe is not None
    unrun = plan.cell("1.2", "2.0").unrun
    assert unrun is not None
    assert "core-1.2" in (unrun.reason or "")


def test_a_module_that_is_left_out_is_not_imported(trains: Universe) -> None:
    files = {"pipeline/__init__.py": "", "pipeline/a.py": "import core", "pipeline/b.py": "import core"}
    trains.wheel("pipeline", "2.2", files, requires=["core"])
    suite = {"imports": True, "leave_out": [{"test": "pipeline.b", "reason": "needs an extra"}]}
    recipe = planned(trains, suite).cell("1.0", "2.2").recipe
    assert recipe is not None
    assert recipe.modules == ("pipeline.a",)


INSIDE = {"pipeline/tests/__init__.py": "", "pipeline/tests/test_x.py": "# inside\n"}


def test_tests_inside_the_package_are_those_of_the_wheel_or_else_of_the_sdist(trains: Universe) -> None:
    package = {"pipeline/__init__.py": "import core"}
    trains.wheel("pipeline", "3.0", package | INSIDE, requires=["core"])
    trains.wheel("pipeline", "3.1", package, requires=["core"])
    for version in ("3.0", "3.1"):
        trains.sdist("pipeline", version, {f"src/{name}": text for name, text in (package | INSIDE).items()})
    plan = planned(trains, {"package": "pipeline.tests"}, upstream="1.0")
    recipe = plan.cell("1.0", "3.0").recipe
    assert recipe is not None
    assert (recipe.tests, recipe.target) == (None, "pipeline/tests")
    assert _files(plan, "3.1") == INSIDE
    unrun = plan.cell("1.0", "2.0").unrun
    assert unrun is not None
    assert unrun.reason == "neither the wheel nor the sdist of pipeline 2.0 has tests in pipeline.tests"


def test_the_init_of_the_package_is_no_file_of_its_suite(trains: Universe) -> None:
    package = {"pipeline/__init__.py": "import core"}
    trains.wheel("pipeline", "3.0", package, requires=["core"])
    trains.sdist("pipeline", "3.0", package | INSIDE)
    assert _files(planned(trains, {"sdist": "pipeline/tests"}, upstream="1.0", downstream="3.0"), "3.0") == INSIDE
