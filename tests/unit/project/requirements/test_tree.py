"""Where requirements stand in a repository: files by their names, by `-r` and `-c`, and members of a workspace."""

import os
from pathlib import Path

import pytest
from packaging.version import Version

from interlock.errors import BuildError
from interlock.project.requirements import declared, proposed, repin
from interlock.project.requirements.tree_files import tree_files
from tests.support.projects import contents, project

CORE, V, LINE = "acme-core", Version("1.5.0"), "acme-core==1.4\n"


@pytest.mark.parametrize(
    "name",
    [
        "dev-requirements.txt",
        "test_requirements.in",
        "docs/requirements.txt",
        "requirements/a/b.txt",
        "constraints/c.txt",
        "ci/constraints-3.9.txt",
        ".github/requirements.txt",
        "tests/requirements.txt",
        "a/b/c/requirements-all.txt",
    ],
)
def test_a_file_with_such_a_name_is_read_anywhere(tmp_path: Path, name: str) -> None:
    root = project(tmp_path, {name: f"# all\n-e .\n{LINE}"})
    assert repin(root, CORE, V).remarks == ()
    assert contents(root) == {name: b"# all\n-e .\nacme-core==1.5.0\n"}


@pytest.mark.parametrize("name", ["tests/fixtures/requirements.txt", "vendor/x/requirements.txt", "requirements.md"])
def test_a_file_that_belongs_to_something_else_is_only_named(tmp_path: Path, name: str) -> None:
    found = repin(project(tmp_path, {name: LINE}), CORE, V)
    assert (found.changes, len(found.remarks)) == ((), 1)


def test_files_that_others_lead_to_are_read_as_by_pip(tmp_path: Path) -> None:
    files = {
        "requirements.txt": "-r deps/base.in\n--requirement=more.pip\n -c  'limits'\n-r requirements.txt\n-rsetup.py",
        "deps/base.in": f"-rinner\n-c ../limits\n{LINE}",
        "deps/inner": f"-r base.in\n-r lost\n-r https://example.org/x\n{LINE}",
        "more.pip": LINE,
        "limits": LINE,
        "inner": LINE,
        "setup.py": "setup()\n",
    }
    found = repin(project(tmp_path, files), CORE, V)
    assert [path.as_posix() for path in found.files] == ["deps/base.in", "deps/inner", "limits", "more.pip"]
    assert found.remarks == ("inner:1: has acme-core==1.4, which is not edited: see whether it still fits",)


@pytest.mark.parametrize("target", ["../outside", "/etc/hosts", "link", "folder", "pipe", "${X}", "a" * 5_000, "\0"])
def test_what_leads_out_or_is_no_file_is_not_read(tmp_path: Path, target: str) -> None:
    (tmp_path / "outside").write_text(LINE)
    root = project(tmp_path / "repository", {"requirements.txt": f"-r {target}\n{LINE}", "folder/x": ""})
    (root / "link").symlink_to(tmp_path / "outside")
    os.mkfifo(root / "pipe")
    assert proposed(root, CORE, V).files == (Path("requirements.txt"),)


def test_a_circle_and_a_long_chain_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    circle = {f"requirements/{n}.txt": f"-r {(n + 1) % 9}.txt\n" for n in range(9)}
    chain = {"requirements.txt": "-r deps/0\n", **{f"deps/{n}": f"-r {n + 1}\n{LINE}" for n in range(50)}}
    root = project(tmp_path, {**circle, **chain})
    assert len(declared(root, CORE)) == 50
    monkeypatch.setattr("interlock.project.requirements.requirements_files.MOST_FOLLOWED", 30)
    assert len(declared(root, CORE)) == 20


def test_setup_cfg_may_name_files_and_have_comments(tmp_path: Path) -> None:
    files = {
        "setup.cfg": "[options]\ninstall_requires = file: deps.lst, lost\n[options.extras_require]\n"
        "a =\n    acme-core>=1.4,<2  # keep < 2\n    # acme-core>=1.4\n    acme-core>=1.3 ; os_name == 'a' # why\n",
        "deps.lst": LINE,
    }
    found = repin(project(tmp_path, files), CORE, V)
    assert contents(tmp_path)["setup.cfg"].decode() == (
        files["setup.cfg"].replace("  acme-core>=1.4,", "  acme-core>=1.5.0,").replace(">=1.3", ">=1.5.0")
    )
    assert [change.after for change in found.changes] == [
        "acme-core>=1.5.0,<2",
        "acme-core>=1.5.0 ; os_name == 'a'",
        "acme-core==1.5.0",
    ]


def test_hatch_may_be_told_which_files_to_read(tmp_path: Path) -> None:
    text = (
        "[tool.hatch.metadata.hooks.requirements_txt]\nfiles = ['deps.a', 'lost']\nfilename = 'deps.b'\n"
        "[tool.hatch.metadata.hooks.requirements_txt.optional-dependencies]\nx = ['deps.c']\n"
    )
    files = {"pyproject.toml": text, "deps.a": LINE, "deps.b": LINE, "deps.c": LINE, "deps.d": LINE}
    found = repin(project(tmp_path, files), CORE, V)
    assert [path.name for path in found.files] == ["deps.a", "deps.b", "deps.c"]


