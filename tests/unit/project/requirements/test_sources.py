"""Overrides and sources: what wins over a requirement never contradicts one that moves."""

from pathlib import Path

import pytest
from packaging.version import Version

from interlock.project.requirements import declared, repin
from tests.support.projects import contents, project

CORE, V = "acme-core", Version("1.5.0")
BOUND = "[project]\nname = 'app'\ndependencies = ['acme-core>=1.4']\n"


def with_source(root: Path, text: str) -> Path:
    return project(root, {"pyproject.toml": BOUND + text})


@pytest.mark.parametrize(
    ("text", "at", "reason"),
    [
        ("[tool.uv.sources]\nAcme_Core = {git = 'https://example.org/x', tag = 'v1.4.0'}\n", 5, "its tag 'v1.4.0'"),
        ("[tool.uv.sources]\nacme-core = {git = 'https://example.org/x', rev = '15' }\n", 5, "its rev '15'"),
        ("[tool.uv.sources.acme-core]\nurl = 'https://example.org/acme_core-1.4.0.tar.gz'\n", 4, "from its url"),
        ("[tool.uv.sources]\nacme-core = {path = 'wheels/acme_core-1.4.0-py3-none-any.whl'}\n", 5, "from its path"),
        ("[tool.uv.sources]\nacme-core = {git = 'x', tag = 'v1.5.0rc1'}\n", 5, "does not name 1.5.0"),
        ("[tool.uv.sources]\nacme-core = [{index = 'a'}, {git = 'x', tag = 'v1.5.01'}]\n", 5, "does not name 1.5.0"),
        ("[tool.uv]\noverride-dependencies = ['x', 'acme-core==1.4.0']\n", 5, "overrides every other requirement"),
        ("[tool.uv]\noverride-dependencies = ['acme-core @ https://example.org/a.whl']\n", 5, "excludes 1.5.0"),
        ("[tool.uv]\nconstraint-dependencies = ['acme-core<1.5']\n", 5, '"<1.5" excludes 1.5.0'),
        ("[tool.pdm.resolution.overrides]\nacme-core = '1.4.0'\n", 5, "excludes 1.5.0"),
        ("[tool.pdm.resolution.overrides]\nacme-core = '<1.5'\n", 5, "excludes 1.5.0"),
        ("[tool.pdm.resolution.overrides]\nacme-core = 'https://example.org/core'\n", 5, "excludes 1.5.0"),
        ("[tool.poetry.dependencies]\nacme-core = {git = 'x', tag = 'v1.4.0'}\n", 5, "its tag 'v1.4.0'"),
        ("[tool.poetry.group.a.dependencies]\nacme-core = {url = 'https://example.org/1.4.whl'}\n", 5, "its url"),
    ],
)
def test_what_would_contradict_a_moved_bound_holds_it(tmp_path: Path, text: str, at: int, reason: str) -> None:
    root = with_source(tmp_path, text)
    (refusal,) = repin(root, CORE, V).refusals
    assert (refusal.line, reason in refusal.reason) == (at, True)
    assert contents(root) == {"pyproject.toml": (BOUND + text).encode()}
    assert len(declared(root, CORE)) == (2 if "constraint" in text else 1)


