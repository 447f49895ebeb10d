"""Files that name an upstream beside an earlier version, and that nothing edits: named, each once."""

from pathlib import Path

import pytest
from packaging.version import Version

from interlock.project.requirements import mentions, repin
from tests.support.projects import contents, project

CORE, V = "acme-core", Version("1.5.0")


def named(root: Path) -> list[str]:
    """The remarks about a repository's files, without what all of them say."""
    end = ", which is not edited: see whether it still fits"
    return [remark.removesuffix(end) for remark in repin(root, CORE, V).remarks]


@pytest.mark.parametrize(
    ("name", "text", "at"),
    [
        ("tox.ini", "[testenv]\ndeps =\n    pytest\n    Acme_Core[x] == 1.4.0\n", "4: has Acme_Core[x] == 1.4.0"),
        ("noxfile.py", 'session.install("acme.core>=1.4,<2")\n', "1: has acme.core>=1.4"),
        ("Pipfile", '[packages]\nacme-core = "~=1.4.0"\n', '2: has acme-core = "~=1.4.0'),
        ("Pipfile", 'acme-core = {extras = ["a"], version = "==1.4"}', "1: has acme-core = {"),
        ("environment.yml", "dependencies:\n  - acme-core=1.4\n", "2: has acme-core=1.4"),
        ("recipe/meta.yaml", "run:\n    - acme-core 1.4.*\n", "2: has acme-core 1.4.*"),
        ("scripts/run.py", '# /// script\n# dependencies = ["acme-core>=1"]\n# ///\n', "2: has acme-core>=1"),
        ("pixi.toml", "[pypi-dependencies]\nacme-core = '>=1.4'\n", "2: has acme-core = '>=1.4"),
        (".pre-commit-config.yaml", '  additional_dependencies: ["acme-core==1.4.0"]\n', "1: has acme-core==1.4.0"),
        (
            ".pre-commit-config.yaml",
            "repos:\n- repo: https://example.org/acme/acme-core.git  # ours\n  rev: v1.4.0\n",
            "3: has acme-core.git # ours rev: v1.4.0",
        ),
        ("data.json", '{"acme-core": {\n  "kind": "x",\n  "version": "1.4.0"}}', "3: has acme-core"),
        ("Dockerfile", "ARG ACME_CORE_VERSION=1.4.0\n", "1: has ACME_CORE_VERSION=1.4.0"),
        ("Dockerfile", "RUN pip install --no-cache 'acme-core~=1.4'\n", "1: has acme-core~=1.4"),
        ("docs/install.md", "Use acme-core 1.4.0 or later.\n", "1: has acme-core 1.4.0"),
        (".github/workflows/ci.yml", "- uses: acme/acme-core@v1.4\n", "1: has acme-core@v1.4"),
        ("Makefile", "get:\n\tcurl https://example.org/acme_core-1.4.0-py3-none-any.whl\n", "2: has acme_core-1.4.0"),
        ("get.sh", "curl https://example.org/acme-core/archive/refs/tags/v1.4.0.zip\n", "1: has acme-core/archive/"),
        ("tests/fixtures/requirements.txt", "acme-core==1.4.0\n", "1: has acme-core==1.4.0"),
        ("docs/system-requirements.txt", "acme-core>=1.4 is needed.\n", "1: has acme-core>=1.4"),
        ("requirements.txt", "other\ngit+https://example.org/acme-core@v1.4.0\n", "2: has acme-core@v1.4.0"),
        ("requirements.txt", "--find-links acme-core==1.4\n", "1: has acme-core==1.4"),
    ],
)
def test_a_version_of_the_upstream_anywhere_is_named(tmp_path: Path, name: str, text: str, at: str) -> None:
    root = project(tmp_path, {name: text})
    before = contents(root)
    (remark,) = named(root)
    assert remark.startswith(f"{name}:{at}")
    assert contents(root) == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tox.ini", "deps = acme-core-extra==1.4.0 my-acme-core==1.4.0 acme-core2==1.4 acme-cores==1.4"),
        ("tox.ini", "deps = acme-core==1.5.0 acme-core>=1.6 acme-core acme-core<2 acme-core==1.5.*"),
        ("README.md", "acme-core starts 1 worker; acme-core, 1 of them; acme-core: 1\n"),
        ("CHANGELOG.md", "acme-core==1.4.0"),
        ("CHANGES", "acme-core==1.4.0"),
        ("docs/changelog/1.md", "acme-core==1.4.0"),
        ("HISTORY.rst", "acme-core==1.4.0"),
        ("some.lock", "acme-core==1.4.0"),
        ("package-lock.json", "acme-core==1.4.0"),
        ("image.bin", "\0acme-core==1.4.0"),
        (".git/config", "acme-core==1.4.0"),
        ("requirements.txt", "# acme-core==1.4.0\nother==1 # acme-core==1.4\nacme-core==1.4.0\n"),
        ("pyproject.toml", "# acme-core==1.4.0\n[project]\ndependencies = ['acme-core==1.4.0'] # acme-core==1.4.0\n"),
    ],
)
def test_other_packages_later_versions_and_the_past_are_not_named(tmp_path: Path, name: str, text: str) -> None:
    assert named(project(tmp_path, {name: text})) == []


def test_other_tools_tables_are_named_by_their_keys(tmp_path: Path) -> None:
    text = (
        '[tool.pixi.pypi-dependencies]\nAcme_Core = "==1.4.0"\n'
        '[tool.pixi.feature.x.dependencies]\nacme-core = {version = ">=1.4,<2", channel = "a"}\n'
        '[tool.hatch.envs.test]\ndependencies = ["acme-core==1.4.0", "acme-core>=1.5"]\n'
        '[tool.x]\nacme-core = "a 1.4.0"\n'
    )
    assert named(project(tmp_path, {"pyproject.toml": text})) == [
        "pyproject.toml: tool.pixi.pypi-dependencies.Acme_Core has ==1.4.0",
        "pyproject.toml: tool.pixi.feature.x.dependencies.acme-core.version has >=1.4,<2",
        "pyproject.toml: tool.hatch.envs.test.dependencies has acme-core==1.4.0",
    ]


def test_there_are_so_many_remarks_at_most(tmp_path: Path) -> None:
    found = named(project(tmp_path, {f"docs/{n:02}.md": "acme-core==1.4\nacme-core==1.3\n" for n in range(25)}))
    assert (len(found), found[0]) == (21, "docs/00.md:1: has acme-core==1.4")
    assert found[-1] == "5 more files name an earlier version of acme-core"


def test_large_files_are_left_out_and_large_repositories_are_not_read_to_their_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project(tmp_path, {"a.md": "acme-core==1.4", "b.md": "acme-core==1.4" + " " * 200, "c.md": "acme-core==1.4"})
    monkeypatch.setattr(mentions, "LARGEST", 100)
    assert named(root) == ["a.md:1: has acme-core==1.4", "c.md:1: has acme-core==1.4"]
    monkeypatch.setattr(mentions, "MOST_BYTES", 20)
    assert named(root)[-1] == "c.md and what comes after it were not searched for acme-core: it is too much"


@pytest.mark.parametrize(
    "text", ["acme-core" + " " * 400_000, "acme-core==" + "1" * 200_000, "acme-core==1" + ".1" * 99_999]
)
def test_text_that_nobody_writes_takes_no_time_and_is_not_named(tmp_path: Path, text: str) -> None:
    assert named(project(tmp_path, {"a.md": text, "b.md": "acme-core=" * 40_000})) == []