def test_members_of_a_workspace_move_as_well(tmp_path: Path) -> None:
    member = "[project]\nname = 'x'\ndependencies = ['acme-core>=1.4']\n"
    files = {
        "pyproject.toml": "[tool.uv.workspace]\nmembers=['packages/*', './libs/**/a', 1]\nexclude=['packages/old']\n",
        "packages/a/pyproject.toml": member + "[tool.pixi.dependencies]\nacme-core = '1.4'\n",
        "packages/a/setup.cfg": "[options]\ninstall_requires = acme-core>=1.4\n",
        "packages/old/pyproject.toml": member,
        "packages/b/c/pyproject.toml": member,
        "libs/x/y/a/pyproject.toml": member,
        "other/pyproject.toml": member,
    }
    found = repin(project(tmp_path, files), CORE, V)
    assert [change.at for change in found.changes] == [
        "libs/x/y/a/pyproject.toml:3",
        "packages/a/pyproject.toml:3",
        "packages/a/setup.cfg:2",
    ]
    assert [remark.partition(" ")[0] for remark in found.remarks] == [
        "packages/a/pyproject.toml:",
        "other/pyproject.toml:3:",
        "packages/b/c/pyproject.toml:3:",
        "packages/old/pyproject.toml:3:",
    ]


def test_a_member_that_is_not_valid_is_named_with_its_folder(tmp_path: Path) -> None:
    files = {"pyproject.toml": "[tool.uv.workspace]\nmembers = ['a']\n", "a/pyproject.toml": "[x"}
    with pytest.raises(BuildError, match=r"^a/pyproject\.toml:1: is no valid TOML"):
        repin(project(tmp_path, files), CORE, V)


def test_links_and_what_is_installed_are_no_files_of_the_tree(tmp_path: Path) -> None:
    root = project(tmp_path, {"b/c": "", "a": "", ".git/x": "", "x/node_modules/y": "", "sub/.git": ""})
    (root / "link").symlink_to("a")
    (root / "folder").symlink_to("b")
    assert tree_files(root, 9) == (Path("a"), Path("b/c"))
    assert tree_files(root, 1) == (Path("a"),)


def test_a_tree_that_is_too_large_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.project.requirements.tree.MOST_FILES", 1)
    found = repin(project(tmp_path, {"a": "", "z-requirements.txt": LINE}), CORE, V)
    assert found.remarks == ("only the first 1 files were looked at for acme-core",)


MEMBER = "[project]\nname = 'app'\ndependencies = ['acme-core>=1.4']\n"
WORKSPACE = "[tool.uv.workspace]\nmembers = ['packages/*']\n[tool.uv%s\n"


@pytest.mark.parametrize(
    ("above", "member", "refused"),
    [
        ("]\noverride-dependencies = ['acme-core==1.4']", "", "acme-core==1.4: it overrides"),
        ("]\nconstraint-dependencies = ['acme-core<1.5']", "", "acme-core<1.5: it limits"),
        ("]\nconstraint-dependencies = ['acme-core==1.4']", "", "acme-core==1.4: it limits"),
        ("]\nconstraint-dependencies = ['acme-core>=1.4']", "", None),
        (".sources]\nacme-core = {git = 'x', tag = 'v1.4.0'}", "", "git = 'x', tag"),
        (".sources]\nacme-core = {git = 'x', tag = 'v1.4.0'}", "[tool.uv.sources]\nacme-core={workspace=true}", None),
        (".x]\n[dependency-groups]\na = ['acme-core==1.4']", "", None),
    ],
)
def test_a_workspace_that_contradicts_its_member_holds_it(
    tmp_path: Path, above: str, member: str, refused: str | None
) -> None:
    top = project(tmp_path, {"pyproject.toml": WORKSPACE % above, "packages/app/pyproject.toml": MEMBER + member})
    found = repin(top / "packages/app", CORE, V, top=top)
    assert len(found.changes) == 1
    assert [str(each).startswith(f"../../pyproject.toml:4: {refused}") for each in found.refusals] == [True] * bool(
        refused
    )
    assert contents(top)["pyproject.toml"].decode() == WORKSPACE % above
    outside = project(tmp_path, {"other/pyproject.toml": MEMBER})
    assert repin(outside / "other", CORE, V, top=top).refusals == ()


def test_what_is_around_a_project_is_named_but_not_what_is_of_another_one(tmp_path: Path) -> None:
    files = {
        "tox.ini": f"deps = {LINE}",
        "docs/requirements.txt": LINE,
        "packages/app/pyproject.toml": MEMBER,
        "packages/app/requirements.txt": LINE,
        "packages/app/tox.ini": f"deps = {LINE}",
        "packages/other/setup.py": "",
        "packages/other/docs/requirements.txt": LINE,
    }
    top = project(tmp_path, files)
    found = repin(top / "packages/app", CORE, V, top=top)
    assert [path.as_posix() for path in found.files] == ["pyproject.toml", "requirements.txt"]
    assert [remark.partition(": ")[0] for remark in found.remarks] == [
        "tox.ini:1",
        "../../tox.ini:1",
        "../../docs/requirements.txt:1",
    ]
    whole = repin(top, CORE, V, top=top)
    assert whole.files == (Path("docs/requirements.txt"),)
    assert [remark.partition(": ")[0] for remark in whole.remarks] == [
        "tox.ini:1",
        "packages/app/tox.ini:1",
        "packages/other/docs/requirements.txt:1",
    ]