@pytest.mark.parametrize(
    "text",
    [
        "[tool.uv.sources]\nacme-core = {git = 'x', tag = 'acme-core-v1.5.0'}\n",
        "[tool.uv.sources]\nacme-core = {url = 'https://example.org/1.5.0/acme_core-1.5.0.tar.gz'}\n",
        "[tool.uv.sources]\nacme-core = {workspace = true}\n",
        "[tool.uv.sources]\nacme-core = {index = 'internal'}\nother = {git = 'x', tag = 'v1.4.0'}\n",
        "[tool.uv.sources]\nacme-core = 1\n",
        "[tool.uv]\noverride-dependencies = ['acme-core>=1.4,<2', 'acme-core==1.5.0', 'acme-core', 'other==1.4']\n",
        "[tool.uv]\noverride-dependencies = ['acme-core @ https://example.org/acme_core-1.5.0.tar.gz']\n",
        "[tool.pdm.resolution.overrides]\nacme-core = '1.5.0'\nother = '1.4'\n",
        "[tool.pdm.resolution.overrides]\nacme-core = 'https://example.org/acme_core-1.5.0.tar.gz'\n",
        "[tool.poetry.dependencies]\nacme-core = {source = 'internal'}\n",
        "[tool.poetry.dependencies]\nacme-core = {source = 'internal', allow-prereleases = true}\n",
    ],
)
def test_what_does_not_contradict_it_holds_nothing(tmp_path: Path, text: str) -> None:
    found = repin(with_source(tmp_path, text), CORE, V)
    assert (len(found.changes), found.refusals, found.remarks) == (1, (), ())
    assert contents(tmp_path) == {"pyproject.toml": (BOUND.replace("1.4", "1.5.0") + text).encode()}


@pytest.mark.parametrize(
    "text",
    [
        "[tool.uv.sources]\nacme-core = {path = '../core', editable = true}\n",
        "[tool.uv.sources]\nacme-core = {git = 'https://example.org/core', branch = 'main'}\n",
        "[tool.poetry.group.dev.dependencies]\nacme-core = {path = '../core', develop = true}\n",
    ],
)
def test_a_source_without_a_version_is_named(tmp_path: Path, text: str) -> None:
    found = repin(with_source(tmp_path, text), CORE, V)
    assert (len(found.changes), found.refusals) == (1, ())
    assert found.remarks[0].endswith("which names no version: see whether it is 1.5.0")
    assert repin(tmp_path, CORE, V).remarks == ()


def test_what_wins_is_only_named_where_nothing_moves(tmp_path: Path) -> None:
    root = project(
        tmp_path, {"pyproject.toml": BOUND.replace(">=1.4", "") + "[tool.uv.sources.acme-core]\nrev = 'a'\ngit='x'\n"}
    )
    found = repin(root, CORE, V)
    assert (found.changes, found.refusals) == ((), ())
    (remark,) = found.remarks
    assert remark.startswith("pyproject.toml: tool.uv.sources.acme-core has rev = 'a', git = 'x', which is not edited")


def test_what_limits_or_is_installed_besides_moves_as_well(tmp_path: Path) -> None:
    text = (
        "[tool.uv]\nconstraint-dependencies = ['acme-core>=1.4,<2']\ndev-dependencies = ['acme-core==1.4']\n"
        "[tool.pdm.dev-dependencies]\ntest = ['-e file:///core', 'acme-core~=1.4']\n"
        "[tool.flit.metadata]\nrequires = ['acme-core (>=1.4)']\n"
    )
    found = repin(with_source(tmp_path, text), CORE, V)
    assert [each.after for each in found.changes] == [
        "acme-core>=1.5.0",
        "acme-core~=1.5",
        "acme-core==1.5.0",
        "acme-core>=1.5.0,<2",
        "acme-core (>=1.5.0)",
    ]


def test_a_dependency_of_poetry_alone_has_to_name_the_version(tmp_path: Path) -> None:
    text = "[tool.poetry.dependencies]\nacme-core = {git = 'x', tag = 'v%s'}\n"
    assert len(repin(project(tmp_path, {"pyproject.toml": text % "1.4.0"}), CORE, V).refusals) == 1
    assert repin(project(tmp_path, {"pyproject.toml": text % "1.5.0"}), CORE, V).refusals == ()
    source = "[tool.poetry.dependencies]\nacme-core = {source = 'internal'}\n"
    assert "by hand" in repin(project(tmp_path, {"pyproject.toml": source}), CORE, V).refusals[0].reason


def test_a_url_that_names_the_version_is_right_already(tmp_path: Path) -> None:
    url = "acme-core @ git+https://example.org/core@v{}\n"
    assert len(repin(project(tmp_path, {"requirements.txt": url.format("1.4.0")}), CORE, V).refusals) == 1
    assert repin(project(tmp_path, {"requirements.txt": url.format("1.5.0")}), CORE, V).refusals == ()
